"""Add and remove the authenticator app of an account."""

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import encrypt

from accounts.factors.totp import codes
from accounts.people.models import User


def add(user: User, secret: str, *, step: int) -> Authenticator:
    """Store the app's secret and return the row.

    `step` is the time step of the code that proved the app: that code is used up.
    """
    data = {"secret": encrypt(secret), codes.STEP: step}
    row = Authenticator(user=user, type=Authenticator.Type.TOTP, data=data)
    row.save(force_insert=True)
    return row
