"""List the second factors. A new one is a folder beside this file and one line here."""

from allauth.mfa.models import Authenticator

from accounts.factors.factor import Factor
from accounts.factors.recovery_codes.factor import RECOVERY_CODES
from accounts.factors.totp.factor import TOTP
from accounts.people.models import User

FACTORS: dict[str, Factor] = {factor.id: factor for factor in (TOTP, RECOVERY_CODES)}
"""By id, in the order in which doors name them."""


def factors_of(user: User | None) -> list[Factor]:
    """Return the factors that this account can use as a second step, or [] if it needs none."""
    if user is None:
        return []
    kinds = set(Authenticator.objects.filter(user_id=user.pk).values_list("type", flat=True))
    mine = [factor for factor in FACTORS.values() if factor.id in kinds]
    return mine if any(factor.is_enough for factor in mine) else []


def amr_of(kind: str) -> list[str]:
    """Return the RFC 8176 values of this kind of factor. Unknown kinds have none."""
    factor = FACTORS.get(kind)
    return list(factor.amr) if factor else []
