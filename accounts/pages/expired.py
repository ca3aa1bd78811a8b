"""Answer a form whose CSRF token is too old, and find the address that follows an error page.

A token is too old after a sign-in in another tab, or if the visitor went back to an old page.
"""

from typing import Any
from urllib.parse import urlencode

from allauth.account.utils import get_login_redirect_url, get_next_redirect_url
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_BAD_ORIGIN, REASON_NO_CSRF_COOKIE
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import routes

ENTRANCE = {
    "account_login",
    "account_request_login_code",
    "account_reset_password",
    "account_signup",
}
"""Pages for visitors: the entrance. A redirect to a new form of these is harmless."""
KEPT_EMAIL = "kept_email"
"""The session entry with the email that the next form shows."""
MAX_EMAIL = 254


def is_foreign(reason: str) -> bool:
    """Return True if the form came from a page of another site."""
    return reason.startswith(REASON_BAD_ORIGIN.partition("%s")[0])


def is_without_cookies(reason: str) -> bool:
    """Return True if the browser sent no CSRF cookie: it blocks cookies, or has just deleted them."""
    return reason == REASON_NO_CSRF_COOKIE


def lead_on(request: HttpRequest, reason: str) -> HttpResponse | None:
    """Redirect from an old form of an entrance page. Returns None if the error page is the answer.

    A signed-in user goes to the page that follows a sign-in. A visitor gets a new form with the email,
    and must type the password again.
    """
    match = routes.match_of(request)
    if match is None or match.url_name not in ENTRANCE:
        return None
    if is_foreign(reason) or is_without_cookies(reason):
        return None
    if request.user.is_authenticated:
        return redirect(get_login_redirect_url(request))
    email = request.POST.get("login") or request.POST.get("email") or ""
    request.session[KEPT_EMAIL] = email[:MAX_EMAIL]
    messages.warning(request, _("The page was open for too long. Please send this new form."))
    next_url = get_next_redirect_url(request)
    return redirect(request.path + (f"?{urlencode({'next': next_url})}" if next_url else ""))


def page_to_open_again(request: HttpRequest) -> str:
    """Return the address of the form's page, or '' if the address takes no GET."""
    match = routes.match_of(request)
    view = getattr(match.func, "view_class", None) if match else None
    takes_get = match is not None and hasattr(view or object, "get")
    return request.get_full_path() if takes_get else ""


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
