"""Replace the checks of allauth's headless API by the checks of our pages.

allauth has no setting for these inputs, so `install` sets them on its views.
"""

import json
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.signup import prevent_enumeration
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from allauth.headless.account import inputs, views
from allauth.headless.base.response import AuthenticationResponse, ConflictResponse
from allauth.headless.internal.restkit.inputs import BooleanField as Bool
from allauth.headless.mfa import inputs as mfa_inputs
from allauth.headless.mfa import response as mfa_response
from allauth.headless.mfa import views as mfa_views
from allauth.headless.socialaccount import inputs as social_inputs
from allauth.headless.socialaccount import views as social_views
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from typing_extensions import override

from accounts.errors import SignUpPendingError
from accounts.factors import registry
from accounts.factors.recovery_codes.wrapper import PLAIN
from accounts.pages import decoys, mailbox_links, stays, trusting
from accounts.pages.codes import ChecksCode
from accounts.pages.factor_forms import ChecksFactor, ProvesApp
from accounts.pages.forms import UserTokenForm
from accounts.pages.mail_requests import AsksForReset
from accounts.pages.mailbox_links import ConnectsKnown
from accounts.pages.middleware import current
from accounts.pages.sign_in_codes import AsksForCode
from accounts.pages.signing_up import ReplacesUnproved, SignsUpAgain
from accounts.people.models import User
from accounts.request import sign_in_of
from accounts.signins import proofs as rule
from api import problems


class ConfirmLoginCodeInput(ChecksCode, inputs.ConfirmLoginCodeInput):
    @override
    def clean_code(self) -> str:
        self.check_code(self.expected_code)
        return str(super().clean_code())


class RequestLoginCodeInput(AsksForCode, inputs.RequestLoginCodeInput):
    """Take `remember`, as `LoginInput` does."""

    remember = Bool(required=False)

    @override
    def clean_email(self) -> str:
        if context.request.user.is_authenticated:  # as allauth's sign-in by password
            raise ImmediateHttpResponse(ConflictResponse(context.request))
        return super().clean_email()


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


class ActivateTOTPInput(ProvesApp, mfa_inputs.ActivateTOTPInput):
    pass


class AuthenticateInput(ChecksFactor, mfa_inputs.AuthenticateInput):
    """Take `trust`, the box "Don't ask on this browser" of our page."""

    trust = Bool(required=False)


class ReauthenticateInput(ChecksFactor, mfa_inputs.ReauthenticateInput):
    pass


class SignsUp(SignsUpAgain):
    """Sign up by a program. The input has a field `remember`."""

    password_field = "password"  # noqa: S105 - a field's name
    cleaned_data: dict[str, Any]

    @override
    def try_save(self, request: HttpRequest) -> Any:
        sign_in_of(request).stays = self.cleaned_data["remember"]
        stays.apply(request)
        if self.waits_for_code(request):  # the client sent the same sign-up twice
            return None, AuthenticationResponse(request)
        return super().try_save(request)


class SignupInput(SignsUp, inputs.SignupInput):
    """Take `remember`, as `LoginInput` does."""

    remember = Bool(required=False)

    @override
    def clean_password(self) -> str:
        """Return the password unchecked: `clean` knows the email, too."""
        return str(self.cleaned_data["password"])

    @override
    def clean(self) -> dict[str, Any]:
        """Check the password with the email, as our page does. allauth compares them on its page only."""
        cleaned: dict[str, Any] = super().clean()
        password = self.cleaned_data.get("password")
        if password:
            user = User(email=self.cleaned_data.get("email") or "")
            try:
                get_adapter().clean_password(password, user=user)
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned


class PasskeySignupInput(SignsUp, mfa_inputs.SignupWebAuthnInput):
    """Take an email only. The account gets a passkey after the mailed code."""

    remember = Bool(required=False)


class ProviderSignupInput(ConnectsKnown, ReplacesUnproved, social_inputs.SignupInput):
    pass


class LoginInput(inputs.LoginInput):
    """Take `remember`, the choice "Stay signed in" of our page: a browser's sign-in lasts longer."""

    remember = Bool(required=False)

    @override
    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()  # type: ignore[no-untyped-call]  # allauth's
        except SignUpPendingError as error:
            request = context.request
            decoys.refuse_if_just_mailed(request, self.cleaned_data["email"])
            prevent_enumeration(request, email=self.cleaned_data["email"])
            raise ImmediateHttpResponse(AuthenticationResponse(request)) from error
        # allauth passes all cleaned fields on as credentials, so remove this one.
        sign_in_of(context.request).stays = cleaned.pop("remember", False)
        return cleaned


