"""One-call sign-in for API clients, through allauth's login pipeline.

The pipeline keeps its state in a session: it gets one of its own, which is thrown away when the
sign-in is done. What the pipeline can't finish in one call ends in a 401 that names the next one.
"""

from types import SimpleNamespace

from allauth.account.forms import LoginForm
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.ratelimit import consume
from allauth.headless.constants import Client
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts import session_store
from accounts.exceptions import InactiveUserError
from accounts.models import AuthSession
from api.exceptions import EmailUnverified, InvalidCredentials, LoginIncomplete, TooManyAttempts

LIMITED = "too_many_login_attempts"


def with_password(request: HttpRequest, *, email: str, password: str) -> AuthSession:
    """The sign-in opened by these credentials.

    Raises `InvalidCredentials`, `EmailUnverified`, `LoginIncomplete` or `TooManyAttempts`.
    """
    if not consume(request, action="login"):
        raise TooManyAttempts
    _as_app_client(request)
    form = LoginForm(data={"login": email, "password": password}, request=request)
    if not form.is_valid():
        codes = {error.code for errors in form.errors.as_data().values() for error in errors}
        raise TooManyAttempts if LIMITED in codes else InvalidCredentials
    # Before the pipeline, which would mail a code that this endpoint's caller can't send back.
    if not EmailAddress.objects.filter(user=form.user, verified=True).exists():
        raise EmailUnverified
    try:
        form.login(request)
    except (ImmediateHttpResponse, InactiveUserError) as exc:
        raise InvalidCredentials from exc
    session: AuthSession | None = getattr(request, "auth_session", None)
    if session is None or not request.user.is_authenticated:
        raise LoginIncomplete
    request.session.flush()
    return session


def _as_app_client(request: HttpRequest) -> None:
    """Shut out the caller's cookies, and mark the request as allauth's headless `app` client."""
    request.session = session_store.SessionStore()
    request.user = AnonymousUser()
    request.auth_session = None  # type: ignore[attr-defined]
    request.allauth.headless = SimpleNamespace(client=Client.APP)  # type: ignore[attr-defined]
