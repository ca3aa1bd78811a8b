"""Sign an API client in by password in one call, through allauth's login pipeline.

The pipeline keeps its state in a session, so it gets a temporary one. If the pipeline needs more
than one call, the answer is a 401 that names the next call.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from allauth.account.forms import LoginForm
from allauth.account.models import EmailAddress
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts.errors import InactiveUserError, SignUpPendingError
from accounts.federation.linking import link_tokens, links
from accounts.request import sign_in_of
from accounts.signins.models import AuthSession
from accounts.store import engine
from api.exceptions import (
    EmailUnverified,
    InvalidCredentials,
    LinkTokenRefused,
    LoginIncomplete,
)


def with_password(
    request: HttpRequest, *, email: str, password: str, link_token: str = ""
) -> AuthSession:
    """Open a sign-in by these credentials and return its row.

    If `link_token` is given, the credentials also prove its link, and the provider is connected.
    Raises `InvalidCredentials`, `EmailUnverified`, `LinkTokenRefused`, `LoginIncomplete` or
    `TooManyRequestsError`, and `STORE_ERRORS` if Redis is down.
    """
    with session_apart(request):
        form = LoginForm(data={"login": email, "password": password}, request=request)
        try:
            is_valid = form.is_valid()
        except SignUpPendingError as exc:
            raise EmailUnverified from exc
        if not is_valid:
            codes = {e.code for errors in form.errors.as_data().values() for e in errors}
            # allauth adds this one for a right password whose address just got a mail. The limits
            # on wrong passwords raise TooManyRequestsError instead.
            if "too_many_login_attempts" in codes:
                raise EmailUnverified
            raise InvalidCredentials
        # Before the pipeline, which would mail a code. This caller has no way to send it back.
        if not EmailAddress.objects.filter(user=form.user, verified=True).exists():
            raise EmailUnverified
        if link_token:
            prove_link(request, link_token, user_id=str(form.user.pk))
        try:
            form.login(request)
        except InactiveUserError as exc:
            raise InvalidCredentials from exc
        # `receivers.open_session` sets this. It is None while a login stage is pending.
        session = sign_in_of(request).opened
    if session is None:
        raise LoginIncomplete
    return session


def prove_link(request: HttpRequest, link_token: str, *, user_id: str) -> None:
    """Use the link token up, and let this sign-in prove its link. Raises `LinkTokenRefused`."""
    link = link_tokens.spend(link_token, user_id=user_id)
    if link is None:
        raise LinkTokenRefused
    links.note(request, link)
    links.prove(request, link.key)


@contextmanager
def session_apart(
    request: HttpRequest, *, kept: engine.SessionStore | None = None
) -> Iterator[None]:
    """Give the request another session and no user. A context manager, which undoes this at its end.

    So the view ignores the caller's cookies. The session is `kept`, which the caller of this function
    saves or deletes. Without `kept` it is an empty one, which is deleted at the end.
    """
    user, session = request.user, request.session
    request.session = kept or engine.SessionStore()
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
