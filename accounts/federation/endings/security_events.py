"""Receive security event tokens (RFC 8417) of Google and Kakao: verify, act once.

- Google's Cross-Account Protection: https://developers.google.com/identity/protocols/risc
- Kakao's account status webhook: https://developers.kakao.com/docs/latest/en/kakaologin/callback
"""

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
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
from accounts.federation.providers import kakao
from accounts.federation.wire import jws, replay

LEEWAY_SECONDS = 30
MAX_AGE_SECONDS = 7 * 24 * 3600
MAX_NAME_CHARACTERS = 191
TYPES = {"SECEVENT+JWT", "JWT"}
PREFIXES = tuple(
    f"https://schemas.openid.net/secevent/{kind}/event-type/" for kind in ("risc", "oauth", "caep")
)
SUBJECT_TYPES = {"iss-sub", "iss_sub", "id_token_claims"}

Report = Callable[[str, str], None]
"""Called with the provider and the uid of its account."""
REPORTS: dict[str, Report] = {
    "sessions-revoked": partial(reports.ended, event=Alert.SESSIONS_REVOKED),
    "tokens-revoked": partial(reports.ended, event=Alert.TOKENS_REVOKED),
    "account-disabled": partial(reports.ended, event=Alert.ACCOUNT_DISABLED),
    "hijacking": partial(reports.hijacked, event=Alert.HIJACKING),
    "account-purged": reports.unlinked,
    "account-credential-change-required": partial(
        reports.suspicious, event=Alert.CREDENTIAL_CHANGE
    ),
}
"""What to do for a person. Nothing for `account-enabled`, because nothing is ever given back; for
`token-revoked`, which is about a refresh token, and we keep none; for `verification`, a test of the
stream; and for any event that is not listed.
"""
KAKAO_REPORTS: dict[str, Report] = REPORTS | {
    "user-unlinked": reports.unlinked,
    "session-revoked": partial(reports.ended, event=Alert.SESSIONS_REVOKED),
    "credential-change": partial(reports.ended, event=Alert.CREDENTIAL_CHANGED),
    "credential-compromise": partial(reports.ended, event=Alert.CREDENTIAL_CHANGE),
}


class RefusedEventError(ProviderError):
    """The token is refused. `err` is the word of RFC 8935 §2.4."""

    def __init__(self, err: str, description: str) -> None:
        super().__init__(description)
        self.err = err


@dataclass(frozen=True)
class Sender:
    """A provider that sends security event tokens."""

    provider: str
    reports: dict[str, Report]
    endings: tuple[str, ...] = ("",)
    """What may follow the issuer's address in `iss`."""
    has_subject_in_claims: bool = False
    """The person is in `sub` of the token, and perhaps in each event as well."""

    @property
    def options(self) -> dict[str, Any]:
        options: dict[str, Any] = settings.SOCIALACCOUNT_PROVIDERS[self.provider]
        return options

    @property
    def issuers(self) -> list[str]:
        return [self.options["ISSUER"] + ending for ending in self.endings]

    @property
    def client_ids(self) -> list[str]:
        return [app["client_id"] for app in self.options["APPS"]]


GOOGLE = Sender("google", REPORTS, endings=("/", ""))
KAKAO = Sender("kakao", KAKAO_REPORTS, has_subject_in_claims=True)


def receive(token: str, sender: Sender) -> None:
    """Do what this token asks for, unless that was done.

    Raises `RefusedEventError`; `ProviderUnavailableError` while the keys can't be read, and
    `STORE_ERRORS` while Redis is down: the provider then sends it again. The token is remembered
    after the work, so that nothing is lost in between: work that is done twice does no harm.
    """
    claims = _claims(token, sender)
    todo = _todo(claims, sender)
    try:
        name = jws.name_in(claims, "jti", limit=MAX_NAME_CHARACTERS)
        issued_at = jws.seconds_in(claims, "iat")
    except ProviderError as exc:
        raise RefusedEventError("invalid_request", str(exc)) from exc
    now = int(time.time())  # whole: `iat` may be too large for the difference to be a float
    if not -LEEWAY_SECONDS <= now - issued_at <= MAX_AGE_SECONDS:
        raise RefusedEventError("invalid_request", "issued too long ago, or not yet")
    fingerprint = hashlib.sha256(f"event {sender.provider} {name}".encode()).hexdigest()
    if replay.is_spent(fingerprint):
        return
    for report in todo:
        report()
    with suppress(ProviderError):  # another process was as fast
        replay.spend(fingerprint, expires_at=issued_at + MAX_AGE_SECONDS)


