"""Find out who calls the API: by a Bearer token, or by the site's own session cookie."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from structlog import get_logger
from structlog.contextvars import bind_contextvars
from typing_extensions import override

from accounts.people.models import User
from accounts.signins import revocations
from api.exceptions import CsrfRefused, InvalidToken, ServiceRefused
from api.problems import REALM
from api.tokens.jwts import AccessJWT

if TYPE_CHECKING:
    from accounts.request import Request as SiteRequest

SAFE = {"GET", "HEAD"}

log = get_logger()


class BearerUser:
    """The user that a token names. Its id needs no query; the first other attribute needs one."""

    is_authenticated = True
    is_anonymous = False
    is_active = True

    def __init__(self, user_id: UUID) -> None:
        self.pk = self.id = user_id

    @cached_property
    def row(self) -> User:
        """Return the user's row, read once.

        Raises `InvalidToken` if the user is deleted or disabled.
        """
        user = User.objects.active(self.pk)
        if user is None:
            raise InvalidToken
        return user

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)


class Service:
    """The machine that a token names. It is no user: a view that accepts it declares `accepts_services`."""

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = is_superuser = False

    def __init__(self, key_id: UUID) -> None:
        self.pk = self.id = key_id


class BearerAuthentication(JWTAuthentication):
    """Accept `Authorization: Bearer <access token>` (RFC 6750 §2.1), without SQL and Redis.

    Sets `request.auth` to the `AccessJWT`. Raises as `verified` does.
    """

    def __init__(self) -> None:
        """Skip SimpleJWT's constructor, which looks up a user model that this class doesn't use."""

    @override
    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        credentials = bearer_in(request.META)
        if credentials is None:
            return None
        token = verified(credentials)
        if token.is_service:
            if not getattr(request.parser_context.get("view"), "accepts_services", False):
                raise ServiceRefused
            bind_contextvars(client_id=token["client_id"])
            return Service(token.sub), token
        bind_contextvars(user_id=token["sub"], sid=token["sid"])
        return BearerUser(token.sub), token

    @override
    def authenticate_header(self, request: Request) -> str:
        """Return the challenge. It has no error code if the request had no token (RFC 6750 §3.1)."""
        if request.META.get("HTTP_AUTHORIZATION", "").lower().startswith("bearer"):
            return f'{REALM}, error="invalid_token"'
        return REALM


def bearer_in(environ: dict[str, Any]) -> str | None:
    """Return the text after `Bearer`, possibly ''.

    None if the header is missing or has another scheme.
    """
    scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return credentials.strip(" ") if scheme.lower() == "bearer" else None


def verified(raw_token: str) -> AccessJWT:
    """Return the access token if it is valid and its sign-in has not ended.

    Raises `InvalidToken` otherwise, and `RevocationsStaleError` if this process can't tell.
    """
    try:
        token = AccessJWT(raw_token)
    except TokenError as exc:
        raise InvalidToken from exc
    if revocations.is_revoked(token.sid):
        raise InvalidToken
    return token


def account(request: Request) -> User:
    """Return the row of the caller, who is signed in by a token or by a cookie.

    Raises `InvalidToken` if a token's user is deleted or disabled, or if it names a machine.
    """
    user: Any = request.user
    if isinstance(user, Service):
        raise InvalidToken
    return cast("User", user.row if isinstance(user, BearerUser) else user)


class CookieAuthentication(SessionAuthentication):
    """Accept the session cookie, for same-site pages. Unsafe methods need the CSRF token.

    Sets `request.auth` to the `AuthSession`.
    """

    @override
    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        return found[0], cast("SiteRequest", request._request).auth_session  # noqa: SLF001

    @override
    def enforce_csrf(self, request: Request) -> None:
        """Check the CSRF token of unsafe methods. Raises `CsrfRefused`.

        For safe ones Django's check would change nothing.
        """
        if request.method in SAFE:
            return
        try:
            super().enforce_csrf(request)
        except PermissionDenied as exc:
            log.warning("csrf_refused", reason=str(exc.detail))
            raise CsrfRefused from exc
