"""Show the pages on which users download their data, or delete their account."""

from typing import Any

from django.conf import settings
from django.contrib import auth, messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.generic import TemplateView, View
from typing_extensions import override

from accounts.errors import LastSuperuserError
from accounts.pages import personal_data
from accounts.pages.signed_in import SignedInMixin
from accounts.request import client_of
from accounts.signins import erasure, proofs


class AccountDeletionView(SignedInMixin, TemplateView):
    """Show the effects and the day of a deletion. A POST requests it, and ends all sign-ins."""

    template_name = "accounts/deletion.html"

    @override
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        proofs.require(self.auth_session)
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        proofs.require(self.auth_session)
        try:
            erase_at = erasure.request(
                self.user, sid=self.auth_session.pk, client=client_of(request)
            )
        except LastSuperuserError:
            text = _("You are the only administrator. Make somebody else one first.")
            messages.error(request, text)
            return redirect("accounts:deletion")
        auth.logout(request)
        when = date_format(timezone.localtime(erase_at), "DATETIME_FORMAT")
        text = _(
            "You are signed out everywhere. Your account will be deleted on %(when)s. "
            "To keep it, sign in before then."
        )
        messages.warning(request, text % {"when": when})
        return redirect("account_login")

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(days=settings.ACCOUNT_DELETION_DAYS, **kwargs)


class PersonalDataView(SignedInMixin, View):
    """Download all that the site knows of the user."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponseBase:
        proofs.require(self.auth_session)
        return personal_data.response(self.user)
