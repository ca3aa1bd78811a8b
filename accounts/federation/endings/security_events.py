"""Security event tokens of Google's Cross-Account Protection (RFC 8417), as they are to be read.

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
"""What to do with a `sub`. Nothing for `account-enabled`, since nothing is ever given back; for
`token-revoked`, which is of a refresh token, and we have none; for `verification`, a try of the
stream; and for whatever Google will think of.
"""


class RefusedEventError(ProviderError):
    """`err`: RFC 8935 §2.4's word for it."""

    def __init__(self, err: str, description: str) -> None:
        super().__init__(description)
        self.err = err


def receive(token: str) -> None:
    """Do what this token asks for, unless that was done.

    Raises `RefusedEventError`; `ProviderUnavailableError` while nobody can tell who signed it, and
    `STORE_ERRORS` while nobody can tell whether it is new: it is then sent again. Remembered
    afterwards, so that nothing is lost in between: what is done twice is as if done once.
    """
    claims = _claims(token)
    todo = _reports(claims)
    try:
        name = jws.name_in(claims, "jti", limit=MAX_NAME_CHARACTERS)
        issued_at = jws.seconds_in(claims, "iat")
    except ProviderError as exc:
        raise RefusedEventError("invalid_request", str(exc)) from exc
    now = int(time.time())  # whole: no float holds the difference to what may stand there
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
    """Of a token that Google signed for us. Other clients of our Google project may stand beside."""
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
    """What is to be done, all of it understood before any of it is done.

    An ID token has no `events`; what has a `nonce` answered somebody's sign-in and is no event.
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
    """Google's `sub` of the person, which is the connection's uid."""
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
    """With a slash, as nowhere else; or without."""
    issuer: str = settings.SOCIALACCOUNT_PROVIDERS["google"]["ISSUER"]
    return [f"{issuer}/", issuer]
