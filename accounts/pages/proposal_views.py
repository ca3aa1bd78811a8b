"""Pages on which people confirm or stop an email that an operator proposes for an account."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView
from typing_extensions import override

from accounts.audit.vocabulary import ResetStop
from accounts.operators import proposals
from accounts.request import client_of


@method_decorator([login_not_required, never_cache], name="dispatch")
class ConfirmView(TemplateView):
    """Prove the new address by the link in the mail to it.

    A GET only shows a button: programs that look for viruses open the links of mails.
    """

    template_name = "accounts/email_confirm.html"

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {"proposal": proposals.by_proof(context["token"])} | context

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        proposal = proposals.by_proof(token)
        is_changed = proposal is not None and proposals.prove(proposal, client=client_of(request))
        waiting = None if is_changed else proposals.by_proof(token)
        context = self.get_context_data(token=token, proposal=waiting, is_changed=is_changed)
        return self.render_to_response(context)


@method_decorator([login_not_required, never_cache], name="dispatch")
class StopView(TemplateView):
    """Stop the change by the link in the mail to the former address, without a sign-in."""

    template_name = "accounts/email_stop.html"

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {"proposal": proposals.by_stop(context["token"])} | context

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        proposal = proposals.by_stop(token)
        is_stopped = proposal is not None and proposals.stop(
            proposal, ResetStop.BY_LINK, client=client_of(request)
        )
        context = self.get_context_data(token=token, proposal=None, is_stopped=is_stopped)
        return self.render_to_response(context)
