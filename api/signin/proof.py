"""Ask the caller for a fresh proof before something that can't be undone, or that shows everything."""

import time
from typing import TYPE_CHECKING

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from rest_framework.request import Request

from accounts.signins.models import AuthSession
from accounts.store import engine
from api.authentication import account
from api.exceptions import InvalidCredentials, ReauthenticationRequired

if TYPE_CHECKING:
    from api.tokens.jwts import AccessJWT


def require(request: Request, *, password: str = "") -> None:
    """Return if the caller has proved the account in the last minutes, or by this password.

    A proof is the sign-in itself, or a reauthentication on our pages or by the headless API, which
    takes a password or a mailed code. Raises `ReauthenticationRequired`; for a wrong password
    `InvalidCredentials`, counted as at a sign-in, or `TooManyRequestsError`.
    """
    if password:
        if not get_adapter().reauthenticate(account(request), password):
            raise InvalidCredentials
        return
    if time.time() - _proved_at(request) > app_settings.REAUTHENTICATION_TIMEOUT:
        raise ReauthenticationRequired


def _proved_at(request: Request) -> float:
    """Return when the caller last proved the account, in seconds since 1970."""
    if isinstance(request.auth, AuthSession):
        signed_in_at, session = request.auth.auth_time.timestamp(), request.session
    else:
        token: AccessJWT = request.auth  # type: ignore[assignment]  # one of our two classes
        signed_in_at, session = float(token["auth_time"]), engine.lookup(token.sid)
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY, []) if session else []
    return max([signed_in_at, *(record["at"] for record in records)])
