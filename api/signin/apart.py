"""Give a request to a one-call endpoint a session of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts.request import sign_in_of
from accounts.signins.models import AuthSession
from accounts.store import engine


@contextmanager
def session_apart(
    request: HttpRequest, *, kept: engine.SessionStore | None = None
) -> Iterator[None]:
    """Give the request another session and no user. A context manager, which undoes this at its end.

    So the view ignores the caller's cookies. The session is `kept`, which the caller of this function
    saves or deletes. Without `kept` it is an empty one, which is deleted at the end.
    """
    user, session = request.user, request.session
    request.session = kept or engine.SessionStore.unsaved()
    request.user = AnonymousUser()
    sign_in_of(request).kind = AuthSession.Kind.TOKEN
    try:
        yield
    finally:
        if kept is None:
            request.session.flush()
        request.user, request.session = user, session
        # Django's login() asks for a new CSRF cookie, which this caller doesn't use.
        request.META["CSRF_COOKIE_NEEDS_UPDATE"] = False
