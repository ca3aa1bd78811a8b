"""Who calls the API: a Bearer token, or the site's own session cookie."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from structlog.contextvars import bind_contextvars
from typing_extensions import override

from accounts.people.models import User
from accounts.signins import revocations
from api.exceptions import InvalidToken
from api.problems import REALM
from api.tokens.jwts import AccessJWT

if TYPE_CHECKING:
    from accounts.request import Request as SiteRequest

SAFE = {"GET", "HEAD"}


class BearerUser:
    """The user that a token names: its id for nothing, the rest by one query when asked for."""

    is_authenticated = True
    is_anonymous = False
    is_active = True

    def __init__(self, user_id: UUID) -> None:
        self.pk = self.id = user_id

    @cached_property
    def row(self) -> User:
        """Raises `InvalidToken` for a user who is gone."""
        user = User.objects.active(self.pk)
        if user is None:
            raise InvalidToken
        return user

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)


class BearerAuthentication(JWTAuthentication):
    """`Authorization: Bearer <access token>` (RFC 6750 §2.1). No SQL, no Redis.

    `request.auth` is the `AccessJWT`.
    """

    def __init__(self) -> None:
        """SimpleJWT's looks up the user model, which isn't used here."""

    @override
    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        credentials = bearer_in(request.META)
        if credentials is None:
            return None
        token = verified(credentials)
        bind_contextvars(user_id=token["sub"], sid=token["sid"])
        return BearerUser(UUID(token["sub"])), token

    @override
    def authenticate_header(self, request: Request) -> str:
        """RFC 6750 §3.1: no error code for a request that carried no token."""
        if request.META.get("HTTP_AUTHORIZATION", "").lower().startswith("bearer"):
            return f'{REALM}, error="invalid_token"'
        return REALM


def bearer_in(environ: dict[str, Any]) -> str | None:
    """What stands behind `Bearer`, be it nothing; None for another scheme."""
    scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return credentials.strip(" ") if scheme.lower() == "bearer" else None


def verified(raw_token: str) -> AccessJWT:
    """The access token, if it is good right now.

    Raises `InvalidToken`; `RevocationsStaleError` when nobody can tell.
    """
    try:
        token = AccessJWT(raw_token)
    except TokenError as exc:
        raise InvalidToken from exc
    if revocations.is_revoked(token.sid):
        raise InvalidToken
    return token


def account(request: Request) -> User:
    """The caller's row, by whichever credential."""
    user: Any = request.user
    return cast("User", user.row if isinstance(user, BearerUser) else user)


class CookieAuthentication(SessionAuthentication):
    """The browser's own session, for same-site pages. Unsafe methods need the CSRF token."""

    @override
    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        return found[0], cast("SiteRequest", request._request).auth_session  # noqa: SLF001

    @override
    def enforce_csrf(self, request: Request) -> None:
        """Django's check lets these methods pass, after it was prepared."""
        if request.method not in SAFE:
            super().enforce_csrf(request)
