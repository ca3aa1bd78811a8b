"""Sign an API client in by password in one call, through allauth's login pipeline.

The pipeline keeps its state in a session, so it gets a temporary one. If the pipeline needs more
than one call, the answer is a 401 that names the next call.
"""

from allauth.account.forms import LoginForm
from django.http import HttpRequest

from accounts.errors import InactiveUserError, SignUpPendingError
from accounts.federation.linking import link_tokens, links
from accounts.pages.password_checks import has_verified_address
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
        if not has_verified_address(form.user):
            raise EmailUnverified
        if link_token:
            prove_link(request, link_token, user_id=str(form.user.pk))
        try:
            form.login(request)
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
