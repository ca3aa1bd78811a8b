"""The address to which a provider sends the browser back."""

from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.utils import get_request_param
from django.http import HttpRequest, HttpResponse
from typing_extensions import override

from accounts.federation import confirmation
from accounts.federation.endings import disconnection
from accounts.federation.providers.base import StrictAdapter


class CallbackView(OAuth2CallbackView):
    """Finish a sign-in or a connection, as allauth does, or a disconnection or proof of ours."""

    adapter: StrictAdapter

    @override
    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        state_id = str(get_request_param(request, "state", ""))
        if state_id.startswith(disconnection.STATE_PREFIX):
            return disconnection.finish(request, self.adapter, state_id)
        if state_id.startswith(confirmation.STATE_PREFIX):
            return confirmation.finish(request, self.adapter, state_id)
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        return response
