"""Pages of second factors. `accounts.pages.allauth_urls` gives them allauth's names."""

from typing import TYPE_CHECKING, Any, cast

from allauth.account.internal.decorators import login_stage_required
from allauth.mfa.base import views
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import views as totp_views
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.generic import FormView, TemplateView
from typing_extensions import override

from accounts.audit.vocabulary import FactorKind
from accounts.factors import registry, resets
from accounts.factors.passkeys import answers, credentials
from accounts.factors.passkeys.errors import PasskeyError
from accounts.factors.recovery_codes import codes as recovery_codes
from accounts.factors.recovery_codes.wrapper import PLAIN
from accounts.factors.stage import EnrolStage
from accounts.pages import factor_flows as flows
from accounts.pages import shown_codes, trusting
from accounts.pages.factor_forms import (
    CREDENTIAL,
    RECOVERY,
    AuthenticateForm,
    EnrolForm,
    asks_for_recovery,
)
from accounts.pages.signed_in import SignedInMixin
from accounts.pages.waiting import SaysWhen
from accounts.request import sign_in_of
from accounts.signins import trusted_browsers

if TYPE_CHECKING:
    from accounts.people.models import User


class AsksForCode:
    """Let a page ask for a passkey, for a code of the app, or in their place for a recovery code."""

    request: Any

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]  # a view's
        user = context["form"].user
        kinds = {factor.id for factor in registry.factors_of(user)}
        other = self.request.GET.copy()
        is_by_choice = other.pop("by", None) == [RECOVERY]
        if not is_by_choice:
            other["by"] = RECOVERY
        return context | {
            "has_app": FactorKind.TOTP in kinds,
            "has_passkeys": FactorKind.PASSKEY in kinds,
            "is_recovery": asks_for_recovery(self.request, user),
            "other_way": other.urlencode(),
        }


class AuthenticateView(AsksForCode, SaysWhen, views.AuthenticateView):
    """The page for the second step of a sign-in."""

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        trusting.remember(request, response, is_wanted=trusting.FIELD in request.POST)
        return response

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.stage.login.user
        days = settings.MFA_TRUSTED_BROWSER_DAYS if trusted_browsers.is_allowed(user) else 0
        return super().get_context_data(**kwargs) | {"trust_days": days}

    @override
    def _build_forms(self) -> Any:
        data = self.request.POST if self.request.method == "POST" else None
        self.auth_form = AuthenticateForm(user=self.stage.login.user, data=data)
        self.webauthn_form = None
        return self.auth_form

    @override
    def form_valid(self, form: AuthenticateForm) -> HttpResponse:
        """Sign in. Says how many recovery codes are left, if they are few."""
        response: HttpResponse = super().form_valid(form)
        if form.authenticator.type == FactorKind.RECOVERY_CODES:
            left = recovery_codes.left(form.authenticator)
            if left <= recovery_codes.FEW and sign_in_of(self.request).opened:
                text = ngettext(
                    "You have %(count)s recovery code left. Make new ones under Second step.",
                    "You have %(count)s recovery codes left. Make new ones under Second step.",
                    left,
                )
                messages.warning(self.request, text % {"count": left})
        return response


class ReauthenticateView(AsksForCode, SaysWhen, views.ReauthenticateView):
    """The page for a fresh proof by a second factor."""


class IndexView(SignedInMixin, TemplateView):
    """Show the account's second factors."""

    template_name = "mfa/index.html"

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = {row.type: row for row in Authenticator.objects.filter(user=self.user)}
        recovery = rows.get(FactorKind.RECOVERY_CODES)
        left = recovery_codes.left(recovery) if recovery else 0
        return super().get_context_data(
            app=rows.get(FactorKind.TOTP),
            passkeys=credentials.of(self.user),
            codes_left=left,
            are_few=left <= recovery_codes.FEW,
            has_new_codes=bool(shown_codes.kept(self.request)),
            pending_reset=resets.pending_of(self.user),
            **kwargs,
        )


class ShowsSecret:
    """Give the page of a new app its secret: as a picture, as text and as a link."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]  # a view's
        secret = context["form"].secret
        return context | {"groups": [secret[at : at + 4] for at in range(0, len(secret), 4)]}


class ActivateTOTPView(ShowsSecret, totp_views.ActivateTOTPView):
    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead a form that is sent again to the codes. allauth offers to remove the new app."""
        kinds = {factor.id for factor in registry.factors_of(cast("User", request.user))}
        if FactorKind.TOTP in kinds and shown_codes.kept(request):
            return redirect("mfa_new_recovery_codes")
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_first = not registry.factors_of(cast("User", self.request.user))
        return super().get_context_data(is_first=is_first, **kwargs)

    @override
    def form_valid(self, form: Any) -> HttpResponse:
        app, _codes = flows.activate_totp(self.request, form)
        messages.success(self.request, _("From now on, signing in needs a code of the app."))
        plain: list[str] = getattr(app, PLAIN)
        return shown_codes.show(self.request, plain) if plain else redirect("mfa_index")


@method_decorator(
    login_stage_required(stage=EnrolStage.key, redirect_urlname="account_login"), name="dispatch"
)
class EnrolView(ShowsSecret, FormView[EnrolForm]):
    """Add an app or a passkey during the sign-in of an account that must have a second factor."""

    form_class = EnrolForm
    template_name = "mfa/enrol.html"

    @property
    def stage(self) -> EnrolStage:
        return cast("EnrolStage", cast("Any", self.request)._login_stage)  # noqa: SLF001 - allauth's

    @override
    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.stage.login.user}

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return context | flows.pictured(self.stage.login.user, context["form"].secret)

    @override
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if CREDENTIAL not in request.POST:
            return super().post(request, *args, **kwargs)
        user = cast("User", self.stage.login.user)
        try:
            new = answers.register(answers.parse(request.POST[CREDENTIAL]), user)
            response, plain = flows.enrol_passkey(request, new, self.stage)
        except PasskeyError as error:
            form = self.form_class(user=user)
            context = self.get_context_data(form=form, passkey_error=error.message)
            return self.render_to_response(context)
        return shown_codes.show_after_sign_in(request, response, plain)

    @override
    def form_valid(self, form: EnrolForm) -> HttpResponse:
        response, plain = flows.enrol(self.request, form, self.stage)
        return shown_codes.show_after_sign_in(self.request, response, plain)


class DeactivateTOTPView(totp_views.DeactivateTOTPView):
    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead back to the overview if the app is gone: another tab removed it."""
        try:
            response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        except Http404:
            messages.info(request, _("The app is removed already."))
            return redirect("mfa_index")
        return response

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"is_last": registry.is_last(self.authenticator)}

    @override
    def form_valid(self, form: Any) -> HttpResponse:
        flows.deactivate_totp(self.request, self.authenticator)
        messages.success(self.request, _("Signing in no longer needs a code of the app."))
        return redirect("mfa_index")
