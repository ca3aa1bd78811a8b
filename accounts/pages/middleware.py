"""A request's session and sign-in."""

from collections.abc import Callable
from contextlib import suppress
from typing import cast
from uuid import UUID

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions import middleware as django_sessions
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from structlog.contextvars import bind_contextvars
from typing_extensions import override

from accounts import routes
from accounts.errors import SessionEndedError, SessionTooLargeError
from accounts.pages.remembered_users import remembered
from accounts.people.models import User
from accounts.request import Request, sign_in_of
from accounts.signins import revocations, sessions
from accounts.signins.models import AuthSession
from accounts.store import engine, outage

SAFE = {"GET", "HEAD"}
RIGHTS_FIELDS = {"is_staff", "is_superuser"}
"""The columns behind `rights_of`."""


class SessionMiddleware(django_sessions.SessionMiddleware):
    """Django's, but only a sign-out takes the cookie away.

    Raises `SessionEndedError`, `SessionTooLargeError` or `STORE_ERRORS` if the session can't be
    saved. A subclass must answer these: Django would make a 500 of them.
    """

    @override
    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if response.status_code == 503:  # noqa: PLR2004
            # Django deletes the cookie of a session that looks empty; after an outage it isn't.
            # And the sign-in that failed drew a new CSRF secret: the form is sent once more.
            if settings.CSRF_COOKIE_NAME in request.COOKIES:
                response.cookies.pop(settings.CSRF_COOKIE_NAME, None)
            _end_unfinished(request)
            return response
        try:
            response = super().process_response(request, response)
        except SessionInterrupted as error:
            # Another request ended it. The cookie may be that request's new one: it stays.
            _end_unfinished(request)
            raise SessionEndedError from error
        except (*outage.STORE_ERRORS, SessionTooLargeError):
            _end_unfinished(request)
            raise
        if request.session.is_empty() and getattr(request.session, "is_unknown", False):
            # Not taken either: the id may have been renewed while this request was under way, and
            # the browser would lose the new one.
            response.cookies.pop(settings.SESSION_COOKIE_NAME, None)
        return response


def _end_unfinished(request: HttpRequest) -> None:
    """The sign-in that this request opened and can't answer: nobody has its id.

    Left open it would stand among its user's devices, and look like somebody else's.
    """
    opened: AuthSession | None = sign_in_of(request).opened
    if opened is not None:
        with suppress(DatabaseError):
            sessions.revoke(opened, reason=sessions.Reason.UNFINISHED)


class AuthSessionMiddleware:
    """`request.auth_session`: the sign-in behind the session cookie, or None.

    A session whose sign-in was ended, on any device or by an administrator, is signed out here:
    by what this process remembers (`revocations`), and every few minutes by the row. Its columns
    are read when a view asks for one.

    Fails closed: a signed-in session that names no sign-in isn't signed in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        cast("Request", request).auth_session = None
        # Only where there is a cookie: touching the session makes the answer vary by cookie.
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            user = request.user = _user(request)
            if isinstance(user, User):
                _examine(cast("Request", request), user)
        response = self.get_response(request)
        session = cast("Request", request).auth_session
        is_somebodys = session is not None or "Authorization" in request.headers
        if is_somebodys and "Cache-Control" not in response.headers:
            # The back button of a shared machine shows nothing after a sign-out.
            response.headers["Cache-Control"] = "private, no-store"
        return response


def _user(request: HttpRequest) -> User | AnonymousUser:
    """As remembered, for calls of the API that only read. Not for pages: among them are the admin
    panel, and GETs that change something, such as a provider's callback.
    """
    match = routes.match_of(request)
    if request.method in SAFE and match is not None and "api" in match.app_names:
        return _remembered(request)
    return auth.get_user(request)


def _remembered(request: HttpRequest) -> User | AnonymousUser:
    """As Django's `get_user`, of now or of a moment ago."""
    found = remembered.find(request.session)
    if found is not None:
        return found
    changes = remembered.changes
    user = auth.get_user(request)
    if isinstance(user, User):
        remembered.add(request.session, user, changes=changes)
    return user


def _examine(request: Request, user: User) -> None:
    sid = _sid(request)
    if sid is None or not _is_on(request, sid, user):
        auth.logout(request)
    elif request.session.get(engine.RIGHTS) != rights_of(user):
        _end_for_rights(request)
    else:
        request.auth_session = AuthSession.unread(sid, user)
        bind_contextvars(user_id=str(user.pk), sid=str(sid))


def rights_of(user: User) -> str:
    return f"{user.is_staff:d}{user.is_superuser:d}"


def _end_for_rights(request: HttpRequest) -> None:
    """They changed by an `update()`, which sends no signal (see `receivers`).

    A new id would not do: a thief who holds the old one may be the first to come with it.
    """
    if session := current(request):
        sessions.revoke(session, reason=sessions.Reason.RIGHTS_CHANGED)
    auth.logout(request)


def current(request: HttpRequest) -> AuthSession | None:
    """The live sign-in that the request's session names, if it is this user's."""
    sid = _sid(request)
    if sid is None:
        return None
    return AuthSession.objects.active().filter(pk=sid, user=cast("User", request.user)).first()


def _sid(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.session.get(engine.SID, ""))
    except (TypeError, ValueError, AttributeError):
        return None


def _is_on(request: HttpRequest, sid: UUID, user: User) -> bool:
    """Has this sign-in not ended? Raises `RevocationsStaleError` when nobody can tell."""
    if revocations.is_revoked(sid):
        return False
    session = cast("engine.SessionStore", request.session)
    if session.is_due:
        if not sessions.touch(sid, user_id=user.pk):
            return False
        session.slide()  # after the row's word, never before
    return True
