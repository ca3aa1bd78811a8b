"""Add and remove the recovery codes of an account."""

from allauth.mfa.models import Authenticator

from accounts.factors.recovery_codes import codes
from accounts.people.models import User


def add(user: User) -> tuple[Authenticator, list[str]]:
    """Store the hashes of new codes in place of the old ones. Returns the row and the codes.

    Call in a transaction that has locked the user's row. Nobody can read the codes afterwards.
    """
    Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).delete()
    plain, data = codes.new_set()
    row = Authenticator.objects.create(user=user, type=Authenticator.Type.RECOVERY_CODES, data=data)
    return row, plain
