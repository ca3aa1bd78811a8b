"""Make and read our two kinds of token. Access tokens follow RFC 9068.

Both are made from the `AuthSession` row alone, so no token is stored.
"""

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar, Self
from uuid import UUID

import jwt
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework_simplejwt.exceptions import (
    ExpiredTokenError,
    TokenBackendError,
    TokenBackendExpiredToken,
    TokenError,
)
from rest_framework_simplejwt.tokens import Token
from typing_extensions import override

from accounts.services.models import ApiKey
from accounts.signins.models import AuthSession
from api.keys import ring
from api.tokens import claims
from api.tokens.signing import LEEWAY_SECONDS, SignedJWTBackend

REMEMBERED = 4096
"""Number of access tokens whose checked signatures a process remembers, in 9.4 MB (`make bench`)."""

Decoded = tuple[dict[str, Any], UUID, UUID]
"""The claims of a token, its sign-in and its user."""


class SignedJWT(Token):
    """A SimpleJWT token without the `token_type` claim: the header's `typ` names the kind.

    Raises `TokenError` for a token that isn't valid.
    """

    typ: ClassVar[str]
    lifetime = timedelta()

    def __init__(self, token: Any = None, verify: bool = True) -> None:
        self.token = token
        self.current_time = datetime.now(UTC)
        self.payload: dict[str, Any] = {}
        if token is None:
            return
        try:
            self.payload, self.sid, self.sub = self._decoded(token, verify=verify)
        except TokenBackendExpiredToken as exc:
            raise ExpiredTokenError(_("Token is expired")) from exc
        except (TokenBackendError, KeyError, TypeError, ValueError, AttributeError) as exc:
            raise TokenError(_("Token is invalid")) from exc

    @property
    @override
    def token_backend(self) -> SignedJWTBackend:
        raise NotImplementedError

    def _decoded(self, token: Any, *, verify: bool) -> Decoded:
        return _with_ids(self.token_backend.decode(token, verify=verify))

    @classmethod
    def _minted(cls, sid: UUID, payload: dict[str, Any]) -> Self:
        token = cls()
        token.sid, token.payload = sid, payload
        return token


class AccessJWT(SignedJWT):
    """An access token (RFC 9068). Its holder can read it, so it has only ids, rights and times."""

    token_type = typ = "at+jwt"  # noqa: S105 - a media type

    @property
    @override
    def token_backend(self) -> SignedJWTBackend:
        return SignedJWTBackend(self.typ, settings.API_AUDIENCE)

    @override
    def _decoded(self, token: Any, *, verify: bool) -> Decoded:
        if not verify:
            return super()._decoded(token, verify=False)
        kid, (payload, sid, sub) = _remembered(token)
        if ring.find(kid) is None:  # retired after this token was remembered
            raise TokenBackendError(_("Token is invalid"))
        # If the lifetime was shortened, it applies to older tokens, too: the feed of ended sign-ins
        # goes back no further.
        end = min(payload["exp"], payload["iat"] + settings.ACCESS_TOKEN_LIFETIME.total_seconds())
        if time.time() >= end + LEEWAY_SECONDS:
            raise TokenBackendExpiredToken(_("Token is expired"))
        return dict(payload), sid, sub

    @classmethod
    def for_session(cls, session: AuthSession) -> Self:
        return cls._minted(session.pk, claims.access(session))

    @classmethod
    def for_key(cls, key: ApiKey, words: list[str]) -> Self:
        """Return an access token of a machine, with these words of `scope`."""
        return cls._minted(key.pk, claims.service(key, words))

    @property
    def is_service(self) -> bool:
        """Return True for a token of a machine. Its `sub` is no person."""
        return bool(self.payload["sub"] == self.payload["client_id"])


class RefreshJWT(SignedJWT):
    """The current refresh token of a sign-in. Each call of `for_session` makes the same claims."""

    token_type = typ = "rt+jwt"  # noqa: S105 - a media type

    @property
    @override
    def token_backend(self) -> SignedJWTBackend:
        return SignedJWTBackend(self.typ, settings.SITE_URL)

    @classmethod
    def for_session(cls, session: AuthSession) -> Self:
        return cls._minted(session.pk, claims.refresh(session))


@lru_cache(maxsize=REMEMBERED)
def _remembered(token: str) -> tuple[str, Decoded]:
    """Return the `kid`, claims and ids of a valid access token. Raises `TokenBackendError`.

    Checks each signature once and remembers it. Failures aren't remembered.
    """
    payload = SignedJWTBackend(AccessJWT.typ, settings.API_AUDIENCE).decode(token)
    return jwt.get_unverified_header(token)["kid"], _with_ids(payload)


def _with_ids(payload: dict[str, Any]) -> Decoded:
    """Return the claims and their `sid` and `sub`. Raises the errors of a payload that has none."""
    return payload, UUID(payload["sid"]), UUID(payload["sub"])


def sid_in(raw_token: str) -> UUID | None:
    """Return the id of the sign-in that this token of either kind names, expired or not, or None.

    The owner of an expired token may still sign out.
    """
    for kind in (RefreshJWT, AccessJWT):
        try:
            return kind(raw_token, verify=False).sid
        except TokenError:
            continue
    return None


def pair(session: AuthSession) -> dict[str, Any]:
    """Return the body of each answer to a sign-in or a refresh of an API client."""
    access = AccessJWT.for_session(session)
    due_at = session.second_step_due_at
    return {
        "access": str(access),
        "refresh": str(RefreshJWT.for_session(session)),
        "token_type": "Bearer",
        "expires_in": access["exp"] - access["iat"],
        "sid": str(session.pk),
        # Only in the answer to the sign-in that cancelled the deletion.
        **({"account_kept": True} if session.is_account_kept else {}),
        **(
            {"second_step_due_at": f"{due_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"} if due_at else {}
        ),
    }