def _claims(token: str, sender: Sender) -> dict[str, Any]:
    """Return the claims of a token that the provider signed for us.

    `aud` may name other clients of the same project besides ours. Raises `RefusedEventError`, and
    `ProviderUnavailableError` if the keys can't be read.
    """
    try:
        claims = jws.verified_claims(token, jwks_uri=sender.options["JWKS_URL"], types=TYPES)
    except UnknownKeyError as exc:
        raise RefusedEventError("invalid_key", str(exc)) from exc
    except BadSignatureError as exc:
        raise RefusedEventError("authentication_failed", str(exc)) from exc
    except MalformedTokenError as exc:
        raise RefusedEventError("invalid_request", str(exc)) from exc
    if claims.get("iss") not in sender.issuers:
        raise RefusedEventError("invalid_issuer", "another issuer")
    named = claims.get("aud")
    named = [named] if isinstance(named, str) else named
    if not isinstance(named, list) or not any(one in sender.client_ids for one in named):
        raise RefusedEventError("invalid_audience", "another audience")
    return claims


def _todo(claims: dict[str, Any], sender: Sender) -> list[Callable[[], None]]:
    """Return what to do. All of it is understood before any of it is done.

    An ID token has no `events`. A token with a `nonce` answered a sign-in and is no event.
    """
    events = claims.get("events")
    if not isinstance(events, dict) or not events or "nonce" in claims:
        raise RefusedEventError("invalid_request", "no security event token")
    found: list[Callable[[], None]] = []
    for uri, event in events.items():
        if not isinstance(event, dict):
            raise RefusedEventError("invalid_request", "an event is no object")
        report = _report(uri, event, sender)
        if report is not None:
            found.append(partial(report, sender.provider, _uid(claims, event, sender)))
    return found


def _report(uri: str, event: dict[str, Any], sender: Sender) -> Report | None:
    prefix = next((one for one in PREFIXES if uri.startswith(one)), None)
    if prefix is None:
        return None
    name = uri.removeprefix(prefix)
    is_hijacked = name == "account-disabled" and event.get("reason") == "hijacking"
    return sender.reports.get("hijacking" if is_hijacked else name)


def _uid(claims: dict[str, Any], event: dict[str, Any], sender: Sender) -> str:
    """Return the provider's id of the person, which is the connection's uid."""
    try:
        if not sender.has_subject_in_claims:
            return _named_by(event, sender)
        named = [kakao.number_of(claims["sub"])] if "sub" in claims else []
        named += [kakao.number_of(_named_by(event, sender))] if "subject" in event else []
    except RefusedEventError:
        raise
    except ProviderError as exc:
        raise RefusedEventError("invalid_request", str(exc)) from exc
    if len(set(named)) != 1:
        raise RefusedEventError("invalid_request", "no subject, or two")
    return named[0]


def _named_by(event: dict[str, Any], sender: Sender) -> str:
    """Return the `sub` of an event's own subject. Raises `ProviderError`."""
    subject = event.get("subject")
    if not isinstance(subject, dict) or subject.get("subject_type") not in list(SUBJECT_TYPES):
        raise RefusedEventError("invalid_request", "a subject of no known type")
    if subject.get("iss") not in sender.issuers:
        raise RefusedEventError("invalid_request", "a subject of another issuer")
    return jws.name_in(subject, "sub", limit=MAX_NAME_CHARACTERS)
