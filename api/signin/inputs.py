"""Replace the checks of allauth's headless API by the checks of our pages.

allauth has no setting for these inputs, so `install` sets them on its views.
"""

from allauth.account.adapter import get_adapter
from allauth.headless.account import inputs, views
from typing_extensions import override

from accounts.pages.codes import ChecksCode


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
        """Check the password as a sign-in does: count and record wrong ones.

        Returns the password.
        """
        password: str = self.cleaned_data["current_password"]
        adapter = get_adapter()
        if password and not adapter.reauthenticate(self.user, password):
            raise adapter.validation_error("enter_current_password")
        return password


def install() -> None:
    """Make allauth's headless views use these inputs. Call before the first request."""
    views.ConfirmLoginCodeView.input_class = ConfirmLoginCodeInput
    views.ConfirmReauthenticationCodeView.input_class = ConfirmReauthenticationCodeInput
    views.VerifyEmailView.input_class = VerifyEmailInput
    views.ChangePasswordView.input_class = ChangePasswordInput
