"""Ways in by a passkey, and what the script of all pages with passkeys fetches."""

from collections.abc import Callable
from typing import Any, cast

from allauth.account.internal.decorators import login_stage_required
from allauth.account.models import Login
from allauth.account.stages import LoginStageController
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login
from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django.views.generic import FormView, View
from typing_extensions import override

from accounts.factors import entry
from accounts.factors.passkeys import answers, options
from accounts.factors.passkeys.challenges import Purpose
from accounts.factors.passkeys.errors import PasskeyError, Why
from accounts.factors.stage import EnrolStage, FactorStage, PasskeySignUpStage
from accounts.pages import factor_flows as flows
from accounts.pages import shown_codes
from accounts.pages.allauth_views import LoginView
from accounts.pages.factor_forms import CREDENTIAL
from accounts.pages.middleware import current
from accounts.people.models import User
from accounts.request import client_of, sign_in_of
from accounts.signins import proofs
from accounts.store import counters

REFUSED = 400
SECURITY_KEY = "key"
"""The value of `?kind` for a key that is to be a second step only."""


def _for_second_step(request: HttpRequest) -> options.Json:
    stage = LoginStageController.enter(request, FactorStage.key)
    if stage is None or stage.login.user is None:
        raise Http404
    return options.request(Purpose.SECOND_STEP, cast("User", stage.login.user))


def _for_fresh_proof(request: HttpRequest) -> options.Json:
    if not isinstance(request.user, User):
        raise Http404
    return options.request(Purpose.FRESH_PROOF, request.user)


def _for_registration(request: HttpRequest) -> options.Json:
    for key in (PasskeySignUpStage.key, EnrolStage.key):
        stage = LoginStageController.enter(request, key)
        if stage is not None and stage.login.user is not None:
            return options.creation(cast("User", stage.login.user), is_passkey=True)
    if not isinstance(request.user, User):
        raise Http404
    proofs.require(current(request))
    is_passkey = request.GET.get("kind") != SECURITY_KEY
    return options.creation(request.user, is_passkey=is_passkey)


OPTIONS: dict[str, Callable[[HttpRequest], options.Json]] = {
    Purpose.SIGN_IN: lambda _request: options.request(Purpose.SIGN_IN),
    Purpose.SECOND_STEP: _for_second_step,
    Purpose.FRESH_PROOF: _for_fresh_proof,
    Purpose.REGISTER: _for_registration,
}


@method_decorator(never_cache, name="dispatch")
class OptionsView(View):
    """Answer with what the script asks the device, as JSON. Each answer has a new challenge."""

    limit = counters.limit("passkey_start")
    is_limited_by_get = True
    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, purpose: str) -> HttpResponse:
        if purpose not in OPTIONS:
            raise Http404
        return JsonResponse(OPTIONS[purpose](request))


@csrf_exempt  # other methods get 405
@require_safe
def passkey_endpoints(request: HttpRequest) -> JsonResponse:
    """Tell password managers where to add and to manage passkeys (W3C, Passkey Endpoints)."""
    urls = {"enroll": "mfa_add_webauthn", "manage": "mfa_list_webauthn"}
    answer = {name: f"{settings.SITE_URL}{reverse(page)}" for name, page in urls.items()}
    return JsonResponse(answer, headers={"Cache-Control": "public, max-age=3600"})


class SignInView(LoginView):
    """Sign in by a passkey. A refusal shows the sign-in page; a browser that opens it gets there, too."""

    @override
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect("account_login")

    @override
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        credential: dict[str, Any] = {}
        try:
            credential = answers.parse(request.POST.get(CREDENTIAL, ""))
            passkey = entry.check_sign_in(credential, client=client_of(request))
        except PasskeyError as error:
            return self._refuse(error, credential)
        if remember := request.POST.get("remember"):
            sign_in_of(request).stays = remember == "on"
        login = Login(user=passkey.user, redirect_url=get_next_redirect_url(request))
        return perform_passwordless_login(request, passkey, login)

    @override
    def get_form_kwargs(self) -> dict[str, Any]:
        """Return the arguments of a form for the next try: nothing was typed into this one."""
        kwargs: dict[str, Any] = super().get_form_kwargs()
        return {name: value for name, value in kwargs.items() if name not in {"data", "files"}}

    def _refuse(self, error: PasskeyError, credential: dict[str, Any]) -> HttpResponse:
        """Show why. The script lets the device forget a passkey that this site doesn't know."""
        context = self.get_context_data(passkey_error=error.message)
        if error.why == Why.UNKNOWN:
            context["signals"] = {"unknown": options.unknown(str(credential["rawId"]))}
        response: HttpResponse = self.render_to_response(context)
        response.status_code = REFUSED
        return response


@method_decorator(
    login_stage_required(stage=PasskeySignUpStage.key, redirect_urlname="account_signup"),
    name="dispatch",
)
class SignUpView(FormView[forms.Form]):
    """Add the passkey of a new account, or go on without one: mailed codes sign in, or a password set later."""

    form_class = forms.Form
    template_name = "mfa/passkeys/sign_up.html"

    @property
    def stage(self) -> PasskeySignUpStage:
        return cast("PasskeySignUpStage", cast("Any", self.request)._login_stage)  # noqa: SLF001 - allauth's

    @override
    def form_valid(self, form: forms.Form) -> HttpResponse:
        try:
            response, plain = flows.enrol_passkey(self.request, self._new(), self.stage)
        except PasskeyError as error:
            form.add_error(None, error)
            return self.form_invalid(form)
        return shown_codes.show_after_sign_in(self.request, response, plain)

    def _new(self) -> answers.NewCredential | None:
        if self.request.POST.get("action") == "skip":
            return None
        credential = answers.parse(self.request.POST.get(CREDENTIAL, ""))
        return answers.register(credential, cast("User", self.stage.login.user))
