"""Recognise a browser that has signed in to an account before, by a cookie.

`accounts.signins.guesses` counts wrong passwords of such a browser apart. The cookie grants nothing
else. It has a random device id and, for each of the last `MAX_ACCOUNTS` accounts, a mark: the time of
the sign-in, and an HMAC over it, the device id and the account's email. So it holds no personal data and
cannot be forged (OWASP "device cookies"). A report "it wasn't me" makes all earlier marks of the account
void, because the thief's browser has one.
"""

import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.request import sign_in_of
from accounts.signins import denials
from accounts.signins.models import AuthSession

if TYPE_CHECKING:
    from accounts.people.models import User

MAX_ACCOUNTS = 5
SALT = "accounts.pages.known_devices"


def device_of(request: HttpRequest, email: str) -> str:
    """Return the id of this device if it has signed in to `email` (normalised) before, or ''.

    Costs one SQL statement in a request, if the cookie has a mark of this account.
    """
    answers = sign_in_of(request).devices
    if email not in answers:
        device, marks = _read(request)
        made = [when for mark in marks if (when := _made_at(mark, device, email)) is not None]
        is_known = bool(made) and not denials.followed(email, max(made))
        answers[email] = device if is_known else ""
    return answers[email]


def remember(request: HttpRequest, response: HttpResponseBase) -> None:
    """Set the cookie if this request signed in a browser, or a frontend with cookie delivery."""
    opened = sign_in_of(request).opened
    if opened is None or not _keeps_cookies(request, opened):
        return
    email = cast("User", opened.user).email
    device, marks = _read(request)
    if not device_of(request, email):
        if len(device) != len(_new_device()) or not device.isalnum():
            device, marks = _new_device(), []
        others = [mark for mark in marks if _made_at(mark, device, email) is None]
        now = f"{int(time.time()):x}"
        marks = [f"{now}-{_hmac(device, email, now, settings.SECRET_KEY)}", *others]
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


def _read(request: HttpRequest) -> tuple[str, list[str]]:
    """Return the device id and the marks of the cookie."""
    device, *marks = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "").split(".")
    return device, marks[:MAX_ACCOUNTS]


def _made_at(mark: str, device: str, email: str) -> datetime | None:
    """Return when we made this mark, or None if it is not ours for this device and account."""
    made, _, hmac = mark.partition("-")
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    is_ours = any(constant_time_compare(hmac, _hmac(device, email, made, key)) for key in keys)
    return datetime.fromtimestamp(int(made, 16), UTC) if is_ours else None


def _hmac(device: str, email: str, made: str, key: str) -> str:
    text = f"{device}:{email}:{made}"
    return salted_hmac(SALT, text, secret=key, algorithm="sha256").hexdigest()[:32]
