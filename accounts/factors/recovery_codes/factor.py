"""Describe recovery codes to the registry."""

from allauth.mfa.models import Authenticator
from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary import Method
from accounts.factors.factor import Factor
from accounts.factors.recovery_codes import codes

RECOVERY_CODES = Factor(
    id=Authenticator.Type.RECOVERY_CODES.value,
    label=_("Recovery codes"),
    amr=(Method.SECOND_STEP,),  # RFC 8176 has no word for them
    is_enough=False,
    is_shaped=codes.is_shaped,
    spend=codes.spend,
)
