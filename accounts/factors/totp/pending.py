"""Keep the secret of an app that is being added: all tabs of one sign-in show the same one."""

import time
from typing import Any

from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.core import context
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, generate_totp_secret

from accounts.store.engine import SID

SECONDS = 15 * 60
"""As long as allauth lets a sign-in wait."""
ENTRY = "totp_secret_of"
"""Of the session: the sign-in that the secret is for, and when it was made."""


def get_totp_secret(regenerate: bool = False) -> str:
    """Return the secret of this sign-in, or a new one if it has none or an old one.

    allauth's own function makes a new one for each page, which voids the picture in another tab.
    """
    session = context.request.session
    sign_in = _sign_in(session)
    kept_for, made_at = session.get(ENTRY) or ("", 0)
    is_good = kept_for == sign_in and time.time() < made_at + SECONDS
    if not is_good or SECRET_SESSION_KEY not in session:
        session[SECRET_SESSION_KEY] = generate_totp_secret()
        session[ENTRY] = [sign_in, time.time()]
    secret: str = session[SECRET_SESSION_KEY]
    return secret


def _sign_in(session: Any) -> str:
    """Return a name of the sign-in that is open, or under way, in this session."""
    login = session.get(LOGIN_SESSION_KEY) or {}
    return f"{session.get(SID)} {login.get('user_pk')} {login.get('initiated_at')}"
