"""Middleware that finds a request's session and sign-in."""

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

from accounts.errors import CookiesBlockedError, SessionEndedError, SessionTooLargeError
from accounts.pages import codes, known_devices, stays
from accounts.pages.standing import rights_of
from accounts.people.models import User
from accounts.request import Request, sign_in_of
from accounts.signins import revocations, sessions
from accounts.signins.models import AuthSession
from accounts.store import engine, outage

CLEARED = '"cache", "storage"'
"""What a browser deletes at a sign-out (ASVS 14.3.1)."""
PASSIVE_HEADER = "X-Passive"
"""A page's script sends it with value 1, for a request that no act of its user has caused."""
RIGHTS_FIELDS = {"is_staff", "is_superuser"}
"""The columns behind `rights_of`."""


class SessionMiddleware(django_sessions.SessionMiddleware):
    """Django's session middleware, but only a sign-out deletes the cookie.

    Raises `SessionEndedError`, `SessionTooLargeError` or `STORE_ERRORS` if the session can't be
    saved. A subclass must answer these errors; otherwise Django answers 500.
    """

    @override
    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if response.status_code >= 409:  # noqa: PLR2004 - a conflict, or an error of ours
            codes.give_back(request)
        if response.status_code == 503:  # noqa: PLR2004
            # Return before Django deletes the session cookie: during an outage a session only looks
            # empty. Keep the old CSRF secret, too, so that the visitor can send the form again.
            if settings.CSRF_COOKIE_NAME in request.COOKIES:
                response.cookies.pop(settings.CSRF_COOKIE_NAME, None)
            _end_unfinished(request)
            return response
        try:
            response = super().process_response(request, response)
        except SessionInterrupted as error:
            # Another request ended it, and may have set a new cookie: don't delete that one.
            _end_unfinished(request)
            raise SessionEndedError from error
        except (*outage.STORE_ERRORS, SessionTooLargeError):
            _end_unfinished(request)
            raise
        if request.session.is_empty() and getattr(request.session, "is_unknown", False):
            # Another request may have rotated the id meanwhile: don't delete its new cookie.
            response.cookies.pop(settings.SESSION_COOKIE_NAME, None)
        return response


def _end_unfinished(request: HttpRequest) -> None:
    """End the sign-in that this request opened, because its answer fails, and give its code back.

    No client has the sign-in then. Otherwise the list of devices would show a device that the user
    doesn't know.
    """
    codes.give_back(request)
    opened: AuthSession | None = sign_in_of(request).opened
    if opened is not None:
        with suppress(DatabaseError):
            sessions.revoke(opened, reason=sessions.Reason.UNFINISHED)


class AuthSessionMiddleware:
    """Set `request.auth_session` to the sign-in of the session cookie, or to None.

    Signs out a session whose sign-in has ended: asks the process's memory (`revocations`) at each
    request and the row every few minutes. Other columns of the row are read when a view uses one.

    Fails closed: signs out a session that names no sign-in. Raises `RevocationsStaleError` if this
    process can't tell whether the sign-in has ended.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        cast("Request", request).auth_session = None
        # Skip requests without the cookie: reading the session adds `Vary: Cookie`.
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            user = request.user = stored_user(request)
            if isinstance(user, User):
                _examine(cast("Request", request), user)
        session = cast("Request", request).auth_session
        response = self.get_response(request)
        known_devices.remember(request, response)
        stays.remember(request, response)
        if session is not None and not request.user.is_authenticated:
            # Not "cookies": the language and the last used provider are kept.
            response.headers["Clear-Site-Data"] = CLEARED
        is_somebodys = session is not None or "Authorization" in request.headers
        if is_somebodys and "Cache-Control" not in response.headers:
            # On a shared machine, the back button must show nothing after a sign-out.
            response.headers["Cache-Control"] = "private, no-store"
        return response


def stored_user(request: HttpRequest) -> User | AnonymousUser:
    """Return the session's user, or nobody if the password was changed since the sign-in.

    Deletes nothing: another request may be about to renew this session, with the new password. It
    would fail, and this answer would delete the cookie that it sets.
    """
    with cast("engine.SessionStore", request.session).held():
        return auth.get_user(request)


def _examine(request: Request, user: User) -> None:
    sid = sid_of(request)
    if sid is None or not _is_on(request, sid, user):
        auth.logout(request)
    elif request.session.get(engine.RIGHTS) != rights_of(user):
        _end_for_rights(request)
    else:
        request.auth_session = AuthSession.unread(sid, user)
        bind_contextvars(user_id=str(user.pk), sid=str(sid))


def _end_for_rights(request: HttpRequest) -> None:
    """End a sign-in whose user got other rights by an `update()`, which sends no signal.

    A new session id is not enough: a thief who has the old id may send the first request.
    """
    if session := current(request):
        sessions.revoke(session, reason=sessions.Reason.RIGHTS_CHANGED)
    auth.logout(request)


def require_cookie(request: HttpRequest) -> None:
    """Raise `CookiesBlockedError` if the browser sent no session cookie.

    Call on a page that finds no link in the session. The link's own page has set the cookie.
    """
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        raise CookiesBlockedError


def current(request: HttpRequest) -> AuthSession | None:
    """Return the active sign-in of the request's session and user, or None."""
    sid = sid_of(request)
    if sid is None:
        return None
    return AuthSession.objects.active().filter(pk=sid, user=cast("User", request.user)).first()


def sid_of(request: HttpRequest) -> UUID | None:
    """Return the id of the sign-in that the request's session names, or None."""
    try:
        return UUID(request.session.get(engine.SID, ""))
    except (TypeError, ValueError, AttributeError):
        return None


def _is_on(request: HttpRequest, sid: UUID, user: User) -> bool:
    """Return True if this sign-in is active. Raises `RevocationsStaleError` if unknown."""
    if revocations.is_revoked(sid):
        return False
    session = cast("engine.SessionStore", request.session)
    if session.is_due and request.headers.get(PASSIVE_HEADER) == "1":
        # A script of an open page asks, perhaps without a person, so this must not extend the idle time.
        return current(request) is not None
    if session.is_due:
        if not sessions.touch(sid, user_id=user.pk):
            return False
        session.slide()  # only after the row was checked
    return True
