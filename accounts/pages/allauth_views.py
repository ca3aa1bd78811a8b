"""Extend allauth's pages. `accounts.pages.allauth_urls` gives them allauth's names."""

from typing import Any, cast

from allauth.account import views
from allauth.account.internal.flows.email_verification_by_code import EmailVerificationProcess
from allauth.account.internal.flows.signup import prevent_enumeration
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.ratelimit import consume
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from typing_extensions import override

from accounts.errors import SignUpPendingError
from accounts.pages import signing_up, waiting
from accounts.pages.expired import KeepsEmail
from accounts.pages.waiting import SaysWhen
from accounts.people.managers import UserManager
from accounts.store import counters


class LoginView(KeepsEmail, SaysWhen, views.LoginView):
    @override
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().post(request, *args, **kwargs)
        except SignUpPendingError:
            email = UserManager.normalize_email(request.POST.get("login"))
            response = prevent_enumeration(request, email=email)
        except ImmediateHttpResponse as exc:  # of the limit of mails, raised by the form
            response = exc.response
        return response


class SignupView(KeepsEmail, views.SignupView):
    pass


class ConfirmEmailView(views.ConfirmEmailVerificationCodeView):
    """The page for the code of a sign-up, or of a new address."""

    @override
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.POST.get("action") == "restart" and request.user.is_anonymous:
            self._pending.abort()
            return redirect(signing_up.begin_again(request))
        if self._action == "resend" and not self._may_resend():
            return redirect(request.get_full_path())
        response: HttpResponse = super().post(request, *args, **kwargs)
        return response

    def _may_resend(self) -> bool:
        """May a new code be sent already? Otherwise leave a message that says when."""
        email = self._pending.email.lower()
        if consume(self.request, action="confirm_email", key=email, dry_run=True):
            return True
        seconds = counters.limit("resend").seconds
        text = _("We have just sent a code. You can have a new one in %(wait)s.")
        messages.warning(self.request, waiting.in_sentence(text, seconds))
        return False

    @override
    def _verify_form_valid(self, form: Any) -> HttpResponse:
        if self.stage and self.stage.login.user:
            # The address is proved in another copy of this user, which may get another password.
            self.stage.login.user = self._pending.user
        response: HttpResponse = super()._verify_form_valid(form)  # type: ignore[no-untyped-call]  # allauth's
        return response

    @property
    def _pending(self) -> EmailVerificationProcess:
        """The process that `dispatch` has found."""
        return cast("EmailVerificationProcess", self._process)


class PasswordResetView(KeepsEmail, views.PasswordResetView):
    pass


class ReauthenticateView(SaysWhen, views.ReauthenticateView):
    pass


class PasswordChangeView(SaysWhen, views.PasswordChangeView):
    pass
