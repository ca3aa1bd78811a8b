"""Ask the caller for a fresh proof before something that can't be undone, or that shows everything."""

import time
from typing import TYPE_CHECKING, cast

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from rest_framework.request import Request

from accounts.signins.models import AuthSession
from accounts.store import engine
from api.authentication import account
from api.exceptions import InvalidCredentials, ReauthenticationRequired

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

    from api.tokens.jwts import AccessJWT


def require(request: Request, *, password: str = "") -> None:
    """Return if the caller has proved the account again in the last minutes, or by this password.

    The proof is a reauthentication, on our pages or by the headless API, which takes a password or
    a mailed code. The sign-in itself is none, as on our pages. Raises `ReauthenticationRequired`;
    for a wrong password `InvalidCredentials`, counted as at a sign-in, or `TooManyRequestsError`.
    """
    if password:
        _check(request, password)
    elif time.time() - _proved_at(request) > app_settings.REAUTHENTICATION_TIMEOUT:
        raise ReauthenticationRequired


def _check(request: Request, password: str) -> None:
    user, http = account(request), request._request  # noqa: SLF001 - DRF's only way to it
    found = get_adapter(http).authenticate(http, email=user.email, password=password)
    if found is None or found.pk != user.pk:
        raise InvalidCredentials


def _proved_at(request: Request) -> float:
    """Return when the caller last proved the account again, in seconds since 1970; 0 for never."""
    session: SessionBase | None
    if isinstance(request.auth, AuthSession):
        session = request.session
    else:
        session = engine.lookup(cast("AccessJWT", request.auth).sid)
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY, []) if session else []
    return max((float(each["at"]) for each in records if each.get("reauthenticated")), default=0.0)
