"""Add an app or a passkey by the headless API during a sign-in that the policy holds up."""

import json
from typing import Any

from allauth.headless.base.response import AuthenticationResponse
from allauth.headless.base.views import AuthenticationStageAPIView
from allauth.headless.constants import Client
from allauth.headless.internal.restkit import inputs
from allauth.headless.internal.restkit.response import APIResponse, ErrorResponse
from allauth.headless.mfa import response as mfa_response
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from typing_extensions import override

from accounts.factors.passkeys import answers, options
from accounts.factors.passkeys.errors import PasskeyError
from accounts.factors.stage import EnrolStage
from accounts.factors.totp import pending
from accounts.pages import factor_flows as flows
from accounts.pages.factor_forms import EnrolForm
from api.signin.webauthn_inputs import CredentialInput


class EnrolInput(EnrolForm, inputs.Input):
    pass


class EnrolView(AuthenticationStageAPIView):
    """GET answers with a new secret, POST takes a code of the app that has it.

    The answer to the POST is that of a finished sign-in, with `recovery_codes` in `meta`.
    """

    stage_class = EnrolStage
    input_class = {"POST": EnrolInput}
    input: EnrolInput

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        secret = pending.get_totp_secret()
        url = flows.pictured(self.stage.login.user, secret)["totp_url"]
        return APIResponse(request, data={"secret": secret, "totp_url": url})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        _, plain = flows.enrol(request, self.input, self.stage)
        return finished(request, plain)

    @override
    def get_input_kwargs(self) -> dict[str, Any]:
        return {"user": self.stage.login.user}


class EnrolPasskeyView(AuthenticationStageAPIView):
    """GET answers with the creation options of a passkey, POST takes the new credential.

    The answer to the POST is as that of `EnrolView`.
    """

    stage_class = EnrolStage
    input_class = {"POST": CredentialInput}
    input: CredentialInput

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = options.creation(self.stage.login.user, is_passkey=True)
        return mfa_response.AddWebAuthnResponse(request, {"publicKey": asked})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user, given = self.stage.login.user, self.input.cleaned_data["credential"]
        try:
            new = answers.register(given, user)
            _, plain = flows.enrol_passkey(request, new, self.stage)
        except PasskeyError as error:
            return ErrorResponse(request, exception=error)
        return finished(request, plain)


def finished(request: HttpRequest, plain: list[str]) -> HttpResponse:
    """Answer as a finished sign-in, with the new recovery codes."""
    answer = AuthenticationResponse(request)
    if plain and request.user.is_authenticated:
        content = json.loads(answer.content)
        content["meta"]["recovery_codes"] = plain
        answer.content = json.dumps(content).encode()
    return answer


def urlpatterns() -> list[URLPattern]:
    views: dict[str, tuple[type[AuthenticationStageAPIView], str]] = {
        "auth/2fa/enrol": (EnrolView, "mfa_enrol"),
        "auth/webauthn/enrol": (EnrolPasskeyView, "mfa_enrol_webauthn"),
    }
    return [
        path(f"{client.value}/v1/{address}", view.as_api_view(client=client), name=name)
        for address, (view, name) in views.items()
        for client in Client
    ]
