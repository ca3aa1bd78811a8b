"""Disconnect a provider that needs a token of the person before it ends its side (Google).

We keep no tokens, so the browser fetches one. The connection is deleted first. Then the browser
asks the provider for a code without showing a page (`prompt=none`, OpenID Connect Core §3.1.2.1),
and we revoke the token that we get for the code. Whatever the provider answers, the connection is
deleted and nobody is signed in.
"""

import logging

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount import forms
from allauth.socialaccount.internal import statekit
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from typing_extensions import override

from accounts.federation.endings import unlinking
from accounts.federation.errors import ProviderError
from accounts.federation.providers.base import StrictAdapter, StrictProvider, UnlinksBy

STATE_PREFIX = "disconnect-"
"""Marks a `state` of ours. allauth's own never contain a hyphen."""

log = logging.getLogger(__name__)


class DisconnectForm(forms.DisconnectForm):
    @override
    def save(self) -> None:
        account = self.cleaned_data["account"]
        provider = account.get_provider()
        super().save()
        if isinstance(provider, StrictProvider) and provider.unlinks_by is UnlinksBy.TOKEN:
            raise ImmediateHttpResponse(_ask(self.request, provider, account.uid))


def _ask(request: HttpRequest, provider: StrictProvider, uid: str) -> HttpResponse:
    response: HttpResponse = provider.redirect(
        request,
        "disconnect",
        data=uid,
        state_id=STATE_PREFIX + get_random_string(32),
        scope=provider.get_scope_from_request(request),
        auth_params={"prompt": "none", "login_hint": uid},
    )
    return response


def finish(request: HttpRequest, adapter: StrictAdapter, state_id: str) -> HttpResponse:
    """Queue the revocation of the token that the provider gives for its code.

    Call when the browser comes back. Returns the redirect to the page of connections. If the
    provider gives no token, a message on that page says how to end the connection at the provider.
    Does nothing else if the `state` is unknown or was used before.
    """
    provider: StrictProvider = adapter.provider()
    state = statekit.unstash_state(request, provider_id=provider.sub_id, state_id=state_id)
    if state is not None:
        name = {"provider": provider.name}
        try:
            token = _token(request, adapter, provider, state)
        except ProviderError as exc:
            log.warning("%s isn't told of a connection that ended: %s", provider.id, exc)
            text = _("%(provider)s could not be told. To end it there as well: %(url)s")
            messages.warning(request, text % (name | {"url": provider.grants_url}))
        else:
            unlinking.enqueue(provider.id, state["data"], token=token)
            messages.info(request, _("%(provider)s is told, too.") % name)
    return redirect("socialaccount_connections")


def _token(
    request: HttpRequest, adapter: StrictAdapter, provider: StrictProvider, state: dict[str, str]
) -> str:
    """Exchange the code for an access token of the person whose connection ended, and return it.

    Raises `ProviderError` if there is no code, if the provider refuses the code, or if the code is
    of another person.
    """
    if "code" not in request.GET:
        raise ProviderError("no code")
    client = adapter.get_client(request, provider.app)
    answer = adapter.get_access_token_data(
        request, provider.app, client, pkce_code_verifier=state["pkce_code_verifier"]
    )
    if adapter.profile(answer).uid != state["data"]:
        raise ProviderError("another account answered")
    token: str = answer["access_token"]
    return token
