"""Keep the choice "Stay signed in" on its way from any door to the sign-in, and remember it.

A door puts the choice into `SignIn.stays`: the forms of our pages, the inputs of the headless API,
and the `state` of a provider's round trip. A door that asks for no choice gets the one that this
browser made last, from a cookie. The cookie says yes or no, and grants nothing.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from accounts.request import is_app, sign_in_of
from accounts.signins.models import AuthSession

EXPIRY = "_session_expiry"
"""Django's session entry. `store.engine` reads it: any number but 0 means "Stay signed in"."""
YES, NO = "1", "0"


def default(request: HttpRequest) -> bool:
    """Return the choice that this browser made last; False if it made none."""
    if EXPIRY in request.session:  # a sign-in that is under way
        return bool(request.session[EXPIRY])
    return request.COOKIES.get(settings.STAY_COOKIE_NAME) == YES


def apply(request: HttpRequest) -> None:
    """Write the choice into the session. Call when a sign-in begins.

    A sign-in that takes several requests keeps it there. Apps have no cookie, so nothing to choose.
    """
    sign_in = sign_in_of(request)
    if sign_in.kind is not None or is_app(request):
        return
    stays = default(request) if sign_in.stays is None else sign_in.stays
    request.session.set_expiry(settings.SESSION_COOKIE_AGE if stays else 0)


def remember(request: HttpRequest, response: HttpResponseBase) -> None:
    """Set the cookie if this request has signed a browser in."""
    opened = sign_in_of(request).opened
    if opened is None or opened.kind != AuthSession.Kind.BROWSER:
        return
    response.set_cookie(
        settings.STAY_COOKIE_NAME,
        YES if request.session.get(EXPIRY) else NO,
        max_age=settings.STAY_COOKIE_AGE,
        path="/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
