"""Sign up by a passkey in allauth's headless API: an email, the mailed code, then the passkey."""

from typing import TYPE_CHECKING, Any, cast

from allauth.account.stages import LoginStageController
from allauth.headless.account.views import SignupView
from allauth.headless.base.response import ConflictResponse
from allauth.headless.internal.restkit.response import ErrorResponse
from allauth.headless.mfa import response
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from typing_extensions import override

from accounts.factors.passkeys import answers, options
from accounts.factors.passkeys.errors import PasskeyError
from accounts.factors.stage import PasskeySignUpStage
from accounts.pages import factor_flows as flows
from api.signin.enrolment import finished
from api.signin.inputs import PasskeySignupInput
from api.signin.webauthn_inputs import CredentialInput

if TYPE_CHECKING:
    from accounts.people.models import User


class SignUpView(SignupView):
    """POST takes the email, GET answers with creation options, PUT takes the new credential.

    GET and PUT come after the mailed code. The answer to the PUT is that of a finished sign-in, with
    `recovery_codes` in `meta`.
    """

    input_class = {"POST": PasskeySignupInput, "PUT": CredentialInput}
    by_passkey = True
    stage: PasskeySignUpStage

    @override
    def handle(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            stage = LoginStageController.enter(request, PasskeySignUpStage.key)
            if stage is None or stage.login.user is None:
                return ConflictResponse(request)
            self.stage = stage
        return super().handle(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = options.creation(cast("User", self.stage.login.user), is_passkey=True)
        return response.AddWebAuthnResponse(request, {"publicKey": asked})

    def put(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user, given = cast("User", self.stage.login.user), self.input.cleaned_data["credential"]
        try:
            _, plain = flows.enrol_passkey(request, answers.register(given, user), self.stage)
        except PasskeyError as error:
            return ErrorResponse(request, exception=error)
        return finished(request, plain)
