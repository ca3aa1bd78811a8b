"""Pages that say why a callback did not sign in, and lead on.

allauth shows one page for all reasons. It asks the adapter first, which calls `answer`.
"""

from collections.abc import Mapping
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.providers.base.constants import AuthError
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import urlencode

from accounts.federation import states
from accounts.federation.errors import ProviderUnavailableError
from accounts.federation.states import Carried
from accounts.federation.wire import outage

FAILED = "socialaccount/authentication_error.html"
UNKNOWN = "socialaccount/began_elsewhere.html"
TWICE = "socialaccount/asked_twice.html"


def answer(
    request: HttpRequest,
    provider: Any,
    error: Any,
    exception: BaseException | None,
    context: Mapping[str, Any],
) -> None:
    """Raise `ImmediateHttpResponse` to send our own answer; return to let allauth answer.

    `context` has `state` if this browser began the attempt. Otherwise it may have only `state_id`. allauth
    sends the browser of a headless attempt back to its frontend.
    """
    state = context.get("state")
    if state is None:
        if "state_id" in context:
            raise ImmediateHttpResponse(
                began_elsewhere(request, provider, str(context["state_id"] or ""))
            )
        return
    if state.get("headless"):
        return
    if error == AuthError.CANCELLED:
        carried = Carried(str(state.get("process")), state.get("next") or "")
        page = (
            "socialaccount_connections" if carried.is_connect else "socialaccount_login_cancelled"
        )
        raise ImmediateHttpResponse(redirect(resolve_url(page) + carried.query))
    if isinstance(exception, ProviderUnavailableError):
        shown = {"auth_error": {"provider": provider, "exception": exception}, "state": state}
        response = render(request, FAILED, shown, status=503)
        response["Retry-After"] = str(int(outage.LONGEST_PAUSE_SECONDS))
        raise ImmediateHttpResponse(_unstored(response))


def asked_twice(request: HttpRequest, state_id: str) -> HttpResponse:
    """Lead on a browser whose other request finishes the attempt, or has finished it."""
    carried = states.carried_by(state_id)
    if carried.is_connect:
        target = resolve_url("socialaccount_connections")
    else:
        target = carried.next or resolve_url(settings.LOGIN_REDIRECT_URL)
    if request.user.is_authenticated or carried.is_headless:
        return redirect(target)
    if "error" in request.GET:
        return redirect(resolve_url("socialaccount_login_cancelled") + carried.query)
    # The other request may take seconds. This one holds no thread: the browser asks again.
    return _unstored(render(request, TWICE, {"target": target}, status=409))


def began_elsewhere(request: HttpRequest, provider: Any, state_id: str) -> HttpResponse:
    """Return a page (401) that says that the attempt began elsewhere or too long ago.

    The page offers to begin here. A headless attempt is redirected to its frontend with `error`.
    """
    carried = states.carried_by(state_id)
    if carried.is_headless and carried.next:
        query = urlencode({"error": AuthError.UNKNOWN, "error_process": carried.process})
        return redirect(f"{carried.next}{'&' if '?' in carried.next else '?'}{query}")
    shown = {"provider": provider, "carried": carried}
    return _unstored(render(request, UNKNOWN, shown, status=401))


def _unstored(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
