"""Pages on which the owner of an account stops an operator's reset of the second factors."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView, View
from typing_extensions import override

from accounts.audit.vocabulary import ResetStop
from accounts.factors import resets
from accounts.pages.signed_in import SignedInMixin
from accounts.request import client_of


@method_decorator([login_not_required, never_cache], name="dispatch")
class StopView(TemplateView):
    """Stop a reset by the link in the mail, without a sign-in.

    A GET only shows a button: programs that look for viruses open the links of mails.
    """

    template_name = "mfa/reset_stop.html"

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {"reset": resets.by_token(context["token"])} | context

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        reset = resets.by_token(token)
        is_stopped = reset is not None and resets.stop(
            reset, ResetStop.BY_LINK, client=client_of(request)
        )
        context = self.get_context_data(token=token, reset=None, is_stopped=is_stopped)
        return self.render_to_response(context)


class StopOwnView(SignedInMixin, View):
    """Stop the reset of the signed-in account. Needs no fresh proof, as the mailed link needs none."""

    http_method_names = ["post"]
    shown_on = "mfa_index"

    def post(self, request: HttpRequest) -> HttpResponse:
        if resets.stop_pending(self.user, ResetStop.BY_OWNER, client=client_of(request)):
            messages.success(request, _("Your second step stays."))
        else:
            messages.info(request, _("There was nothing to stop."))
        return redirect("mfa_index")
