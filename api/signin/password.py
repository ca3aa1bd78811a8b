"""Sign an API client in by password in one call, through allauth's login pipeline.

The pipeline keeps its state in a session, so it gets a temporary one. If the pipeline needs more
than one call, the answer is a 401 that names the next call.
"""

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import is_login_rate_limited, perform_password_login
from allauth.account.models import Login
from django.http import HttpRequest

from accounts.errors import InactiveUserError, SignUpPendingError
from accounts.federation.linking import link_tokens, links
from accounts.pages.password_checks import has_verified_address
from accounts.people.managers import UserManager
from accounts.signins.models import AuthSession
from api.exceptions import (
    EmailUnverified,
    InvalidCredentials,
    LinkTokenRefused,
    LoginIncomplete,
)
from api.signin import second_step
from api.signin.apart import session_apart


def with_password(
    request: HttpRequest, *, email: str, password: str, link_token: str = ""
) -> AuthSession:
    """Open a sign-in by these credentials and return its row.

    If `link_token` is given, the credentials also prove its link, and the provider is connected.
    Raises `InvalidCredentials`, `EmailUnverified`, `LinkTokenRefused`, `MfaRequired`,
    `LoginIncomplete` or `TooManyRequestsError`, and `STORE_ERRORS` if Redis is down.
    """
    with session_apart(request):
        credentials = {"email": UserManager.normalize_email(email), "password": password}
        try:
            user = get_adapter(request).authenticate(request, **credentials)
        except SignUpPendingError as exc:
            raise EmailUnverified from exc
        if user is None:
            raise InvalidCredentials
        login = Login(user=user, email=credentials["email"])
        # Before the pipeline, which would mail a code. This caller has no way to send it back.
        if not has_verified_address(user) or is_login_rate_limited(request, login):
            raise EmailUnverified
        if link_token:
            prove_link(request, link_token, user_id=str(user.pk))
        try:
            perform_password_login(request, credentials, login)
        except InactiveUserError as exc:
            raise InvalidCredentials from exc
        return second_step.opened(request, LoginIncomplete)


def prove_link(request: HttpRequest, link_token: str, *, user_id: str) -> None:
    """Use the link token up, and let this sign-in prove its link. Raises `LinkTokenRefused`."""
    link = link_tokens.spend(link_token, user_id=user_id)
    if link is None:
        raise LinkTokenRefused
    links.note(request, link)
    links.prove(request, link.key)
