"""Claims in, signed string out. Access tokens follow RFC 9068.

SimpleJWT carries the token objects; keys, headers and the rules of verification are ours. Both
kinds are minted from the `AuthSession` row alone, so nothing about them is stored.
"""

import json
import re
import time
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar, Self
from uuid import UUID, uuid4

import jwt
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from jwt.exceptions import ExpiredSignatureError, InvalidTokenError
from jwt.utils import base64url_decode
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import (
    ExpiredTokenError,
    TokenBackendError,
    TokenBackendExpiredToken,
    TokenError,
)
from rest_framework_simplejwt.tokens import Token

from accounts.signins.models import AuthSession
from api import keys

MAX_BYTES = 4096
REQUIRED = ["aud", "client_id", "exp", "iat", "iss", "jti", "sid", "sub"]
REMEMBERED = 4096
"""Access tokens whose signature a process remembers: 9.4 MB when it is full (`make bench`)."""
LEEWAY_SECONDS = 5
"""Servers' clocks differ by this much at most: an `iat` further ahead is refused."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_SCOPE = {True: "admin", False: ""}


class SignedJWTBackend(TokenBackend):
    """Signs with the current key; verifies with the key that `kid` names, and its algorithm only.

    `jku`, `x5u`, `jwk` and `x5c` headers are never read (RFC 8725 §3.10).
    """

    def __init__(self, typ: str, audience: str) -> None:
        super().__init__(settings.SIGNING_ALGORITHM, audience=audience, issuer=settings.SITE_URL)
        self.typ = typ

    def encode(self, payload: dict[str, Any]) -> str:
        key = keys.current()
        claims = {"iss": self.issuer, "aud": self.audience, **payload}
        headers = {"kid": key.kid, "typ": self.typ}
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers=headers)

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """Raises `TokenBackendError` for whatever isn't a token of this kind, signed by us."""
        text = token.decode("ascii", "replace") if isinstance(token, bytes) else str(token)
        if len(text) > MAX_BYTES or not _COMPACT.fullmatch(text):
            raise TokenBackendError(_("Token is invalid"))
        try:
            header = _without_duplicates(text)
            key = keys.find(str(header.get("kid", "")))
            if key is None or "crit" in header or not self._is_our_typ(header):
                raise TokenBackendError(_("Token is invalid"))
            payload: dict[str, Any] = jwt.decode(  # noqa: TID251 - this is api.tokens
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
            raise TokenBackendError(_("Token is invalid")) from exc
        return payload

    def _is_our_typ(self, header: dict[str, Any]) -> bool:
        """RFC 9068 §2.1: the `application/` prefix may be there."""
        typ = str(header.get("typ", "")).lower().removeprefix("application/")
        return typ == self.typ


class SignedJWT(Token):
    """A SimpleJWT token without its `token_type` claim: the header's `typ` tells the kinds apart."""

    typ: ClassVar[str]
    lifetime = timedelta()

    def __init__(self, token: Any = None, verify: bool = True) -> None:
        self.token = token
        self.current_time = timezone.now()
        self.payload: dict[str, Any] = {}
        if token is None:
            return
        try:
            self.payload = self._decoded(token, verify=verify)
            self.sid = UUID(self.payload["sid"])
        except TokenBackendExpiredToken as exc:
            raise ExpiredTokenError(_("Token is expired")) from exc
        except (TokenBackendError, TypeError, ValueError, AttributeError) as exc:
            raise TokenError(_("Token is invalid")) from exc

    @property
    def token_backend(self) -> SignedJWTBackend:
        raise NotImplementedError

    def _decoded(self, token: Any, *, verify: bool) -> dict[str, Any]:
        return self.token_backend.decode(token, verify=verify)

    @classmethod
    def _minted(cls, session: AuthSession, **claims: Any) -> Self:
        token = cls()
        token.sid = session.pk
        token.payload = {"sub": str(session.user_id), "sid": str(session.pk), **claims}
        return token


class AccessJWT(SignedJWT):
    """RFC 9068. Readable by whoever holds it, so it names nobody: ids, rights and times only."""

    token_type = typ = "at+jwt"  # noqa: S105 - a media type

    @property
    def token_backend(self) -> SignedJWTBackend:
        return SignedJWTBackend(self.typ, settings.API_AUDIENCE)

    def _decoded(self, token: Any, *, verify: bool) -> dict[str, Any]:
        if not verify:
            return super()._decoded(token, verify=False)
        kid, payload = _remembered(token)
        if keys.find(kid) is None:  # retired while this token was being remembered
            raise TokenBackendError(_("Token is invalid"))
        # A lifetime that was shortened since holds for older tokens, too: the feed of ended
        # sign-ins goes no further back.
        end = min(payload["exp"], payload["iat"] + settings.ACCESS_TOKEN_LIFETIME.total_seconds())
        if time.time() >= end + LEEWAY_SECONDS:
            raise TokenBackendExpiredToken(_("Token is expired"))
        return dict(payload)

    @classmethod
    def for_session(cls, session: AuthSession) -> Self:
        now = timezone.now()
        return cls._minted(
            session,
            client_id=session.client_id,
            jti=uuid4().hex,
            iat=_epoch(now),
            exp=_epoch(min(now + settings.ACCESS_TOKEN_LIFETIME, session.expires_at)),
            auth_time=_epoch(session.auth_time),
            amr=session.amr,
            scope=_SCOPE[bool(session.user and session.user.is_staff)],
        )


class RefreshJWT(SignedJWT):
    """The current refresh token of a sign-in: minted twice it is the same token."""

    token_type = typ = "rt+jwt"  # noqa: S105 - a media type

    @property
    def token_backend(self) -> SignedJWTBackend:
        return SignedJWTBackend(self.typ, settings.SITE_URL)

    @classmethod
    def for_session(cls, session: AuthSession) -> Self:
        assert session.refreshed_at is not None  # noqa: S101 - kind token
        assert session.refresh_expires_at is not None  # noqa: S101
        return cls._minted(
            session,
            client_id=session.client_id,
            jti=session.refresh_jti,
            iat=_epoch(session.refreshed_at),
            exp=_epoch(session.refresh_expires_at),
        )


@keys.on_retirement
def forget_remembered() -> None:
    """A key was retired: tokens it signed may be remembered as good."""
    _remembered.cache_clear()


@lru_cache(maxsize=REMEMBERED)
def _remembered(token: str) -> tuple[str, dict[str, Any]]:
    """The `kid` and claims of a good access token; its signature is checked once.

    Failures aren't kept.
    """
    payload = SignedJWTBackend(AccessJWT.typ, settings.API_AUDIENCE).decode(token)
    return jwt.get_unverified_header(token)["kid"], payload


def pair(session: AuthSession) -> dict[str, Any]:
    """What every sign-in and refresh of an API client answers."""
    access = AccessJWT.for_session(session)
    return {
        "access": str(access),
        "refresh": str(RefreshJWT.for_session(session)),
        "token_type": "Bearer",
        "expires_in": access["exp"] - access["iat"],
        "sid": str(session.pk),
    }


def _without_duplicates(text: str) -> dict[str, Any]:
    """The header, once it is sure that neither it nor the payload names a member twice.

    Which of two a parser keeps is its own choice: two verifiers would read two tokens (RFC 8725 bis).
    """
    header, payload, _signature = text.split(".")
    for segment in (header, payload):
        json.loads(base64url_decode(segment), object_pairs_hook=_unique)
    return jwt.get_unverified_header(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
