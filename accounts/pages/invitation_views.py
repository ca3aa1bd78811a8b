"""Take the link of an invitation to the sign-up form. Only the form's POST uses it up."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import View

from accounts.invitations import invitations
from accounts.pages import admission
from accounts.store import counters


@method_decorator(never_cache, name="dispatch")
class LinkView(View):
    """Put the token into the session, so that no page's address has it. Scanners of mail open links."""

    http_method_names = ["get", "head"]
    limit = counters.limit("reset")
    is_limited_by_get = True

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        invitation = invitations.of_link(token)
        is_signed_in = request.user.is_authenticated
        email = invitation.email if invitation is not None else ""
        if email and not is_signed_in and invitations.has_account(email):
            text = _(
                "You have an account with this email already, so you need no invitation. Sign in."
            )
            messages.info(request, text)
            return redirect("account_login")
        if invitation is None or not invitation.is_open:
            text = _(
                "This invitation no longer works: it was used or withdrawn, a newer mail has another link, or it "
                "has expired. If you have made your account with it, sign in."
            )
            messages.warning(request, text)
        elif is_signed_in:
            text = _(
                "You are signed in already. To make another account with this invitation, sign out and open "
                "its link again."
            )
            messages.warning(request, text)
        else:
            request.session[admission.ENTRY] = token
        return redirect("account_signup")