class RequestPasswordResetInput(AsksForReset, inputs.RequestPasswordResetInput):
    pass


class ResetPasswordInput(inputs.ResetPasswordInput):
    @override
    def _clean_key_link(self) -> str:
        """Check the key by our form, which locks the user. Returns the key."""
        key: str = self.cleaned_data["key"]
        uidb36, _, subkey = key.partition("-")
        form = UserTokenForm(data={"uidb36": uidb36, "key": subkey})
        if not form.is_valid():
            raise get_adapter().validation_error("invalid_password_reset")
        self.user = form.reset_user
        return key


class ChangePasswordInput(inputs.ChangePasswordInput):
    @override
    def clean_current_password(self) -> str:
        """Check the password as a sign-in does: count and record wrong ones.

        Returns the password. Raises `ReauthenticationRequired` if the account has a second factor,
        and no fresh proof by it.
        """
        request = context.request
        if registry.factors_of(self.user) and not rule.is_fresh(current(request)):
            raise ReauthenticationRequired
        password: str = self.cleaned_data["current_password"]
        adapter = get_adapter()
        if password and not adapter.reauthenticate(self.user, password):
            raise adapter.validation_error("enter_current_password")
        return password


def _connecting(post: Any) -> Any:
    """Wrap the view's `post`: a code that proves a link signs in and connects the provider.

    For any other code, allauth's own `post` runs.
    """

    @wraps(post)
    def run(view: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        link = mailbox_links.of(view.process)
        if link is None:
            answer: HttpResponse = post(view, request, *args, **kwargs)
            return answer
        answer = mailbox_links.finish(request, view.process, link)
        return AuthenticationResponse.from_response(request, answer)

    return run


def _trusting(post: Any) -> Any:
    """Wrap the view's `post`: trust the browser after the second step, if its input asks for that."""

    @wraps(post)
    def run(view: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer: HttpResponse = post(view, request, *args, **kwargs)
        trusting.remember(request, answer, is_wanted=view.input.cleaned_data["trust"])
        return answer

    return run


class TOTPResponse(mfa_response.TOTPResponse):
    """allauth's answer, with the recovery codes that were made for a new app."""

    def __init__(self, request: HttpRequest, authenticator: Any) -> None:
        super().__init__(request, authenticator)
        if plain := getattr(authenticator, PLAIN, None):
            content = json.loads(self.content) | {"meta": {"recovery_codes": plain}}
            self.content = json.dumps(content).encode()


def _closed(request: HttpRequest) -> HttpResponse:
    """Say why there is no account. allauth's 403 has no word."""
    return JsonResponse(
        problems.body(problems.SIGN_UP_CLOSED),
        status=problems.SIGN_UP_CLOSED.status,
        content_type=problems.CONTENT_TYPE,
    )


def install() -> None:
    """Make allauth's headless views use these inputs. Call before the first request."""
    views.RequestLoginCodeView.input_class = RequestLoginCodeInput
    views.ConfirmLoginCodeView.input_class = ConfirmLoginCodeInput
    views.ConfirmReauthenticationCodeView.input_class = ConfirmReauthenticationCodeInput
    mfa_response.TOTPResponse = TOTPResponse  # type: ignore[misc]  # allauth's
    mfa_views.ManageTOTPView.input_class = {"POST": ActivateTOTPInput}
    mfa_views.AuthenticateView.input_class = AuthenticateInput
    mfa_views.AuthenticateView.post = _trusting(mfa_views.AuthenticateView.post)  # type: ignore[method-assign]
    mfa_views.ReauthenticateView.input_class = ReauthenticateInput
    views.VerifyEmailView.input_class = VerifyEmailInput
    views.VerifyEmailView.post = _connecting(views.VerifyEmailView.post)  # type: ignore[method-assign]
    views.LoginView.input_class = LoginInput
    social_views.ProviderSignupView.input_class = ProviderSignupInput
    views.SignupView.input_class = {"POST": SignupInput}
    for module in (views, social_views):  # each answers so to a sign-up that is not open
        module.ForbiddenResponse = _closed  # type: ignore[attr-defined]  # allauth's
    views.ChangePasswordView.input_class = ChangePasswordInput
    views.RequestPasswordResetView.input_class = RequestPasswordResetInput
    views.ResetPasswordView.input_class = ResetPasswordInput
