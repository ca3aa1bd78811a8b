"""What allauth's headless API checks by itself, replaced by the checks of our pages.

allauth has no setting for these inputs, so `install` sets them on its views.
"""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.headless.account import inputs, views
from allauth.headless.internal.restkit.inputs import BooleanField as Bool
from django.http import HttpRequest
from typing_extensions import override

from accounts.pages import stays
from accounts.pages.codes import ChecksCode
from accounts.request import sign_in_of


class LoginInput(inputs.LoginInput):
    """Takes `remember`, too: a browser's sign-in lasts longer, as by our page."""

    remember = Bool(required=False)

    @override
    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()  # type: ignore[no-untyped-call]  # allauth's
        # What is left are the credentials.
        sign_in_of(context.request).stays = cleaned.pop("remember", False)
        return cleaned


class SignupInput(inputs.SignupInput):
    """As `LoginInput`."""

    remember = Bool(required=False)

    @override
    def try_save(self, request: HttpRequest) -> Any:
        sign_in_of(request).stays = self.cleaned_data["remember"]
        stays.apply(request)
        return super().try_save(request)


class ConfirmLoginCodeInput(ChecksCode, inputs.ConfirmLoginCodeInput):
    @override
    def clean_code(self) -> str:
        self.check_code(self.expected_code)
        return str(super().clean_code())


class ConfirmReauthenticationCodeInput(ChecksCode, inputs.ConfirmReauthenticationCodeInput):
    @override
    def clean_code(self) -> str:
        self.check_code(self.expected_code)
        return str(super().clean_code())


class VerifyEmailInput(ChecksCode, inputs.VerifyEmailInput):
    code_field = "key"

    @override
    def clean_key(self) -> str:
        self.check_code(self.process.code)
        key: str = super().clean_key()  # type: ignore[no-untyped-call]  # allauth's
        return key


class ChangePasswordInput(inputs.ChangePasswordInput):
    @override
    def clean_current_password(self) -> str:
        """Check the password as a sign-in does: wrong ones are counted and recorded."""
        password: str = self.cleaned_data["current_password"]
        adapter = get_adapter()
        if password and not adapter.reauthenticate(self.user, password):
            raise adapter.validation_error("enter_current_password")
        return password


def install() -> None:
    """Make allauth's headless views use these inputs. Call before the first request."""
    views.LoginView.input_class = LoginInput
    views.SignupView.input_class = {"POST": SignupInput}
    views.ConfirmLoginCodeView.input_class = ConfirmLoginCodeInput
    views.ConfirmReauthenticationCodeView.input_class = ConfirmReauthenticationCodeInput
    views.VerifyEmailView.input_class = VerifyEmailInput
    views.ChangePasswordView.input_class = ChangePasswordInput
