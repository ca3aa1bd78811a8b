"""A request's session and sign-in."""

from collections.abc import Callable
from typing import cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.sessions import middleware as django_sessions
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.module_loading import import_string
from structlog.contextvars import bind_contextvars

from accounts import session_store, sessions
from accounts.models import AuthSession, User


class SessionMiddleware(django_sessions.SessionMiddleware):
    """Django's, except that a store that can't answer gives a 503 and keeps the cookie."""

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        if isinstance(exception, session_store.STORE_ERRORS):
            return self._unavailable(request)
        return None

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if response.status_code == 503:  # noqa: PLR2004
            # Django deletes the cookie of a session that looks empty; after an outage it isn't.
            return response
        try:
            return super().process_response(request, response)
        except session_store.STORE_ERRORS:
            return self._unavailable(request)

    def _unavailable(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = import_string(settings.STORE_UNAVAILABLE_VIEW)(request)
        return response


class AuthSessionMiddleware:
    """`request.auth_session`: the sign-in behind the session cookie, or None.

    A session whose sign-in was ended, on any device or by an administrator, is signed out here.
    Fails closed: a signed-in session that names no sign-in isn't signed in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.auth_session = None  # type: ignore[attr-defined]
        # Only where there is a cookie: touching the session makes the answer vary by cookie.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            session = current(request)
            if session is None or not sessions.touch(session):
                logout(request)
            else:
                request.auth_session = session  # type: ignore[attr-defined]
                bind_contextvars(user_id=str(session.user_id), sid=str(session.pk))
        response = self.get_response(request)
        is_somebodys = request.auth_session is not None or "Authorization" in request.headers  # type: ignore[attr-defined]
        if is_somebodys and "Cache-Control" not in response.headers:
            # The back button of a shared machine shows nothing after a sign-out.
            response.headers["Cache-Control"] = "private, no-store"
        return response


def current(request: HttpRequest) -> AuthSession | None:
    """The live sign-in that the request's session names, if it is this user's."""
    try:
        sid = UUID(request.session.get(session_store.SID, ""))
    except (TypeError, ValueError, AttributeError):
        return None
    return AuthSession.objects.active().filter(pk=sid, user=cast("User", request.user)).first()
