"""Answer a form whose CSRF token is too old, and find the address that follows an error page.

A token is too old after a sign-in in another tab, or if the visitor went back to an old page.
"""

import re
from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification_by_code import EmailVerificationProcess
from allauth.account.utils import get_login_redirect_url, get_next_redirect_url
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.utils import get_request_param
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_BAD_ORIGIN, REASON_NO_CSRF_COOKIE
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import routes
from accounts.federation.provider import provider_classes

ENTRANCE = {
    "account_login",
    "account_request_login_code",
    "account_reset_password",
    "account_signup",
    "account_signup_by_passkey",
    "mfa_login_webauthn",
}
"""Pages for visitors: the entrance. A redirect to a new form of these is harmless."""
STEPS = {
    "account_confirm_login_code",
    "account_email_verification_sent",
    "mfa_authenticate",
    "mfa_enrol",
    "mfa_signup_webauthn",
    "social-link",
    "socialaccount_signup",
}
"""Later pages of a sign-in. A signed-in user has finished them, in this tab or another one."""
LANGUAGE = "set_language"
NEXT = "signed_in_to"
"""The session entry with the page to which the sign-in led, if it named one."""
KEPT_EMAIL = "kept_email"
"""The session entry with the email that the next form shows."""
MAX_EMAIL = 254
CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def is_foreign(reason: str) -> bool:
    """Return True if the form came from a page of another site."""
    return reason.startswith(REASON_BAD_ORIGIN.partition("%s")[0])


def is_without_cookies(reason: str) -> bool:
    """Return True if the browser sent no CSRF cookie: it blocks cookies, or has just deleted them."""
    return reason == REASON_NO_CSRF_COOKIE


def lead_on(request: HttpRequest, reason: str) -> HttpResponse | None:
    """Redirect from an old form of the entrance. Returns None if the error page is the answer.

    A signed-in user goes to the page that follows a sign-in. A visitor gets a new form with the email,
    and must type the password again. The language is switched: it is no secret.
    """
    match = routes.match_of(request)
    if match is None or is_foreign(reason) or is_without_cookies(reason):
        return None
    name = str(match.url_name)
    if name == LANGUAGE:
        switched: HttpResponse = match.func(request)
        return switched
    if name in STEPS and request.user.is_authenticated:
        return None if _waits_for_code(request, name) else redirect(get_login_redirect_url(request))
    if name not in ENTRANCE and not _is_sign_in_by_provider(request, name):
        return None
    if request.user.is_authenticated:
        return redirect(get_login_redirect_url(request))
    if name in ENTRANCE:
        email = request.POST.get("login") or request.POST.get("email") or ""
        request.session[KEPT_EMAIL] = email[:MAX_EMAIL]
    messages.warning(request, _("The page was open for too long. Please send this new form."))
    path = request.path if name in ENTRANCE else reverse("account_login")
    return redirect(_with_next(request, path))


def is_whole(next_url: str) -> bool:
    """Return False for an address that a browser would complete by the page that it is on.

    `abc` and `?a=1` would lead to a page that doesn't exist, and `//` to none. Returns False also for an
    address with control characters, some of which browsers skip, and for a host that can't be read.
    """
    try:
        urlsplit(next_url)
    except ValueError:  # such as `http://[`
        return False
    return bool(re.match(r"/(?!/)|https?://[^/]", next_url)) and not CONTROLS.search(next_url)


def note_next(request: HttpRequest, next_url: str | None) -> None:
    """Note where a sign-in leads, for another tab with a step of the same sign-in."""
    request.session.pop(NEXT, None)
    if next_url:
        request.session[NEXT] = next_url


def followed(request: HttpRequest) -> str:
    """Return where the sign-in led if the request is for a step that is over, otherwise ''."""
    match = routes.match_of(request)
    if match is None or match.url_name not in STEPS or not request.user.is_authenticated:
        return ""
    noted = str(request.session.get(NEXT, ""))
    return noted if get_adapter().is_safe_url(noted) else ""


def page_to_open_again(request: HttpRequest) -> str:
    """Return the address of the page that has the request's form, or '' if it is unknown.

    A view that takes no GET names that page: `shown_on`.
    """
    match = routes.match_of(request)
    if match is None:
        return ""
    name = str(match.url_name)
    if name == LANGUAGE:
        return get_next_redirect_url(request) or ""
    if _is_provider(name):
        is_sign_in = _is_sign_in_by_provider(request, name)
        if is_sign_in:
            return _with_next(request, reverse("account_login"))
        return reverse("socialaccount_connections")
    if shown_on := routes.stated(request, "shown_on"):
        return reverse(shown_on)
    takes_get = hasattr(getattr(match.func, "view_class", object), "get")
    return request.get_full_path() if takes_get else ""


def _waits_for_code(request: HttpRequest, name: str) -> bool:
    """Return True if a signed-in user is to type the code of a new address on this page."""
    is_code_page = name == "account_email_verification_sent"
    return is_code_page and EmailVerificationProcess.resume(request) is not None


def _is_provider(name: str) -> bool:
    return name.removesuffix("_login") in {one.id for one in provider_classes}


def _is_sign_in_by_provider(request: HttpRequest, name: str) -> bool:
    asked = get_request_param(request, "process", AuthProcess.LOGIN)
    return _is_provider(name) and asked == AuthProcess.LOGIN


def _with_next(request: HttpRequest, path: str) -> str:
    next_url = get_next_redirect_url(request)
    return path + (f"?{urlencode({'next': next_url})}" if next_url else "")


def way_back(request: HttpRequest) -> str:
    """Return the link of a page that says "too many attempts", or ''.

    If the request sent a form of an entrance page, the next form shows the same email.
    """
    match = routes.match_of(request)
    name = str(match.url_name) if match else ""
    if name.endswith("_callback"):  # this answer of the provider was refused
        return reverse("account_login")
    if (
        name.endswith("_login") and request.method == "POST"
    ):  # an attempt by a provider begins there
        return request.get_full_path()
    session = getattr(request, "session", None)
    if name in ENTRANCE and request.method == "POST" and session is not None:
        email = request.POST.get("login") or request.POST.get("email") or ""
        session[KEPT_EMAIL] = email[:MAX_EMAIL]
    return page_to_open_again(request)


class KeepsEmail:
    """Make a view's form show the email that the visitor typed into an old form."""

    request: HttpRequest

    def get_initial(self) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_initial()  # type: ignore[misc]  # a FormView's
        if email := self.request.session.pop(KEPT_EMAIL, ""):
            initial |= {"login": email, "email": email}
        return initial
