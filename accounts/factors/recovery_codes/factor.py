"""Describe recovery codes to the registry."""

from accounts.audit.vocabulary import FactorKind, Method
from accounts.factors.factor import Factor
from accounts.factors.recovery_codes import codes

RECOVERY_CODES = Factor(
    id=FactorKind.RECOVERY_CODES.value,
    label=FactorKind.RECOVERY_CODES.label,
    amr=(Method.SECOND_STEP,),  # RFC 8176 has no word for them
    is_enough=False,
    is_shaped=codes.is_shaped,
    spend=codes.spend,
)
