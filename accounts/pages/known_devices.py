"""Recognise a browser that has signed in to an account before, by a cookie.

`accounts.signins.guesses` counts wrong passwords of such a browser apart. The cookie grants nothing
else. It has a random device id and, for each of the last `MAX_ACCOUNTS` accounts, an HMAC over the
device id and the account's email. So it holds no personal data and cannot be forged (OWASP "device
cookies").
"""

import secrets
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.request import sign_in_of
from accounts.signins.models import AuthSession

if TYPE_CHECKING:
    from accounts.people.models import User

MAX_ACCOUNTS = 5
SALT = "accounts.pages.known_devices"


def device_of(request: HttpRequest, email: str) -> str:
    """Return the id of this device if it has signed in to `email` (normalised) before, or ''."""
    device, *marks = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "").split(".")
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    expected = [_mark(device, email, key) for key in keys]
    is_known = any(
        constant_time_compare(mark, one) for mark in marks[:MAX_ACCOUNTS] for one in expected
    )
    return device if is_known else ""


def remember(request: HttpRequest, response: HttpResponseBase) -> None:
    """Set the cookie if this request signed in a browser, or a frontend with cookie delivery."""
    opened = sign_in_of(request).opened
    if opened is None or not _keeps_cookies(request, opened):
        return
    email = cast("User", opened.user).email
    device, *marks = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "").split(".")
    if not device_of(request, email):
        if len(device) != len(_new_device()) or not device.isalnum():
            device, marks = _new_device(), []
        marks = [_mark(device, email, settings.SECRET_KEY), *marks]
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        ".".join([device, *marks[:MAX_ACCOUNTS]]),
        max_age=settings.DEVICE_COOKIE_AGE,
        path="/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def _keeps_cookies(request: HttpRequest, opened: AuthSession) -> bool:
    is_frontend = request.headers.get("X-Token-Delivery") == "cookie"
    return opened.kind == AuthSession.Kind.BROWSER or is_frontend


def _new_device() -> str:
    return secrets.token_hex(16)


def _mark(device: str, email: str, key: str) -> str:
    return salted_hmac(SALT, f"{device}:{email}", secret=key, algorithm="sha256").hexdigest()[:32]
