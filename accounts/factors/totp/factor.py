"""Describe TOTP to the registry."""

from accounts.audit.vocabulary import FactorKind, Method
from accounts.factors.factor import Factor
from accounts.factors.totp import codes

TOTP = Factor(
    id=FactorKind.TOTP.value,
    label=FactorKind.TOTP.label,
    amr=(Method.CODE, Method.SECOND_STEP),
    is_enough=True,
    is_shaped=codes.is_shaped,
    spend=codes.spend,
)
