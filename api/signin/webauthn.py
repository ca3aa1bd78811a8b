"""Passkeys in allauth's headless API: to sign in, as a second step, as a proof, and to manage them.

The addresses and the shapes are those of allauth, so its clients work unchanged. allauth's own views,
which keep the challenge in the session, have no route (`MFA_SUPPORTED_TYPES`).
"""

from typing import Any, cast

from allauth.account.models import Login
from allauth.headless.base import response as base_response
from allauth.headless.base.response import AuthenticationResponse, ConflictResponse
from allauth.headless.base.views import (
    APIView,
    AuthenticationStageAPIView,
    ReauthenticationAPIView,
)
from allauth.headless.constants import Client, Flow
from allauth.headless.internal.restkit.response import ErrorResponse
from allauth.headless.mfa import response
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path
from typing_extensions import override

from accounts.factors.passkeys import credentials, options
from accounts.factors.passkeys.challenges import Purpose
from accounts.factors.passkeys.errors import PasskeyError, Why
from accounts.factors.stage import FactorStage
from accounts.pages import trusting
from accounts.people.models import User
from accounts.store import counters
from api.signin.passkey_sign_up import SignUpView
from api.signin.webauthn_inputs import FreshProofInput, SecondStepInput, SignInInput
from api.signin.webauthn_management import ManageView


class RequestsOptions:
    """Answer a GET with the request options of a new challenge."""

    purpose: Purpose
    request: HttpRequest

    def answerer(self) -> User | None:
        """Return the account that must answer, or None if the passkey names it."""
        raise NotImplementedError

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = self.answerer()
        if user is not None and not credentials.of(user):
            return ErrorResponse(request, exception=PasskeyError(Why.UNKNOWN))
        asked = {"publicKey": options.request(self.purpose, user)}
        return response.WebAuthnRequestOptionsResponse(request, asked)


class SignInView(RequestsOptions, APIView):
    purpose = Purpose.SIGN_IN
    input_class = {"POST": SignInInput}
    input: SignInInput
    limit = counters.limit("passkey_start")
    is_limited_by_get = True

    @override
    def answerer(self) -> None:
        return None

    @override
    def handle(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:  # as allauth's sign-in by password
            return ConflictResponse(request)
        return super().handle(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        found: Authenticator = self.input.cleaned_data["credential"]
        perform_passwordless_login(request, found, Login(user=found.user))
        return AuthenticationResponse(request)


class SecondStepView(RequestsOptions, AuthenticationStageAPIView):
    purpose = Purpose.SECOND_STEP
    stage_class = FactorStage
    input_class = {"POST": SecondStepInput}
    input: SecondStepInput

    @override
    def answerer(self) -> User | None:
        return cast("User | None", self.stage.login.user)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        post_authentication(request, self.input.cleaned_data["credential"])
        answer: HttpResponse = self.respond_next_stage()
        trusting.remember(request, answer, is_wanted=self.input.cleaned_data["trust"])
        return answer

    @override
    def get_input_kwargs(self) -> dict[str, Any]:
        return {"user": self.answerer()}


class ReauthenticateView(RequestsOptions, ReauthenticationAPIView):
    purpose = Purpose.FRESH_PROOF
    reauthentication_method = "mfa"
    input_class = {"POST": FreshProofInput}
    input: FreshProofInput

    @override
    def answerer(self) -> User:
        return cast("User", self.request.user)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        post_authentication(request, self.input.cleaned_data["credential"], reauthenticated=True)
        return AuthenticationResponse(request)

    @override
    def get_input_kwargs(self) -> dict[str, Any]:
        return {"user": self.answerer()}


def _flows(known: Any) -> Any:
    """Wrap allauth's list of flows: a visitor may sign in by a passkey."""

    def run(answer: Any, request: HttpRequest, user: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = known(answer, request, user)
        if not (user and user.is_authenticated):
            found.append({"id": Flow.MFA_LOGIN_WEBAUTHN})
        return found

    return run


def _config(known: Any) -> Any:
    def run(request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = known(request)
        types = [*found["mfa"]["supported_types"], Authenticator.Type.WEBAUTHN]
        found["mfa"] |= {"supported_types": types, "passkey_login_enabled": True}
        return found

    return run


def install() -> None:
    """Make allauth's headless answers name passkeys. Call once, before the first request."""
    answer = base_response.BaseAuthenticationResponse
    answer._get_flows = _flows(answer._get_flows)  # type: ignore[method-assign]  # noqa: SLF001
    response.get_config_data = _config(response.get_config_data)


def urlpatterns() -> list[URLPattern]:
    """Return the routes, under the names that allauth gives them."""
    views = {
        "auth/webauthn/login": (SignInView, "login_webauthn"),
        "auth/webauthn/signup": (SignUpView, "signup_webauthn"),
        "auth/webauthn/authenticate": (SecondStepView, "authenticate_webauthn"),
        "auth/webauthn/reauthenticate": (ReauthenticateView, "reauthenticate_webauthn"),
        "account/authenticators/webauthn": (ManageView, "manage_webauthn"),
    }
    return [
        path(f"{client.value}/v1/{address}", view.as_api_view(client=client), name=name)
        for address, (view, name) in views.items()
        for client in Client
    ]
