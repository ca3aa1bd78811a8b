"""Verify and carry out security event tokens of Google's Cross-Account Protection (RFC 8417).

https://developers.google.com/identity/protocols/risc
"""

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from django.conf import settings

from accounts.audit.vocabulary import Alert
from accounts.federation.endings import reports
from accounts.federation.errors import (
    BadSignatureError,
    MalformedTokenError,
    ProviderError,
    UnknownKeyError,
)
from accounts.federation.wire import jws, replay

LEEWAY_SECONDS = 30
MAX_AGE_SECONDS = 7 * 24 * 3600
MAX_NAME_CHARACTERS = 191
TYPES = {"SECEVENT+JWT", "JWT"}
PREFIXES = (
    "https://schemas.openid.net/secevent/risc/event-type/",
    "https://schemas.openid.net/secevent/oauth/event-type/",
)
SUBJECT_TYPES = {"iss-sub", "iss_sub", "id_token_claims"}

Report = Callable[[str], None]
REPORTS: dict[str, Report] = {
    "sessions-revoked": partial(reports.ended, "google", event=Alert.SESSIONS_REVOKED),
    "tokens-revoked": partial(reports.ended, "google", event=Alert.TOKENS_REVOKED),
    "account-disabled": partial(reports.ended, "google", event=Alert.ACCOUNT_DISABLED),
    "hijacking": partial(reports.hijacked, "google", event=Alert.HIJACKING),
    "account-purged": partial(reports.unlinked, "google"),
    "account-credential-change-required": partial(
        reports.suspicious, "google", event=Alert.CREDENTIAL_CHANGE
    ),
}
"""The call for each event type; it takes a `sub`. Other types do nothing: `account-enabled`, because
a report restores nothing; `token-revoked`, because it names a refresh token and we have none;
`verification`, which only tests the stream; and types that Google adds later.
"""


class RefusedEventError(ProviderError):
    """The token is refused. `err` is the error code of RFC 8935 §2.4 for the answer."""

    def __init__(self, err: str, description: str) -> None:
        super().__init__(description)
        self.err = err


def receive(token: str) -> None:
    """Carry out the reports of this security event token, unless that was done before.

    Raises `RefusedEventError` if the token is invalid, `ProviderUnavailableError` if Google's keys
    can't be read, and `STORE_ERRORS` if Redis can't tell whether the token is new. After the last
    two, Google sends the token again.

    The token is marked as used only after its reports. If the process dies in between, they are
    carried out twice, which repeats an audit event and at most a mail.
    """
    claims = _claims(token)
    todo = _reports(claims)
    try:
        name = jws.name_in(claims, "jti", limit=MAX_NAME_CHARACTERS)
        issued_at = jws.seconds_in(claims, "iat")
    except ProviderError as exc:
        raise RefusedEventError("invalid_request", str(exc)) from exc
    now = int(time.time())  # whole: a float may not hold the difference to a huge `iat`
    if not -LEEWAY_SECONDS <= now - issued_at <= MAX_AGE_SECONDS:
        raise RefusedEventError("invalid_request", "issued too long ago, or not yet")
    fingerprint = hashlib.sha256(f"event {name}".encode()).hexdigest()
    if replay.is_spent(fingerprint):
        return
    for report in todo:
        report()
    with suppress(ProviderError):  # another process was as fast
        replay.spend(fingerprint, expires_at=issued_at + MAX_AGE_SECONDS)


def _claims(token: str) -> dict[str, Any]:
    """Return the claims of a token that Google signed for us. Raises `RefusedEventError`.

    `aud` may also name other clients of our Google project. Raises `ProviderUnavailableError` if
    Google's keys can't be read.
    """
    options = settings.SOCIALACCOUNT_PROVIDERS["google"]
    try:
        claims = jws.verified_claims(token, jwks_uri=options["JWKS_URL"], types=TYPES)
    except UnknownKeyError as exc:
        raise RefusedEventError("invalid_key", str(exc)) from exc
    except BadSignatureError as exc:
        raise RefusedEventError("authentication_failed", str(exc)) from exc
    except MalformedTokenError as exc:
        raise RefusedEventError("invalid_request", str(exc)) from exc
    if claims.get("iss") not in _issuers():
        raise RefusedEventError("invalid_issuer", "another issuer")
    named = claims.get("aud")
    named = [named] if isinstance(named, str) else named
    ours = [app["client_id"] for app in options["APPS"]]
    if not isinstance(named, list) or not any(one in ours for one in named):
        raise RefusedEventError("invalid_audience", "another audience")
    return claims


def _reports(claims: dict[str, Any]) -> list[Callable[[], None]]:
    """Return the calls that carry out these events. Raises `RefusedEventError` if one is malformed.

    So nothing is carried out unless all events are understood. A token without `events`, or with a
    `nonce`, is an ID token and no event.
    """
    events = claims.get("events")
    if not isinstance(events, dict) or not events or "nonce" in claims:
        raise RefusedEventError("invalid_request", "no security event token")
    found: list[Callable[[], None]] = []
    for uri, event in events.items():
        if not isinstance(event, dict):
            raise RefusedEventError("invalid_request", "an event is no object")
        report = _report(uri, event)
        if report is not None:
            found.append(partial(report, _subject(event)))
    return found


def _report(uri: str, event: dict[str, Any]) -> Report | None:
    prefix = next((one for one in PREFIXES if uri.startswith(one)), None)
    if prefix is None:
        return None
    name = uri.removeprefix(prefix)
    is_hijacked = name == "account-disabled" and event.get("reason") == "hijacking"
    return REPORTS.get("hijacking" if is_hijacked else name)


def _subject(event: dict[str, Any]) -> str:
    """Return Google's `sub` of the person: the uid of the connection.

    Raises `RefusedEventError`.
    """
    subject = event.get("subject")
    if not isinstance(subject, dict) or subject.get("subject_type") not in list(SUBJECT_TYPES):
        raise RefusedEventError("invalid_request", "a subject of no known type")
    if subject.get("iss") not in _issuers():
        raise RefusedEventError("invalid_request", "a subject of another issuer")
    try:
        return jws.name_in(subject, "sub", limit=MAX_NAME_CHARACTERS)
    except ProviderError as exc:
        raise RefusedEventError("invalid_request", str(exc)) from exc


def _issuers() -> list[str]:
    """Return Google's name with a slash at the end, as only event tokens have it, and without."""
    issuer: str = settings.SOCIALACCOUNT_PROVIDERS["google"]["ISSUER"]
    return [f"{issuer}/", issuer]
