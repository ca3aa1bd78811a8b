"""Extend allauth's pages. `accounts.pages.allauth_urls` gives them allauth's names."""

from typing import Any, cast

from allauth.account import views
from allauth.account.internal.flows.email_verification_by_code import EmailVerificationProcess
from allauth.account.internal.flows.signup import prevent_enumeration
from allauth.account.stages import EmailVerificationStage, LoginStageController
from allauth.account.utils import get_next_redirect_url, passthrough_next_redirect_url
from allauth.account.views._password_reset import INTERNAL_RESET_SESSION_KEY
from allauth.account.views._reauthenticate import BaseReauthenticateView
from allauth.core.ratelimit import consume
from django import forms
from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from typing_extensions import override

from accounts.errors import SignUpPendingError
from accounts.factors import registry
from accounts.federation import confirmation
from accounts.federation.providers.base import StrictProvider
from accounts.pages import mailbox_links, proofs, signing_up, waiting, waits, ways_in
from accounts.pages.code_views import BeginsAnew, say_that_none_is_expected
from accounts.pages.expired import KEPT_EMAIL, KeepsEmail
from accounts.pages.middleware import current, require_cookie
from accounts.pages.waiting import SaysWhen
from accounts.people.managers import UserManager
from accounts.people.models import User
from accounts.signins import proofs as rule


class LoginView(BeginsAnew, KeepsEmail, SaysWhen, views.LoginView):
    @override
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().post(request, *args, **kwargs)
        except SignUpPendingError:
            email = UserManager.normalize_email(request.POST.get("login"))
            response = prevent_enumeration(request, email=email)
        return response


class SignupView(BeginsAnew, KeepsEmail, SaysWhen, views.SignupView):
    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        url = reverse("account_signup_by_passkey")
        url = passthrough_next_redirect_url(self.request, url, REDIRECT_FIELD_NAME)
        return context | {"signup_by_passkey_url": url}


class SignupByPasskeyView(BeginsAnew, KeepsEmail, SaysWhen, views.SignupByPasskeyView):
    """Sign up without a password: after the mailed code, `PasskeySignUpStage` asks for a passkey."""


class ConfirmEmailView(views.ConfirmEmailVerificationCodeView):
    """Ask for the code of a sign-up, of a new address, or of a link to an account."""

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        stage = LoginStageController.enter(request, EmailVerificationStage.key)
        if request.user.is_anonymous and stage is None:
            # Another sign-in began since. allauth would go on with a sign-up whose address has an
            # account, and with no other, which tells who has one.
            say_that_none_is_expected(request)
            return redirect("account_login")
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    @override
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.POST.get("action") == "restart" and request.user.is_anonymous:
            request.session[KEPT_EMAIL] = self._pending.email  # the visitor corrects it
            self._pending.abort()
            return redirect(signing_up.begin_again(request))
        if self._action == "resend" and not self._may_resend():
            return redirect(request.get_full_path())
        response: HttpResponse = super().post(request, *args, **kwargs)
        return response

    def _may_resend(self) -> bool:
        """Return True if a new code may be sent now. Otherwise add a message that says when."""
        email = self._pending.email.lower()
        if consume(self.request, action="confirm_email", key=email, dry_run=True):
            return True
        seconds = waits.noted(self.request) or waits.UNKNOWN
        text = _("We have just sent a code. You can have a new one in %(wait)s.")
        messages.warning(self.request, waiting.in_sentence(text, seconds))
        return False

    @override
    def _verify_form_valid(self, form: Any) -> HttpResponse:
        link = mailbox_links.of(self._pending)
        if link is not None:
            return mailbox_links.finish(self.request, self._pending, link)
        if self.stage and self.stage.login.user:
            # `own` may give this instance of the user another password, so sign it in.
            self.stage.login.user = self._pending.user
        response: HttpResponse = super()._verify_form_valid(form)  # type: ignore[no-untyped-call]  # allauth's
        return response

    @property
    def _pending(self) -> EmailVerificationProcess:
        """Return the process that `dispatch` has found."""
        return cast("EmailVerificationProcess", self._process)


class PasswordResetView(KeepsEmail, SaysWhen, views.PasswordResetView):
    pass


class PasswordResetFromKeyView(views.PasswordResetFromKeyView):
    @override
    def dispatch(
        self, request: HttpRequest, uidb36: str, key: str, **kwargs: Any
    ) -> HttpResponseBase:
        is_form = request.method == "GET" and key == self.reset_url_key
        if is_form and INTERNAL_RESET_SESSION_KEY not in request.session:
            require_cookie(request)
        response: HttpResponseBase = super().dispatch(request, uidb36, key, **kwargs)
        return response

    @override
    def logout(self) -> None:
        """Keep the sign-in of another account. allauth would end it when the link is opened."""

    @override
    def form_valid(self, form: Any) -> HttpResponse:
        """Save the password. The next page lists what else can sign in (`ways_in`)."""
        response: HttpResponse = super().form_valid(form)
        if self.request.user == self.reset_user:
            auth.logout(self.request)  # its sign-in has ended with the others
        user = User.objects.get(pk=self.reset_user.pk)
        ways_in.note(self.request, user)
        return response


class PasswordResetDoneView(views.PasswordResetFromKeyDoneView):
    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = ways_in.take(self.request)
        return cast("dict[str, Any]", super().get_context_data(ways_in=found, **kwargs))


class ReauthenticateView(SaysWhen, views.ReauthenticateView):
    pass


@method_decorator(never_cache, name="dispatch")
class ReauthenticateByProviderView(LoginRequiredMixin, BaseReauthenticateView):
    """Redirect to a connected provider, which asks the person to sign in there again.

    allauth refuses a provider that is not one of the user's proofs.
    """

    reauthentication_method = "socialaccount"
    template_name = "account/reauthenticate_by_provider.html"
    form_class = forms.Form

    @property
    def provider(self) -> StrictProvider:
        mine = proofs.connected(cast("User", self.request.user))
        asked = next(one for one in mine if one.id == self.kwargs["provider"])
        return cast("StrictProvider", asked)

    @override
    def form_valid(self, form: forms.Form) -> HttpResponse:
        next_url = get_next_redirect_url(self.request) or resolve_url(settings.LOGIN_REDIRECT_URL)
        return confirmation.ask(self.request, self.provider, next_url=next_url)

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return cast("dict[str, Any]", super().get_context_data(provider=self.provider, **kwargs))


class PasswordChangeView(SaysWhen, views.PasswordChangeView):
    """The form has a proof, the current password. An account with a second factor proves that, too."""

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if user.is_authenticated and registry.factors_of(user):
            rule.require(current(request))
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response


class PasswordSetView(SaysWhen, views.PasswordSetView):
    pass


class EmailView(SaysWhen, views.EmailView):
    """Show the address. While a new one waits for its code, lead back to the page for the code."""

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        waiting_for = EmailVerificationProcess.resume(self.request)
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[no-untyped-call]  # allauth's
        return context | {"pending_email": waiting_for.email if waiting_for else ""}


class RequestReauthenticationCodeView(SaysWhen, views.RequestReauthenticationCodeView):
    pass
