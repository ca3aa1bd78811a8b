"""Offer a passkey once, on the overview after a sign-in by password, in each browser.

A cookie remembers that this browser has offered one. It grants nothing and names nobody.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.audit.vocabulary import Method
from accounts.factors.passkeys import credentials
from accounts.people.models import User
from accounts.request import is_headless, sign_in_of

ENTRY = "offers_passkey"
"""Of the session, during the sign-in that shows the offer."""


def open_after(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Offer a passkey if a page's sign-in was by password, the account has none, and it is the first offer."""
    session = sign_in_of(request).opened
    if session is None or is_headless(request) or settings.OFFER_COOKIE_NAME in request.COOKIES:
        return
    if Method.PASSWORD not in session.amr or credentials.of(user):
        return
    request.session[ENTRY] = True
    response.set_cookie(
        settings.OFFER_COOKIE_NAME,
        "1",
        max_age=settings.OFFER_COOKIE_AGE,
        path="/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def is_open(request: HttpRequest) -> bool:
    return bool(request.session.get(ENTRY))


def close(request: HttpRequest) -> None:
    request.session.pop(ENTRY, None)
