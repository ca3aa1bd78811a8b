"""Pages of second factors. `accounts.pages.allauth_urls` gives them allauth's names."""

from typing import Any, cast

from allauth.account.internal.decorators import login_stage_required
from allauth.mfa.base import views
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery_codes_views
from allauth.mfa.totp import views as totp_views
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.generic import FormView, TemplateView
from typing_extensions import override

from accounts.audit.vocabulary import FactorKind
from accounts.factors import registry
from accounts.factors.recovery_codes import codes as recovery_codes
from accounts.factors.recovery_codes.wrapper import PLAIN
from accounts.factors.stage import EnrolStage
from accounts.pages import factor_flows as flows
from accounts.pages.factor_forms import RECOVERY, AuthenticateForm, EnrolForm
from accounts.pages.views import SignedInMixin
from accounts.pages.waiting import SaysWhen
from accounts.request import sign_in_of


class AsksForCode:
    """Let a page ask for a recovery code in place of a code of the app."""

    request: Any

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_recovery = self.request.GET.get("by") == RECOVERY
        other = self.request.GET.copy()
        other.pop("by", None)
        if not is_recovery:
            other["by"] = RECOVERY
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]  # a view's
        return context | {"is_recovery": is_recovery, "other_way": other.urlencode()}


class AuthenticateView(AsksForCode, SaysWhen, views.AuthenticateView):
    """The page for the second step of a sign-in."""

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
            codes_left=left,
            are_few=left <= recovery_codes.FEW,
            **kwargs,
        )


class ShowsCodes:
    """Answer a form with the new recovery codes. They are shown this once, and stored as hashes."""

    request: Any

    def show(self, plain: list[str], *, next_url: str = "") -> HttpResponse:
        context = {"codes": plain, "next_url": next_url}
        return render(self.request, "mfa/recovery_codes/codes.html", context)


class ShowsSecret:
    """Give the page of a new app its secret: as a picture, as text and as a link."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]  # a view's
        secret = context["form"].secret
        return context | {"groups": [secret[at : at + 4] for at in range(0, len(secret), 4)]}


class ActivateTOTPView(ShowsCodes, ShowsSecret, totp_views.ActivateTOTPView):
    @override
    def form_valid(self, form: Any) -> HttpResponse:
        app, _codes = flows.activate_totp(self.request, form)
        messages.success(self.request, _("From now on, signing in needs a code of the app."))
        plain: list[str] = getattr(app, PLAIN)
        return self.show(plain) if plain else redirect("mfa_index")


@method_decorator(
    login_stage_required(stage=EnrolStage.key, redirect_urlname="account_login"), name="dispatch"
)
class EnrolView(ShowsCodes, ShowsSecret, FormView[EnrolForm]):
    """Add an app during the sign-in of an account that must have one."""

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
    def form_valid(self, form: EnrolForm) -> HttpResponse:
        response, plain = flows.enrol(self.request, form, self.stage)
        if sign_in_of(self.request).opened is None or not plain:
            return response
        return self.show(plain, next_url=response.headers.get("Location", ""))


class DeactivateTOTPView(totp_views.DeactivateTOTPView):
    @override
    def form_valid(self, form: Any) -> HttpResponse:
        flows.deactivate_totp(self.request, self.authenticator)
        messages.success(self.request, _("Signing in no longer needs a code of the app."))
        return redirect("mfa_index")


class GenerateRecoveryCodesView(ShowsCodes, recovery_codes_views.GenerateRecoveryCodesView):
    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead an account without another factor to the overview: it has nothing to recover."""
        if request.user.is_authenticated and not registry.factors_of(request.user):
            return redirect("mfa_index")
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    @override
    def form_valid(self, form: Any) -> HttpResponse:
        return self.show(getattr(flows.generate_recovery_codes(self.request), PLAIN))
