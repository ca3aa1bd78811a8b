"""Define the forms for second factors, and the check of a code that programs share with them."""

from typing import TYPE_CHECKING, Any, cast

from allauth.core import context
from allauth.mfa.base import forms as allauth_forms
from allauth.mfa.internal.flows.add import validate_can_add_authenticator
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp_forms
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from accounts.errors import TooManyRequestsError
from accounts.factors import entry
from accounts.factors.totp import codes as totp_codes
from accounts.pages import known_devices
from accounts.pages.waiting import refusal
from accounts.request import client_of

if TYPE_CHECKING:
    from accounts.people.models import User

RECOVERY = "recovery"
"""The value of `?by` on a page that asks for a recovery code first."""


class ChecksFactor:
    """Make one of allauth's forms or inputs check its code by `accounts.factors.entry`."""

    def clean_code(self) -> str:
        """Use the code up. Raises `ValidationError`, `TooManyRequestsError` or `STORE_ERRORS`."""
        form: Any = self
        code: str = form.cleaned_data["code"]
        user = cast("User | None", form.user)
        request = context.request
        device = known_devices.device_of(request, user.email) if user else ""
        form.authenticator = entry.check(user, code, client=client_of(request), device=device)
        return code


class FactorForm(ChecksFactor):
    """A page's form that asks for a code of a second factor."""

    fields: dict[str, forms.Field]
    authenticator: Authenticator
    retry_seconds: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_recovery = context.request.GET.get("by") == RECOVERY
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

    @override
    def clean_code(self) -> str:
        try:
            return super().clean_code()
        except TooManyRequestsError as error:
            self.retry_seconds = error.retry_seconds
            raise refusal(error, _("Too many wrong codes. Try again in %(wait)s.")) from error


class AuthenticateForm(FactorForm, allauth_forms.AuthenticateForm):
    pass


class ReauthenticateForm(FactorForm, allauth_forms.ReauthenticateForm):
    pass


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
