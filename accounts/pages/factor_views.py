"""Pages of second factors. `accounts.pages.allauth_urls` gives them allauth's names."""

from typing import Any

from allauth.mfa.base import views
from typing_extensions import override

from accounts.pages.factor_forms import RECOVERY
from accounts.pages.waiting import SaysWhen


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
