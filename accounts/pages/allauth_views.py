"""allauth's pages where ours do more. `accounts.pages.allauth_urls` gives them allauth's names."""

from typing import TYPE_CHECKING, Any, cast

from allauth.account import views
from allauth.account.utils import get_next_redirect_url
from allauth.account.views._reauthenticate import BaseReauthenticateView
from django import forms
from django.conf import settings
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpResponse
from django.shortcuts import resolve_url
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from typing_extensions import override

from accounts.federation import confirmation
from accounts.federation.providers.base import StrictProvider
from accounts.pages import proofs
from accounts.pages.waiting import SaysWhen

if TYPE_CHECKING:
    from accounts.people.models import User


class LoginView(SaysWhen, views.LoginView):
    pass


class ReauthenticateView(SaysWhen, views.ReauthenticateView):
    pass


@method_decorator(never_cache, name="dispatch")
class ReauthenticateByProviderView(LoginRequiredMixin, BaseReauthenticateView):
    """Send the visitor to a connected provider, which asks for the sign-in there again.

    allauth refuses a provider that isn't connected: it isn't among the user's ways then.
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
    pass
