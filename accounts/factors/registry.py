"""List the second factors. A new one is a folder beside this file and one line here."""

from allauth.mfa.models import Authenticator

from accounts import statements
from accounts.factors.factor import Factor
from accounts.factors.passkeys.factor import PASSKEY
from accounts.factors.recovery_codes.factor import RECOVERY_CODES
from accounts.factors.totp.factor import TOTP
from accounts.people.models import User

_KINDS = "SELECT type FROM mfa_authenticator WHERE user_id = %s"

FACTORS: dict[str, Factor] = {factor.id: factor for factor in (PASSKEY, TOTP, RECOVERY_CODES)}
"""By id, in the order in which doors name them."""


def factors_of(user: User | None) -> list[Factor]:
    """Return the factors that this account can use as a second step, or [] if it needs none."""
    if user is None:
        return []
    kinds = kinds_of(user)
    mine = [factor for factor in FACTORS.values() if factor.id in kinds]
    return mine if any(factor.is_enough for factor in mine) else []


def kinds_of(user: User) -> set[str]:
    """Return the kinds of all factors of this account. Each sign-in asks twice."""
    columns = statements.columns_of(Authenticator, "type")
    return {kind for (kind,) in statements.rows(_KINDS, [user.pk], columns)}


def is_last(row: Authenticator) -> bool:
    """Return True if the account needs no second step without this factor."""
    kinds = [factor.id for factor in FACTORS.values() if factor.is_enough]
    others = Authenticator.objects.filter(user_id=row.user_id, type__in=kinds)
    return not others.exclude(pk=row.pk).exists()


def amr_of(kind: str) -> list[str]:
    """Return the RFC 8176 values of this kind of factor. Unknown kinds have none."""
    factor = FACTORS.get(kind)
    return list(factor.amr) if factor else []
