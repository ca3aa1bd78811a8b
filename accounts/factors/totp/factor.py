"""Describe TOTP to the registry."""

from allauth.mfa.models import Authenticator
from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary import Method
from accounts.factors.factor import Factor
from accounts.factors.totp import codes

TOTP = Factor(
    id=Authenticator.Type.TOTP.value,
    label=_("Authenticator app"),
    amr=(Method.CODE, Method.SECOND_STEP),
    is_enough=True,
    is_shaped=codes.is_shaped,
    spend=codes.spend,
)
