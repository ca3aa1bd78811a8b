"""Pages of the signed-in devices: list them, end one or all others, end the trust in a browser."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.generic import TemplateView, View
from typing_extensions import override

from accounts.pages import cursors, trusting
from accounts.pages.signed_in import SignedInMixin
from accounts.request import client_of
from accounts.signins import proofs, sessions, trusted_browsers
from accounts.signins.models import AuthSession


class SessionListView(SignedInMixin, TemplateView):
    """List the signed-in devices, browsers and API clients alike: this one, then the last seen first."""

    template_name = "accounts/session_list.html"
    page_size = 20

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        mine = AuthSession.objects.for_user(self.user.pk).active()
        others = mine.exclude(pk=self.auth_session.pk)
        cut = cursors.cut(self.request, others, by="last_seen_at", size=self.page_size)
        return super().get_context_data(
            sessions=[*mine.filter(pk=self.auth_session.pk), *cut.rows]
            if cut.is_first
            else cut.rows,
            here=self.auth_session.pk,
            cut=cut,
            has_others=bool(cut.rows) or others.exists(),
            trusted_browsers=trusting.browsers_of(self.user),
            **kwargs,
        )


class TrustedBrowserEndView(SignedInMixin, View):
    """Ask a trusted browser for the second step again. Needs no fresh proof: it only makes things stricter."""

    http_method_names = ["post"]
    shown_on = "accounts:session-list"

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:  # noqa: A002 - of the address
        if trusted_browsers.end(id, user=self.user, client=client_of(request)):
            messages.success(request, _("That browser is asked for the second step again."))
        else:  # the same answer for a browser of somebody else
            messages.info(request, _("That browser is no longer trusted."))
        return redirect("accounts:session-list")


class SessionRevokeView(SignedInMixin, View):
    http_method_names = ["post"]
    shown_on = "accounts:session-list"

    def post(self, request: HttpRequest, sid: UUID) -> HttpResponse:
        mine = AuthSession.objects.for_user(self.user.pk).active()
        session = mine.filter(pk=sid).select_related("user").first()
        if session is None:  # the same answer for a device of somebody else
            messages.info(request, _("That device is signed out already."))
            return redirect("accounts:session-list")
        if session == self.auth_session:
            return redirect("account_logout")
        proofs.require(self.auth_session)
        sessions.revoke(
            session,
            reason=sessions.Reason.OTHER_DEVICE,
            client=client_of(request),
        )
        messages.success(request, _("%(device)s was signed out.") % {"device": session.device})
        return redirect("accounts:session-list")


class SessionRevokeOthersView(SignedInMixin, View):
    http_method_names = ["post"]
    shown_on = "accounts:session-list"

    def post(self, request: HttpRequest) -> HttpResponse:
        proofs.require(self.auth_session)
        sessions.revoke_all(
            self.user,
            reason=sessions.Reason.OTHER_DEVICE,
            keep=self.auth_session.pk,
            client=client_of(request),
        )
        messages.success(request, _("All other devices were signed out."))
        return redirect("accounts:session-list")
