"""Show the two pages of the sign-in by a mailed code: one asks for the address, one for the code."""

from typing import Any, cast

from allauth.account import views
from allauth.account.internal.flows.email_verification_by_code import EmailVerificationProcess
from allauth.account.internal.stagekit import clear_login
from allauth.account.stages import (
    EmailVerificationStage,
    LoginByCodeStage,
    LoginStage,
    LoginStageController,
)
from allauth.account.utils import passthrough_next_redirect_url
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from typing_extensions import override

from accounts.errors import TooManyRequestsError
from accounts.pages import sign_in_codes, signing_up, waiting
from accounts.pages.expired import KEPT_EMAIL, KeepsEmail
from accounts.pages.forms import RequestLoginCodeForm
from accounts.pages.waiting import SaysWhen
from accounts.people.managers import UserManager


class BeginsAnew:
    """End the attempt that waits in this browser, when the visitor sends the view's form for another address.

    allauth would redirect to the page of the old attempt, and ignore the form: a visitor in a second tab
    would wait for a code that goes to the address of the first. A sign-in by code ends for any address, and
    so does a sign-up by a provider: its code would also connect the account of the person who began it.
    """

    def _redirect_to_pending_stage(self, request: HttpRequest, stage: LoginStage) -> Any:
        if request.method == "POST" and _is_another(request, stage):
            clear_login(request)
            signing_up.forget_provider(request)
            return None
        return super()._redirect_to_pending_stage(request, stage)  # type: ignore[misc]  # a view's


def _is_another(request: HttpRequest, stage: LoginStage) -> bool:
    """Return True if the form is for another attempt than the one that waits. It may be sent twice."""
    if stage.key == LoginByCodeStage.key or signing_up.PROVIDER in request.session:
        return True
    typed = request.POST.get("login") or request.POST.get("email")
    process = EmailVerificationProcess.resume(request)
    if stage.key == EmailVerificationStage.key and process is not None:
        waiting_for = process.email
    else:
        waiting_for = getattr(stage.login.user, "email", "")
    return bool(typed) and UserManager.normalize_email(typed) != waiting_for


@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class RequestLoginCodeView(BeginsAnew, KeepsEmail, SaysWhen, views.RequestLoginCodeView):
    """Ask for the address and mail a code. The sign-in page's second button sends its form here."""

    @override
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "login" in request.POST and not request.POST["login"].strip():
            # The sign-in page's form, without an address yet: ask for it.
            initial = {"remember": "remember" in request.POST}
            form = RequestLoginCodeForm(initial=initial)
            return self.render_to_response(self.get_context_data(form=form))
        response: HttpResponse = super().post(request, *args, **kwargs)
        return response

    @override
    def get_form_kwargs(self) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_form_kwargs()
        if "login" in self.request.POST:
            kwargs["data"] = kwargs["data"].copy()
            kwargs["data"]["email"] = kwargs["data"]["login"]
        return kwargs


class ConfirmLoginCodeView(views.ConfirmLoginCodeView):
    """Ask for the code of a sign-in, or for the code that proves a link to an existing account.

    Redirects to the page for a new code if the attempt has expired.
    """

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        stage = LoginStageController.enter(request, LoginByCodeStage.key)
        if request.user.is_anonymous and sign_in_codes.resumed(request) is None:
            if stage is not None:
                request.session[KEPT_EMAIL] = stage.state["email"]
                messages.warning(request, _("That code has expired. Ask for a new code."))
            else:
                say_that_none_is_expected(request)
            return _lead_to(request, "account_request_login_code")
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    @override
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        action = request.POST.get("action")
        if action in LEAVING:
            self._process.abort()
            return _lead_to(request, LEAVING[action])
        response: HttpResponse = super().post(request, *args, **kwargs)
        return response

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        proves_link = not self._process.state["initiated_by_user"]
        context: dict[str, Any] = super().get_context_data(proves_link=proves_link, **kwargs)
        return context

    @override
    def _resend_form_valid(self, form: Any) -> HttpResponse:
        try:
            response: HttpResponse = super()._resend_form_valid(form)
        except TooManyRequestsError as error:
            text = _("We have just sent a code. You can have a new one in %(wait)s.")
            seconds = cast("int", error.retry_seconds)
            messages.warning(self.request, waiting.in_sentence(text, seconds))
            return redirect(self.request.get_full_path())
        return response


def say_that_none_is_expected(request: HttpRequest) -> None:
    """Add the message for a page of a code that this browser doesn't wait for."""
    text = _(
        "No code is expected here: it was asked for in another browser, or it has expired. Begin again."
    )
    messages.warning(request, text)


LEAVING = {"restart": "account_request_login_code", "cancel": "account_login"}
"""Buttons of the code page that end the attempt, and the page that each leads to."""


def _lead_to(request: HttpRequest, name: str) -> HttpResponse:
    """Redirect to this entrance page, with the `next` of the request.

    Redirects to the sign-in page if `SIGN_IN_BY_CODE` is off.
    """
    if not settings.SIGN_IN_BY_CODE:
        name = "account_login"
    return redirect(passthrough_next_redirect_url(request, reverse(name), REDIRECT_FIELD_NAME))
