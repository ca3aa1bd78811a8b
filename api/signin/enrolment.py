"""Add an authenticator app by the headless API during a sign-in that the policy holds up."""

import json
from typing import Any

from allauth.headless.base.response import AuthenticationResponse
from allauth.headless.base.views import AuthenticationStageAPIView
from allauth.headless.constants import Client
from allauth.headless.internal.restkit import inputs
from allauth.headless.internal.restkit.response import APIResponse
from allauth.mfa.totp.internal.auth import get_totp_secret
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from typing_extensions import override

from accounts.factors.stage import EnrolStage
from accounts.pages import factor_flows as flows
from accounts.pages.factor_forms import EnrolForm


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
        secret = get_totp_secret(regenerate=True)
        url = flows.pictured(self.stage.login.user, secret)["totp_url"]
        return APIResponse(request, data={"secret": secret, "totp_url": url})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        _, plain = flows.enrol(request, self.input, self.stage)
        answer = AuthenticationResponse(request)
        if plain and request.user.is_authenticated:
            content = json.loads(answer.content)
            content["meta"]["recovery_codes"] = plain
            answer.content = json.dumps(content).encode()
        return answer

    @override
    def get_input_kwargs(self) -> dict[str, Any]:
        return {"user": self.stage.login.user}


def urlpatterns() -> list[URLPattern]:
    return [
        path(
            f"{client.value}/v1/auth/2fa/enrol",
            EnrolView.as_api_view(client=client),
            name="mfa_enrol",
        )
        for client in Client
    ]
