"""Take the link of an invitation to the sign-up form. Only the form's POST uses it up."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
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
        if invitations.by_token(token) is not None:
            request.session[admission.ENTRY] = token
        return redirect("account_signup")
