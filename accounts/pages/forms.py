"""Define our pages' forms. allauth's forms get the attributes that password managers read."""

from typing import TYPE_CHECKING, Any, cast

from allauth.account import fields as account_fields
from allauth.account import forms as account_forms
from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.socialaccount import forms as social_forms
from django import forms
from django.conf import settings
from django.core.validators import EmailValidator
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.errors import SignUpPendingError, TooManyRequestsError
from accounts.pages import admission, decoys, stays
from accounts.pages.codes import ChecksCode
from accounts.pages.mail_requests import AsksForReset
from accounts.pages.mailbox_links import ConnectsKnown
from accounts.pages.profile_forms import HasProfileFields
from accounts.pages.sign_in_codes import AsksForCode
from accounts.pages.signing_up import ReplacesUnproved, SignsUpAgain
from accounts.pages.waiting import CountsGuesses, refusal
from accounts.people import addresses, profile_fields
from accounts.people.managers import UserManager
from accounts.people.models import User
from accounts.people.passwords import MIN_LENGTH
from accounts.people.validators import PasswordLengthValidator
from accounts.request import sign_in_of
from accounts.typed import digits_in

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MAX_EMAIL = 254
"""Characters of an address (RFC 5321), and of the column."""
EMAIL_AS_USERNAME = {
    # Not `email`: with `username` a password manager saves it as the account's name.
    "autocomplete": "username",
    "autocapitalize": "none",
    "spellcheck": "false",
    "inputmode": "email",
}
"""Attributes of a field that takes the email of an account."""


def _clean_email(field: account_fields.EmailField, value: Any) -> str:
    """Return the one spelling of an address. Refuses one that the column can't hold: allauth cuts it off."""
    email = UserManager.normalize_email(forms.EmailField.clean(field, value))
    if len(email) > MAX_EMAIL:
        raise forms.ValidationError(EmailValidator.message, code="invalid")
    return email


# All of allauth's forms and headless calls read addresses by this field, and none by our forms only.
account_fields.EmailField.clean = _clean_email  # type: ignore[method-assign]


def _explain(field: forms.Field) -> None:
    """Say the rule of length of a new password. The other rules appear as errors only."""
    field.help_text = PasswordLengthValidator().get_help_text()
    field.widget.attrs["data-least"] = MIN_LENGTH  # `password.js` gives advice by it


class LoginForm(CountsGuesses, account_forms.LoginForm):
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
        self.fields["remember"].initial = stays.default(self.request)

    @override
    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = self.clean_guess(super().clean)
        except SignUpPendingError:
            decoys.refuse_if_just_mailed(context.request, self.cleaned_data["login"])
            raise
        return cleaned

    @override
    def login(self, request: HttpRequest, redirect_url: str | None = None) -> HttpResponse:
        sign_in_of(request).stays = self.cleaned_data["remember"]
        response: HttpResponse = super().login(request, redirect_url=redirect_url)
        return response


class RequestLoginCodeForm(AsksForCode, account_forms.RequestLoginCodeForm):
    """Ask for the address of a sign-in by a mailed code."""

    remember = forms.BooleanField(label=_("Stay signed in"), required=False)
    retry_seconds: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs.update(EMAIL_AS_USERNAME)
        self.fields["remember"].initial = stays.default(context.request)

    @override
    def clean_email(self) -> str:
        try:
            return super().clean_email()
        except TooManyRequestsError as error:
            self.retry_seconds = error.retry_seconds
            text = gettext("Too many codes were sent. Try again in %(wait)s.")
            raise refusal(error, text) from error


class ReauthenticateForm(CountsGuesses, account_forms.ReauthenticateForm):
    @override
    def clean_password(self) -> str:
        password: str = self.clean_guess(super().clean_password)
        return password


