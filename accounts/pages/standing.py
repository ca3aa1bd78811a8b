"""Find the sign-in behind a session cookie without a request, if it needs no care.

`AuthSessionMiddleware` decides about all others: it signs out what has ended, checks the row when that is
due, and extends the idle time.
"""

from uuid import UUID

from django.conf import settings
from django.contrib import auth
from django.utils.crypto import constant_time_compare

from accounts.people.models import User
from accounts.signins import revocations
from accounts.signins.models import AuthSession
from accounts.store import engine


def find(session_key: str) -> AuthSession | None:
    """Return the sign-in with its user; None if anything about it is not as usual.

    One call of Redis and one statement. Raises `STORE_ERRORS`, `DatabaseError` and
    `RevocationsStaleError`.
    """
    session = engine.SessionStore(session_key)
    if session.get(auth.BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    if session.is_due or engine.SID not in session:
        return None
    sid = UUID(session[engine.SID])
    if revocations.is_revoked(sid):
        return None
    user = User.objects.active(UUID(session[auth.SESSION_KEY]))
    if user is None or session.get(engine.RIGHTS) != rights_of(user):
        return None
    if not constant_time_compare(
        session.get(auth.HASH_SESSION_KEY, ""), user.get_session_auth_hash()
    ):
        return None
    return AuthSession.unread(sid, user)


def rights_of(user: User) -> str:
    """Return what a session keeps of the user's rights (`engine.RIGHTS`)."""
    return f"{user.is_staff:d}{user.is_superuser:d}"
