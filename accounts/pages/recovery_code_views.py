"""Pages that make new recovery codes and show them."""

from typing import Any

from allauth.mfa.recovery_codes import views
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView
from typing_extensions import override

from accounts.factors import registry
from accounts.factors.recovery_codes.wrapper import PLAIN
from accounts.pages import factor_flows as flows
from accounts.pages import shown_codes
from accounts.pages.signed_in import SignedInMixin


class GenerateView(views.GenerateRecoveryCodesView):
    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead an account without another factor to the overview: it has nothing to recover."""
        if request.user.is_authenticated and not registry.factors_of(request.user):
            return redirect("mfa_index")
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    @override
    def form_valid(self, form: Any) -> HttpResponse:
        plain = getattr(flows.generate_recovery_codes(self.request), PLAIN)
        self.request.session.cycle_key()  # a thief with the old id must not read them
        return shown_codes.show(self.request, plain)


@method_decorator(never_cache, name="dispatch")
class NewCodesView(SignedInMixin, TemplateView):
    """Show the new codes to the sign-in that made them, until their owner has kept them."""

    template_name = "mfa/recovery_codes/codes.html"

    @override
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        codes = shown_codes.kept(request)
        if not codes:
            messages.info(request, _("Recovery codes are shown for 10 minutes, and only once."))
            return redirect("mfa_index")
        return self.render_to_response(self.get_context_data(codes=codes))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Forget the codes, and lead on."""
        return redirect(shown_codes.drop(request) or "mfa_index")
