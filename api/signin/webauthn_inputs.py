"""Check the credentials that programs send to allauth's headless API."""

from typing import Any

from allauth.core import context
from allauth.headless.internal.restkit import inputs
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from typing_extensions import override

from accounts.factors import entry
from accounts.factors.passkeys.answers import SignedAnswer
from accounts.factors.passkeys.challenges import Purpose
from accounts.people.models import User
from accounts.request import client_of
from api.signin import second_step


class CredentialInput(inputs.Input):
    """The answer of a passkey. A subclass checks it."""

    credential = inputs.Field()

    def __init__(self, *args: Any, user: User | None = None, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_credential(self) -> Any:
        credential = self.cleaned_data["credential"]
        if not isinstance(credential, dict):
            raise ValidationError(_("Send the credential as a JSON object."), code="invalid")
        return self.checked(credential)

    def checked(self, credential: dict[str, Any]) -> Any:
        return credential


class SignInInput(CredentialInput):
    @override
    def checked(self, credential: dict[str, Any]) -> Authenticator:
        return entry.check_sign_in(credential, client=client_of(context.request))


class AnswerInput(CredentialInput):
    """The answer of a passkey of an account that is known."""

    purpose: Purpose

    @override
    def checked(self, credential: dict[str, Any]) -> Authenticator:
        return second_step.check(context.request, self.user, SignedAnswer(credential, self.purpose))


class SecondStepInput(AnswerInput):
    purpose = Purpose.SECOND_STEP
    trust = inputs.BooleanField(required=False)


class FreshProofInput(AnswerInput):
    purpose = Purpose.FRESH_PROOF
