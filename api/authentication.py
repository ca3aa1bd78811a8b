"""Who calls the API: a Bearer token, or the site's own session cookie."""

from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from structlog.contextvars import bind_contextvars

from accounts import sessions
from accounts.models import AuthSession, User
from api.exceptions import InvalidToken
from api.tokens import AccessJWT

REALM = 'Bearer realm="api"'


class BearerAuthentication(JWTAuthentication):
    """`Authorization: Bearer <access token>` (RFC 6750 §2.1).

    Asks the sign-in's row, so a revoked sign-in is out at once. `request.auth` is the
    `AuthSession`.
    """

    def __init__(self) -> None:
        # SimpleJWT's reads a setting for its own user lookup, which isn't used here.
        self.is_refused = False

    def authenticate(self, request: Request) -> tuple[User, AuthSession] | None:  # type: ignore[override]  # SimpleJWT has the token here
        scheme, _, credentials = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        session = self.session_of(credentials.strip(" "))
        request._request.auth_session = session  # type: ignore[attr-defined]  # noqa: SLF001
        bind_contextvars(user_id=str(session.user_id), sid=str(session.pk))
        return session.user, session

    def authenticate_header(self, request: Request) -> str:
        """RFC 6750 §3.1: no error code for a request that carried no token."""
        if request.META.get("HTTP_AUTHORIZATION", "").lower().startswith("bearer"):
            return f'{REALM}, error="invalid_token"'
        return REALM

    @staticmethod
    def session_of(raw_token: str) -> AuthSession:
        """The live sign-in that this access token belongs to. Raises `InvalidToken`."""
        try:
            token = AccessJWT(raw_token)
        except TokenError as exc:
            raise InvalidToken from exc
        session = AuthSession.objects.active().select_related("user").filter(pk=token.sid).first()
        if session is None or not session.user.is_active or str(session.user_id) != token["sub"]:
            raise InvalidToken
        if not sessions.touch(session):
            raise InvalidToken
        return session


class CookieAuthentication(SessionAuthentication):
    """The browser's own session, for same-site pages. Unsafe methods need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        return found[0], request._request.auth_session  # type: ignore[attr-defined]  # noqa: SLF001
