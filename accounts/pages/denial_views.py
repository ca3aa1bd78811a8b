"""Take the report "it wasn't me": from the link in a notice, or from a row of the own pages."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import auth, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import TemplateView, View
from typing_extensions import override

from accounts.mail import denial_links, notices
from accounts.mail.denial_links import Denial
from accounts.pages.middleware import current, require_cookie
from accounts.pages.signed_in import SignedInMixin
from accounts.people.models import User
from accounts.reports import effects, own
from accounts.request import client_of
from accounts.signins import denials, proofs
from accounts.store import counters

ENTRY = "denial"
"""The entry of the session with the link's token, so that the page's address doesn't have it."""


@method_decorator(never_cache, name="dispatch")
class DenialLinkView(View):
    """Put the token of a link into the session, and redirect to the page with the button."""

    http_method_names = ["get", "head"]
    limit = counters.limit("form")
    is_limited_by_get = True

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return _show(request, token)


@dataclass(frozen=True)
class Found:
    """A link, and its account as it is now."""

    denial: Denial
    user: User

    @property
    def is_open(self) -> bool:
        return self.user.is_active and self.denial.fits(self.user)

    @property
    def is_done(self) -> bool:
        return denials.is_done(self.denial)


@method_decorator(sensitive_post_parameters("token"), name="dispatch")
@method_decorator(never_cache, name="dispatch")
class DenialView(TemplateView):
    """Show the button, or the result. Only a POST changes anything: scanners of mail open links."""

    http_method_names = ["get", "head", "post"]
    template_name = "accounts/denial.html"
    limit = counters.limit("form")

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        token = str(self.request.session.get(ENTRY, ""))
        if not token:
            require_cookie(self.request)
        found = _found(token)
        mine = self._mine(found)
        return super().get_context_data(
            token=token,
            is_open=found is not None and found.is_open,
            is_done=found is not None and not found.is_open and found.is_done,
            is_readdressed=found is not None and not found.denial.went_to(found.user.email),
            may_keep=mine is not None and found is not None and mine != found.denial.sid,
            is_here=mine is not None and found is not None and mine == found.denial.sid,
            days=settings.DENIAL_LINK_LIFETIME.days,
            **kwargs,
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        token = request.POST.get("token", "")
        found = _found(token)
        if found is not None:
            self._deny(found)
        return _show(request, token)

    def _mine(self, found: Found | None) -> UUID | None:
        """Return the sign-in of this browser, if it is one of the link's account."""
        if found is None or self.request.user != found.user:
            return None
        session = current(self.request)
        return session.pk if session else None

    def _deny(self, found: Found) -> None:
        request, denial, mine = self.request, found.denial, self._mine(found)
        wants_to_stay = "keep" in request.POST and mine != denial.sid
        keep = mine if wants_to_stay else None
        client = client_of(request)
        with transaction.atomic():
            user = denials.deny(denial, keep=keep, client=client)
            if user is None:
                return  # another request was faster, or the password has changed
            effects.disconnect(user, effects.made_by_others(denial), client=client)
            effects.undo(user, client=client)
            # A changed address may be a thief's, who gets no key from us.
            may_mail_key = found.user.has_usable_password() and denial.went_to(user.email)
            path = effects.reset_path(user) if may_mail_key else ""
            notices.denied(user, reset_path=path, client=client)
        if keep is not None:
            auth.update_session_auth_hash(request, user)
        elif mine is not None:
            auth.logout(request)


class OwnDenialView(SignedInMixin, View):
    """Take the report of a signed-in owner: end all other sign-ins, and go on to a new password.

    The form has an `event` of the activity page, or the `sid` of a device.
    """

    http_method_names = ["post"]
    shown_on = "accounts:activity"

    def post(self, request: HttpRequest) -> HttpResponse:
        subject = self._subject()
        if subject is None:
            text = _("That entry is no longer listed. Here you can sign out all other devices.")
            messages.warning(request, text)
            return redirect("accounts:session-list")
        proofs.require(self.auth_session)
        filed = own.file(self.user, subject, keep=self.auth_session.pk, client=client_of(request))
        if filed.needs_password:
            auth.update_session_auth_hash(request, filed.user)
            text = _("All other devices were signed out. Now choose a new password.")
            messages.success(request, text)
            return redirect("account_set_password")
        text = _("All other devices were signed out. Disconnect accounts that you don't know.")
        messages.success(request, text)
        return redirect("socialaccount_connections")

    def _subject(self) -> own.Subject | None:
        form, here = self.request.POST, self.auth_session.pk
        try:
            if "sid" in form:
                return own.sign_in(self.user, UUID(form["sid"]), here=here)
            return own.event(self.user, int(form.get("event", "")), here=here)
        except ValueError:
            return None


def _show(request: HttpRequest, token: str) -> HttpResponse:
    request.session[ENTRY] = token[: denial_links.MAX_LENGTH]
    return redirect("accounts:denial")


def _found(token: str) -> Found | None:
    denial = denial_links.read(token)
    user = User.objects.filter(pk=denial.user_id).first() if denial else None
    return Found(denial, user) if denial and user else None
