"""Describe passkeys to the registry."""

from accounts.audit.vocabulary import FactorKind, Method
from accounts.factors.factor import Factor
from accounts.factors.passkeys import answers

PASSKEY = Factor(
    id=FactorKind.PASSKEY.value,
    label=FactorKind.PASSKEY.label,
    # Not `hwk`: we ask for no attestation, so we don't know whether the key is in hardware.
    amr=(Method.KEY, Method.PRESENCE, Method.SECOND_STEP),
    is_enough=True,
    is_shaped=answers.is_shaped,
    spend=answers.spend,
)
