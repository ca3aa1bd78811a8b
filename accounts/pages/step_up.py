"""Keep a form while its visitor proves again who they are (step-up), and send it afterwards.

allauth would keep the whole request in the session: headers, cookies, every field. We keep the path
and those fields of the forms in `KEPT`. Any other form is not kept: after the step-up its page opens
again.
"""

from collections.abc import Callable
from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts import routes

KEPT = {
    "account_email": {"email", "action_add", "action_send", "action_remove", "action_primary"},
    "socialaccount_connections": {"account"},
}
"""Forms that are kept, by the name of their URL, and their fields. Never name a secret here."""


class StepUpMiddleware:
    """Answer `ReauthenticationRequired` on pages: lead to the step-up, and keep the form.

    Stands below allauth's middleware, so it sees the exception first.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, ReauthenticationRequired):
            return None
        path = request.get_full_path()
        return redirect(f"{_first_door(request)}?{urlencode({REDIRECT_FIELD_NAME: path})}")


def _first_door(request: HttpRequest) -> str:
    """Return where the visitor can prove who they are, after keeping the form."""
    if not request.user.is_authenticated:
        return reverse("account_login")
    methods = get_adapter(request).get_reauthentication_methods(request.user)
    if not methods:
        raise PermissionDenied
    _keep(request)
    return str(methods[0]["url"])


def _keep(request: HttpRequest) -> None:
    request.session.pop(STATE_SESSION_KEY, None)  # an earlier form, whose step-up was not finished
    match = routes.match_of(request)
    fields = KEPT.get(match.url_name or "", set()) if match else set()
    if request.method != "POST" or not fields:
        return
    form = QueryDict(mutable=True)
    for name in sorted(fields & request.POST.keys()):
        form.setlist(name, request.POST.getlist(name))
    request.session[STATE_SESSION_KEY] = {
        "callback": f"{__name__}.{send_kept.__name__}",
        "state": {"path": request.get_full_path(), "form": form.urlencode()},
    }


def send_kept(request: HttpRequest, state: dict[str, Any]) -> HttpResponseBase:
    """Send the form that was kept, if the step-up was for it. allauth calls it after the step-up."""
    wanted: str | None = get_next_redirect_url(request, REDIRECT_FIELD_NAME)
    if wanted != state["path"]:
        return redirect(wanted or get_adapter(request).get_login_redirect_url(request))
    request.path, _, query = state["path"].partition("?")
    request.path_info = request.path.removeprefix(request.META.get("SCRIPT_NAME", ""))
    request.GET, request.POST = QueryDict(query), QueryDict(state["form"])
    request.resolver_match = None
    match = routes.match_of(request)
    if match is None:
        return redirect(state["path"])  # another release had that page
    return cast("HttpResponseBase", match.func(request, *match.args, **match.kwargs))
