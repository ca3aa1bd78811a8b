"""The rule for sensitive acts: they need a fresh proof of the sign-in, at every door.

Opening a sign-in proves it, and `sessions.prove` records each later proof. The row decides, not
the token or the session: all clients of one sign-in share its proof.
"""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts.errors import FreshProofRequiredError
from accounts.signins.models import AuthSession


def is_fresh(session: AuthSession | None) -> bool:
    """Return True if the user proved this sign-in at most `FRESH_PROOF_SECONDS` ago.

    A sign-in that a trusted browser opened without the second step is no proof.
    """
    if session is None or session.lacks_second_step:
        return False
    age = timezone.now() - session.auth_time
    return age <= timedelta(seconds=settings.FRESH_PROOF_SECONDS)


def require(session: AuthSession | None) -> None:
    """Call before a sensitive act. Raises `FreshProofRequiredError`."""
    if not is_fresh(session):
        raise FreshProofRequiredError