class SignupForm(SignsUpAgain, account_forms.SignupForm):
    remember = forms.BooleanField(label=_("Stay signed in"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs.update(EMAIL_AS_USERNAME)
        if (invitation := admission.presented(context.request)) is not None:
            self.fields["email"].initial = invitation.email
            self.fields["email"].disabled = True
        if not self.by_passkey:
            _explain(self.fields["password1"])
        self.fields["remember"].initial = stays.default(context.request)
        asked = [each.name for each in self.asked]
        self.order_fields(["email", "password1", *asked, "remember"])

    @override
    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """Sign up. Store the choice "Stay signed in" first, also if the account exists already.

        Otherwise the cookies of the answer would show whether it exists. Returns as allauth's form does.
        """
        sign_in_of(request).stays = self.cleaned_data["remember"]
        stays.apply(request)
        saved: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return saved


class SocialSignupForm(ConnectsKnown, ReplacesUnproved, social_forms.SignupForm):
    pass


class OneNewPassword:
    """Ask for the new password once, because users can show it and password managers fill it in."""

    new_label: "StrOrPromise"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, forms.Field] = self.fields  # type: ignore[attr-defined]  # of the form
        del fields["password2"]
        fields["password1"].label = self.new_label
        _explain(fields["password1"])


class ChangePasswordForm(CountsGuesses, OneNewPassword, account_forms.ChangePasswordForm):
    new_label = _("New password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = _("Current password")

    @override
    def clean_oldpassword(self) -> str:
        """Check the old password as a sign-in does: count and record a wrong one. Returns it."""
        password: str = self.cleaned_data["oldpassword"]
        adapter, user = get_adapter(), cast("User", self.user)
        if not self.clean_guess(lambda: adapter.reauthenticate(user, password)):
            raise adapter.validation_error("enter_current_password")
        return password


class SetPasswordForm(OneNewPassword, account_forms.SetPasswordForm):
    new_label = _("Password")


class ResetPasswordForm(AsksForReset, account_forms.ResetPasswordForm):
    pass


class ResetPasswordKeyForm(OneNewPassword, account_forms.ResetPasswordKeyForm):
    new_label = _("New password")


class UserTokenForm(account_forms.UserTokenForm):
    """Check the key of a reset link, and lock the user's row until the transaction ends.

    Without the lock, requests that arrive at the same time would all find the key unused.
    """

    @override
    def _get_user(self, uidb36: str) -> User | None:
        user: User | None = super()._get_user(uidb36)  # type: ignore[no-untyped-call]  # allauth's
        if user is None or not connection.in_atomic_block:  # a GET, which needs no lock
            return user
        return User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()


class ProfileForm(HasProfileFields, forms.ModelForm[User]):
    class Meta:
        model = User
        fields = ["display_name", "locale"]
        labels = {"display_name": _("Name"), "locale": _("Language")}
        widgets = {"display_name": forms.TextInput(attrs={"autocomplete": "name"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {**self.initial, **profile_fields.shown(self.instance.extras)}

    @property
    def changed_extras(self) -> dict[str, Any]:
        """Return the values to store. Another device may have changed a field that this form left alone."""
        stored = self.instance.extras
        return {
            name: value
            for name, value in self.extras.items()
            if name in self.changed_data or name not in stored
        }


class CodeForm(ChecksCode):
    """Ask for a mailed code. The base class of our pages' forms for codes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, forms.Field] = self.fields  # type: ignore[attr-defined]  # of the form
        fields["code"].widget.attrs.update(
            {
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "placeholder": "1234-5678",
                "spellcheck": "false",
            }
        )

    @override
    def check_code(self, expected: str) -> None:
        """Check the code. Part of a code, such as its first group, is a slip: it costs no try.

        Raises as `ChecksCode.check_code` does, and `ValidationError` for another number of digits.
        """
        typed: str = self.cleaned_data["code"]  # type: ignore[attr-defined]  # of the form
        if len(digits_in(typed)) != settings.ALLAUTH_USER_CODE_FORMAT["length"]:
            raise forms.ValidationError(
                _("The code has eight digits. Type or paste all of them."), code="incomplete_code"
            )
        super().check_code(expected)

    def clean_code(self) -> str:
        self.check_code(self.expected_code)  # type: ignore[attr-defined]  # of the form
        code: str = super().clean_code()  # type: ignore[misc]  # of the form
        return code


class ConfirmLoginCodeForm(CodeForm, account_forms.ConfirmLoginCodeForm):
    pass


class ConfirmReauthenticationCodeForm(CodeForm, account_forms.ConfirmReauthenticationCodeForm):
    pass


class ConfirmEmailVerificationCodeForm(CodeForm, account_forms.ConfirmEmailVerificationCodeForm):
    @override
    def clean_code(self) -> str:
        """Check the code, and refuse an address that another account keeps (`addresses.is_kept`).

        allauth would also refuse one that another account has typed and not proved.
        """
        if addresses.is_kept(self.email, owner_id=self.user.pk if self.user else None):
            return super().clean_code()
        self.check_code(self.expected_code)
        code: str = account_forms.BaseConfirmCodeForm.clean_code(self)
        return code
