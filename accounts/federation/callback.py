"""Answer the address to which a provider sends the browser back."""

from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.utils import get_request_param
from django.http import HttpRequest, HttpResponse
from typing_extensions import override

from accounts.federation.endings import disconnection
from accounts.federation.providers.base import StrictAdapter


class CallbackView(OAuth2CallbackView):
    """Finish a disconnection that we began; leave a sign-in or a connection to allauth."""

    adapter: StrictAdapter

    @override
    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        state_id = str(get_request_param(request, "state", ""))
        if state_id.startswith(disconnection.STATE_PREFIX):
            return disconnection.finish(request, self.adapter, state_id)
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        return response
