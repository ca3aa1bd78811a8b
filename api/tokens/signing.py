"""Sign a token and verify one, as strings and claims.

Keys, headers and the rules of verification are ours; the interface is SimpleJWT's backend.
"""

import json
import re
from contextvars import ContextVar
from typing import Any

import jwt
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuedAtError,
    InvalidIssuerError,
    InvalidSignatureError,
    InvalidTokenError,
    MissingRequiredClaimError,
)
from jwt.utils import base64url_decode
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken
from structlog import get_logger
from typing_extensions import override

from api.keys import ring

log = get_logger()

will_be_tried_again: ContextVar[bool] = ContextVar("will_be_tried_again", default=False)
"""True while `config.gate` looks at a token. Django looks at a refused one again, and writes the line."""

REASONS: dict[type[Exception], str] = {
    InvalidSignatureError: "signature",
    InvalidAlgorithmError: "algorithm",
    InvalidAudienceError: "audience",
    InvalidIssuerError: "issuer",
    InvalidIssuedAtError: "issued_at",
    ImmatureSignatureError: "not_yet_valid",
    MissingRequiredClaimError: "missing_claim",
}
"""The `reason` of the log line for a token that is forged or not for us. An expired one has no line."""

MAX_BYTES = 4096
REQUIRED = ["aud", "client_id", "exp", "iat", "iss", "jti", "sid", "sub"]
LEEWAY_SECONDS = 5
"""Servers' clocks may differ by this much: an `iat` further ahead is refused."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class SignedJWTBackend(TokenBackend):
    """Sign with the current key. Verify with the key of the token's `kid` and only its algorithm.

    Never reads the headers `jku`, `x5u`, `jwk` and `x5c` (RFC 8725 §3.10).
    """

    def __init__(self, typ: str, audience: str) -> None:
        super().__init__(settings.SIGNING_ALGORITHM, audience=audience, issuer=settings.SITE_URL)
        self.typ = typ

    @override
    def encode(self, payload: dict[str, Any]) -> str:
        key = ring.current()
        claims = {"iss": self.issuer, "aud": self.audience, **payload}
        headers = {"kid": key.kid, "typ": self.typ}
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers=headers)

    @override
    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """Return the claims. Raises `TokenBackendError` unless we signed this token of this kind.

        Raises `TokenBackendExpiredToken` if the token has expired, except with `verify=False`.
        """
        text = token.decode("ascii", "replace") if isinstance(token, bytes) else str(token)
        if not is_compact(text):
            raise TokenBackendError(_("Token is invalid"))
        try:
            header = header_of(text)
            key = ring.find(str(header.get("kid", "")))
            if key is None:
                _note("unknown_key")
            # No log line for another kind of token: callers try one kind after the other.
            if key is None or "crit" in header or not self._is_our_typ(header):
                raise TokenBackendError(_("Token is invalid"))
            payload: dict[str, Any] = jwt.decode(  # noqa: TID251 - this is api.tokens.signing
                text,
                key.public,
                algorithms=[key.algorithm],
                audience=self.audience,
                issuer=self.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": REQUIRED, "verify_exp": verify},
            )
        except ExpiredSignatureError as exc:
            raise TokenBackendExpiredToken(_("Token is expired")) from exc
        except (InvalidTokenError, ValueError, RecursionError) as exc:
            _note(REASONS.get(type(exc), "malformed"))
            raise TokenBackendError(_("Token is invalid")) from exc
        return payload

    def _is_our_typ(self, header: dict[str, Any]) -> bool:
        """Return True if the type is ours, with or without `application/` (RFC 9068 §2.1)."""
        typ = str(header.get("typ", "")).lower().removeprefix("application/")
        return typ == self.typ


def _note(reason: str) -> None:
    if not will_be_tried_again.get():
        log.warning("token_refused", reason=reason)


def is_compact(text: str) -> bool:
    """Return True if this text has the form and at most the size of a signed token."""
    return len(text) <= MAX_BYTES and _COMPACT.fullmatch(text) is not None


def header_of(text: str) -> dict[str, Any]:
    """Return the header. Raises `ValueError` if header or payload has a member twice.

    JSON parsers differ in which of the two they keep, so two verifiers would read different claims (RFC
    8725 bis).
    """
    head, payload, _signature = text.split(".")
    json.loads(base64url_decode(payload), object_pairs_hook=_unique)
    header = json.loads(base64url_decode(head), object_pairs_hook=_unique)
    if not isinstance(header, dict):
        raise ValueError("a header that is no object")  # noqa: TRY004 - as any other text that is no token
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members
