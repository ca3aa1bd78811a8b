"""Receive the browser when a provider redirects it back to us."""

from typing import Any

from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.utils import get_request_param
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from typing_extensions import override

from accounts.federation import confirmation, refusals, states
from accounts.federation.endings import disconnection
from accounts.federation.providers.base import StrictAdapter

PARAMETERS = ("code", "state", "error", "iss")


class CallbackView(OAuth2CallbackView):
    """Finish a sign-in or a connection, as allauth does, or a disconnection or a proof of ours.

    A browser may send the same answer twice: two clicks, F5, Back. One atomic step, before any call
    to the provider, decides which request finishes the attempt. The other requests are redirected.
    Raises `BadRequest` for a repeated parameter.
    """

    adapter: StrictAdapter

    @override
    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if any(len(request.GET.getlist(name)) > 1 for name in PARAMETERS):
            raise BadRequest  # RFC 6749 §3.1: programs differ in which of the two they read
        state_id = str(get_request_param(request, "state", ""))
        if state_id.startswith(disconnection.STATE_PREFIX):
            return disconnection.finish(request, self.adapter, state_id)
        if state_id.startswith(confirmation.STATE_PREFIX):
            return confirmation.finish(request, self.adapter, state_id)
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        return response

    @override
    def _get_state(
        self, request: HttpRequest, provider: Any
    ) -> tuple[dict[str, Any] | None, HttpResponse | None]:
        state_id = str(get_request_param(request, "state", ""))
        if not states.is_known(request, state_id, provider=provider.sub_id):
            if _leads_on(request, state_id):
                return None, refusals.asked_twice(request, state_id)
            states.forget(request, state_id, provider=provider.sub_id)
        elif not states.spend(request, state_id):
            return None, refusals.asked_twice(request, state_id)
        # allauth's answer to a state that this browser doesn't know is `refusals.answer`.
        found: tuple[dict[str, Any] | None, HttpResponse | None] = super()._get_state(
            request, provider
        )
        return found


def _leads_on(request: HttpRequest, state_id: str) -> bool:
    """Return True if another request of this browser has finished the attempt.

    A sign-in changes the session's id, so the state's browser can't be compared with a browser that is
    signed in. Redirecting that browser to `next` is harmless.
    """
    if request.user.is_authenticated:
        return not states.carried_by(state_id).is_connect or states.is_spent(state_id)
    return states.is_spent_here(request, state_id)
