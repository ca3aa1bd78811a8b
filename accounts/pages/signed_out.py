"""Say why a form led to an entrance page: its sign-in has ended, or the step that it belongs to is over."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.translation import gettext as _

from accounts import routes

SECOND_STEPS = {"mfa_authenticate", "mfa_enrol", "mfa_signup_webauthn"}
"""Steps after the first proof. Without it, allauth redirects to the beginning."""


def say_nothing_was_done(request: HttpRequest) -> None:
    """Add the message for a form whose sender is signed out. The form may have been a report."""
    text = _("You are signed out, so nothing was done. Sign in and press the button again.")
    messages.warning(request, text)


class SignedOutMiddleware:
    """Add a message if a form of allauth's pages, which has none of its own, redirects a visitor.

    Place it after the message middleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        location = response.headers.get("Location")
        if request.method != "POST" or location is None:
            return response
        target = urlsplit(location)
        if target.path not in _beginnings() or request.user.is_authenticated:
            return response
        match = routes.match_of(request)
        name = str(match.url_name) if match else ""
        if name in SECOND_STEPS:
            messages.warning(
                request, _("That took too long, or it was done already. Begin again here.")
            )
        elif _leads_back(request, target.query):
            say_nothing_was_done(request)
        return response


def _beginnings() -> set[str]:
    return {resolve_url(name) for name in ("account_login", "account_signup")}


def _leads_back(request: HttpRequest, query: str) -> bool:
    """Return True if the redirect names this address as the next one, as `login_required` does."""
    return parse_qs(query).get(REDIRECT_FIELD_NAME) == [request.get_full_path()]
