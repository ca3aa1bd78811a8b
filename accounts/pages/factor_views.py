"""Pages of second factors. `accounts.pages.allauth_urls` gives them allauth's names."""

from typing import TYPE_CHECKING, Any, cast

from allauth.mfa.base import views
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery_codes_views
from allauth.mfa.totp import views as totp_views
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.generic import TemplateView
from typing_extensions import override

from accounts.audit.vocabulary import FactorKind
from accounts.factors import registry
from accounts.factors.recovery_codes import codes as recovery_codes
from accounts.factors.recovery_codes.wrapper import PLAIN
from accounts.pages import factor_flows as flows
from accounts.pages.factor_forms import RECOVERY
from accounts.pages.views import SignedInMixin
from accounts.pages.waiting import SaysWhen

if TYPE_CHECKING:
    from accounts.people.models import User


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
        self.auth_form = self.get_form_class()(user=self.stage.login.user, data=data)
        self.webauthn_form = None
        return self.auth_form


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

    def show(self, plain: list[str]) -> HttpResponse:
        return render(self.request, "mfa/recovery_codes/codes.html", {"codes": plain})


class ActivateTOTPView(ShowsCodes, totp_views.ActivateTOTPView):
    @override
    def form_valid(self, form: Any) -> HttpResponse:
        app, _codes = flows.activate_totp(self.request, form)
        messages.success(self.request, _("From now on, signing in needs a code of the app."))
        plain: list[str] = getattr(app, PLAIN)
        return self.show(plain) if plain else redirect("mfa_index")

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        secret = context["form"].secret
        return context | {"groups": [secret[at : at + 4] for at in range(0, len(secret), 4)]}


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
        if request.user.is_authenticated and not registry.factors_of(cast("User", request.user)):
            return redirect("mfa_index")
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    @override
    def form_valid(self, form: Any) -> HttpResponse:
        return self.show(getattr(flows.generate_recovery_codes(self.request), PLAIN))
