"""Define the forms for second factors, and the check of a code that programs share with them."""

from typing import TYPE_CHECKING, Any, cast

from allauth.core import context
from allauth.mfa.base import forms as allauth_forms
from allauth.mfa.internal.flows.add import validate_can_add_authenticator
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp_forms
from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from accounts.audit.vocabulary import FactorKind
from accounts.errors import TooManyRequestsError
from accounts.factors import entry, registry
from accounts.factors.passkeys import answers
from accounts.factors.passkeys.answers import SignedAnswer
from accounts.factors.passkeys.challenges import Purpose
from accounts.factors.totp import codes as totp_codes
from accounts.pages import known_devices
from accounts.pages.waiting import refusal
from accounts.request import client_of

if TYPE_CHECKING:
    from accounts.people.models import User

RECOVERY = "recovery"
"""The value of `?by` on a page that asks for a recovery code first."""
CREDENTIAL = "credential"
"""The hidden field with the answer of a passkey, as JSON."""


def asks_for_recovery(request: HttpRequest, user: "User | None") -> bool:
    """Return True if the field is for recovery codes: by choice, or for want of an app."""
    has_app = any(factor.id == FactorKind.TOTP for factor in registry.factors_of(user))
    return request.GET.get("by") == RECOVERY or not has_app


class ChecksFactor:
    """Make one of allauth's forms or inputs check its code by `accounts.factors.entry`."""

    def clean_code(self) -> str:
        """Use the code up. Raises as `check_answer` does."""
        code: str = cast("Any", self).cleaned_data["code"]
        self.check_answer(code)
        return code

    def check_answer(self, answer: str | SignedAnswer) -> None:
        """Use the answer up. Raises `ValidationError`, `TooManyRequestsError` or `STORE_ERRORS`."""
        form: Any = self
        user = cast("User | None", form.user)
        request = context.request
        device = known_devices.device_of(request, user.email) if user else ""
        form.authenticator = entry.check(user, answer, client=client_of(request), device=device)


class FactorForm(ChecksFactor):
    """A page's form that asks for a second factor: a code, or the answer of a passkey."""

    purpose: Purpose
    fields: dict[str, forms.Field]
    data: Any
    cleaned_data: dict[str, Any]
    authenticator: Authenticator
    retry_seconds: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.signed: str = self.data.get(CREDENTIAL, "")
        user = cast("User | None", cast("Any", self).user)
        is_recovery = asks_for_recovery(context.request, user)
        field = self.fields["code"]
        field.label = gettext_lazy("Recovery code") if is_recovery else gettext_lazy("Code")
        field.widget.attrs.update(
            {
                "autocomplete": "off" if is_recovery else "one-time-code",
                "inputmode": "text" if is_recovery else "numeric",
                "placeholder": "abcde-12345" if is_recovery else "123456",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        )
        field.required = not self.signed

    @override
    def clean_code(self) -> str:
        return "" if self.signed else super().clean_code()

    def clean(self) -> dict[str, Any]:
        if self.signed:
            self.check_answer(SignedAnswer(answers.parse(self.signed), self.purpose))
        return self.cleaned_data

    @override
    def check_answer(self, answer: str | SignedAnswer) -> None:
        try:
            super().check_answer(answer)
        except TooManyRequestsError as error:
            self.retry_seconds = error.retry_seconds
            raise refusal(error, _("Too many wrong codes. Try again in %(wait)s.")) from error


class AuthenticateForm(FactorForm, allauth_forms.AuthenticateForm):
    purpose = Purpose.SECOND_STEP


class ReauthenticateForm(FactorForm, allauth_forms.ReauthenticateForm):
    purpose = Purpose.FRESH_PROOF


class ProvesApp:
    """Make allauth's form or input note the time step of the code that proves a new app."""

    step: int

    def check_user(self, user: Any) -> None:
        """Refuse an account with an unproved address: its owner might be another person."""
        validate_can_add_authenticator(user)

    def clean_code(self) -> str:
        """Return the code if the app of the new secret shows it. Raises `ValidationError`."""
        form: Any = self
        self.check_user(form.user)
        code: str = form.cleaned_data["code"]
        step = totp_codes.step_of(form.secret, code)
        if step is None:
            text = _("That isn't the code. Is the clock of your device right?")
            raise ValidationError(text, code="incorrect_code")
        self.step = step
        return code


class ActivateTOTPForm(ProvesApp, totp_forms.ActivateTOTPForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label = gettext_lazy("Code that the app shows")
        field.widget.attrs.update(
            {
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "placeholder": "123456",
                "spellcheck": "false",
            }
        )


class EnrolForm(ActivateTOTPForm):
    """Adds an app during a sign-in. The stage before has proved the address that signs in."""

    @override
    def check_user(self, user: Any) -> None:
        """Accept also an account whose change of the address waits: it could not sign in."""
