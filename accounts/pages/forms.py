"""Forms of our pages. Those of allauth get the attributes that password managers read."""

from typing import Any

from allauth.account import fields as account_fields
from allauth.account import forms as account_forms
from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.people.managers import UserManager
from accounts.people.models import User
from accounts.people.validators import PasswordLengthValidator


def _clean_email(field: account_fields.EmailField, value: Any) -> str:
    return UserManager.normalize_email(forms.EmailField.clean(field, value))


# All of allauth's forms and headless calls read addresses by this field, and none by our forms only.
account_fields.EmailField.clean = _clean_email  # type: ignore[method-assign]


class LoginForm(account_forms.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs.update(
            {
                # `webauthn` must come last: it lets the browser offer passkeys in this field.
                "autocomplete": "username webauthn",
                "autocapitalize": "none",
                "spellcheck": "false",
                "inputmode": "email",
            }
        )
        self.fields["password"].help_text = ""


class SignupForm(account_forms.SignupForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs.update(
            {
                # Not `email`: with `username` a password manager saves it as the account's name.
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
                "inputmode": "email",
            }
        )
        self.fields["password1"].help_text = PasswordLengthValidator().get_help_text()


class OneNewPassword:
    """Ask for the new password once: users can show the field, and managers fill it in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, forms.Field] = self.fields  # type: ignore[attr-defined]  # of the form
        del fields["password2"]
        # The other rules appear as errors only.
        fields["password1"].help_text = PasswordLengthValidator().get_help_text()


class ChangePasswordForm(OneNewPassword, account_forms.ChangePasswordForm):
    pass


class SetPasswordForm(OneNewPassword, account_forms.SetPasswordForm):
    pass


class ResetPasswordKeyForm(OneNewPassword, account_forms.ResetPasswordKeyForm):
    pass


class ProfileForm(forms.ModelForm[User]):
    class Meta:
        model = User
        fields = ["display_name", "locale"]
        labels = {"display_name": _("Name"), "locale": _("Language")}
        widgets = {"display_name": forms.TextInput(attrs={"autocomplete": "name"})}
