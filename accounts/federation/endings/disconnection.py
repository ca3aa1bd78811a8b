"""Disconnect a provider that needs a token of the person before it ends its side (Google).

We keep no tokens, so the browser fetches one. The connection is deleted first. Then the browser asks
the provider for a code without showing a page (`prompt=none`, OpenID Connect Core §3.1.2.1), and we
revoke the token that we get for the code. Whatever the provider answers, the connection is gone and
nobody is signed in.

Google writes that revoking an access token ends the grant; some sites found that only the revocation
of a refresh token does. So the first way asks for a refresh token. If the provider wants to ask the
person before it gives one, a second way asks for less. Both tokens are forgotten once revoked.
"""

import logging
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount import forms
from allauth.socialaccount.internal import statekit
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from typing_extensions import override

from accounts.federation import states
from accounts.federation.endings import unlinking
from accounts.federation.errors import ProviderError
from accounts.federation.providers.base import (
    DISCONNECT,
    StrictAdapter,
    StrictProvider,
    UnlinksBy,
)
from accounts.federation.wire import fetch

STATE_PREFIX = "disconnect-"
"""The prefix of these states. A sign-in's state is random letters and digits, a dot, and its content."""

WANTS_TO_ASK = {"consent_required", "interaction_required"}
"""Errors of OpenID Connect Core §3.1.2.6: the provider would have to show the person a page."""

log = logging.getLogger(__name__)


class DisconnectForm(forms.DisconnectForm):
    @override
    def save(self) -> None:
        account = self.cleaned_data["account"]
        provider = account.get_provider()
        super().save()
        if isinstance(provider, StrictProvider) and provider.unlinks_by is UnlinksBy.TOKEN:
            raise ImmediateHttpResponse(_ask(self.request, provider, account.uid))


def _ask(
    request: HttpRequest, provider: StrictProvider, uid: str, *, asks_less: bool = False
) -> HttpResponse:
    response: HttpResponse = provider.redirect(
        request,
        DISCONNECT,
        data=uid,
        state_id=STATE_PREFIX + states.draw({"process": DISCONNECT}),
        scope=provider.get_scope_from_request(request),
        auth_params={
            "prompt": "none",
            "login_hint": uid,
            **({} if asks_less else provider.disconnection),
        },
        asks_less=asks_less,
    )
    return response


def finish(request: HttpRequest, adapter: StrictAdapter, state_id: str) -> HttpResponse:
    """Queue the revocation of the token that the provider gives for its code.

    Call when the browser comes back. Returns the redirect to the page of connections. If the
    provider gives no token, or the browser lost the attempt, as by a sign-out, a message says how to
    end the connection at the provider. Does nothing else if the `state` was used before or isn't ours.
    """
    provider: StrictProvider = adapter.provider()
    is_known = states.is_known(request, state_id, provider=provider.sub_id)
    is_mine = is_known and states.spend(request, state_id)
    state = is_mine and statekit.unstash_state(
        request, provider_id=provider.sub_id, state_id=state_id
    )
    if state and request.GET.get("error") in WANTS_TO_ASK and not state["asks_less"]:
        return _ask(request, provider, state["data"], asks_less=True)
    if state:
        _tell(request, adapter, provider, state)
    elif states.carried_by(state_id).process == DISCONNECT and not states.is_spent(state_id):
        _warn(request, provider)
    return redirect("socialaccount_connections")


def _tell(
    request: HttpRequest, adapter: StrictAdapter, provider: StrictProvider, state: dict[str, Any]
) -> None:
    try:
        token, is_refresh = _token(request, adapter, provider, state)
    except ProviderError as exc:
        log.warning("%s isn't told of a connection that ended: %s", provider.id, exc)
        _warn(request, provider)
        return
    unlinking.enqueue(provider.id, state["data"], token=token)
    told = _("We told %(provider)s that it ended.")
    unsure = _(
        "We told %(provider)s that it ended. If it still lists this site, end it here: %(url)s"
    )
    messages.info(request, (told if is_refresh else unsure) % _names(provider))


def _warn(request: HttpRequest, provider: StrictProvider) -> None:
    text = _("We could not reach %(provider)s. To end the connection there as well: %(url)s")
    messages.warning(request, text % _names(provider))


def _names(provider: StrictProvider) -> dict[str, str]:
    return {"provider": provider.name, "url": provider.grants_url}


def _token(
    request: HttpRequest, adapter: StrictAdapter, provider: StrictProvider, state: dict[str, Any]
) -> tuple[str, bool]:
    """Return a token of the person whose connection ended, and whether it is a refresh token.

    Raises `ProviderError`.
    """
    if "code" not in request.GET:
        raise ProviderError("no code")
    client = adapter.get_client(request, provider.app)
    answer = adapter.get_access_token_data(
        request, provider.app, client, pkce_code_verifier=state["pkce_code_verifier"]
    )
    if adapter.profile(answer).uid != state["data"]:
        raise ProviderError("another account answered")
    refresh_token = answer.get("refresh_token")
    if isinstance(refresh_token, str) and fetch.is_bearer(refresh_token):
        return refresh_token, True
    return str(answer["access_token"]), False
