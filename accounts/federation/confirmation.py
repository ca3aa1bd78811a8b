"""Prove a sign-in again by a connected provider.

We ask the provider to sign the person in once more, not to answer from its own session. The answer
counts only if it names an account that is connected to this user. If the answer has an `auth_time`,
that must be later than our request (OpenID Connect Core §3.1.2.1, `max_age`). The answer opens no
sign-in and connects nothing.
"""

import logging
import time
from typing import Any, cast
from uuid import UUID

from allauth.account.internal.flows.login import record_authentication
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.audit import trail
from accounts.audit.vocabulary import EventType, LoginFailure, ProofFailure, provider_name
from accounts.federation import limits, refusals, states
from accounts.federation.errors import (
    NotAskedAgainError,
    OtherAccountError,
    ProviderError,
    ProviderUnavailableError,
)
from accounts.federation.providers.base import StrictAdapter, StrictProvider
from accounts.federation.wire.id_tokens import LEEWAY_SECONDS
from accounts.people.models import User
from accounts.request import client_of
from accounts.store.engine import SID

PROCESS = states.CONFIRM
STATE_PREFIX = "confirm-"
"""The prefix of the `state` of a proof. That of a sign-in begins with letters, digits and a dot."""

REASONS = {
    NotAskedAgainError: ProofFailure.NOT_ASKED_AGAIN,
    OtherAccountError: ProofFailure.OTHER_ACCOUNT,
}

log = logging.getLogger(__name__)


def ask(request: HttpRequest, provider: StrictProvider, *, next_url: str) -> HttpResponse:
    """Return the redirect to the provider. The attempt's state keeps the `sid` and the time."""
    response: HttpResponse = provider.redirect(
        request,
        PROCESS,
        next_url=next_url,
        data={"sid": request.session.get(SID), "at": int(time.time())},
        state_id=STATE_PREFIX + states.draw({"process": PROCESS, "next": next_url}),
        scope=provider.get_scope_from_request(request),
        auth_params=dict(provider.reauthentication),
    )
    return response


def finish(request: HttpRequest, adapter: StrictAdapter, state_id: str) -> HttpResponse:
    """Record the proof and redirect to `next`.

    If the answer proves nothing, record that and redirect to the page that offers another proof, with
    a message. If another request has used the state, only redirect to `next`. If the state is of
    another browser or sign-in, say so. Raises `ProviderUnavailableError`.
    """
    provider: StrictProvider = adapter.provider()
    user = request.user
    is_known = states.is_known(request, state_id, provider=provider.sub_id)
    is_spent = not states.spend(request, state_id) if is_known else states.is_spent(state_id)
    if is_spent and user.is_authenticated:
        return refusals.asked_twice(request, state_id)
    state = is_known and statekit.unstash_state(
        request, provider_id=provider.sub_id, state_id=state_id
    )
    if not state or not isinstance(user, User) or state["data"]["sid"] != request.session.get(SID):
        return refusals.began_elsewhere(request, provider, state_id)
    try:
        uid = _answer(request, adapter, provider, state)
        check(user, provider.id, uid)
    except ProviderUnavailableError:
        raise
    except ProviderError as exc:
        log.warning("%s confirms no sign-in: %s", provider.id, exc)
        record_refusal(request, exc)
        messages.error(request, text_of(exc, provider.id))
        again = reverse("account_reauthenticate_by_provider", args=[provider.id])
        return redirect(f"{again}?{urlencode({REDIRECT_FIELD_NAME: state['next']})}")
    limits.finish(state.get("begun"))
    accept(request, user, provider.id, uid)
    return redirect(state["next"])


def check(user: User, provider: str, uid: str) -> None:
    """Raise `OtherAccountError` unless this account at the provider is connected to the user."""
    if not SocialAccount.objects.filter(user=user, provider=provider, uid=uid).exists():
        raise OtherAccountError("an account answered that isn't connected to this user")


def check_time(auth_time: int | None, *, since: float) -> None:
    """Raise `NotAskedAgainError` if the person signed in at the provider before `since`.

    Accepts an answer without a time, because we told the provider to ask the person again.
    """
    now = time.time()
    if auth_time is not None and not since - LEEWAY_SECONDS <= auth_time <= now + LEEWAY_SECONDS:
        raise NotAskedAgainError("the provider didn't ask the person again")


def accept(request: HttpRequest, user: User, provider: str, uid: str) -> None:
    """Record the proof. allauth then sends the signal that `accounts.pages.receivers` receives."""
    record_authentication(
        request, user, "socialaccount", provider=provider, uid=uid, reauthenticated=True
    )


def record_refusal(request: HttpRequest, error: ProviderError) -> None:
    """Record that the provider's answer proved nothing for the sign-in of this session."""
    trail.record(
        EventType.SESSION_PROOF_REFUSED,
        user=cast("User", request.user),
        sid=UUID(request.session[SID]),
        client=client_of(request),
        reason=REASONS.get(type(error), LoginFailure.PROVIDER_TOKEN_REFUSED),
    )


def text_of(error: ProviderError, provider: str) -> str:
    """Return the message that tells the user why this answer is no proof."""
    match error:
        case OtherAccountError():
            text = _("You signed in at %(provider)s with an account that isn't connected here.")
        case NotAskedAgainError():
            text = _(
                "%(provider)s didn't ask you to sign in again. Sign out there first, or choose "
                "another way."
            )
        case _:
            text = _("%(provider)s didn't confirm that it is you.")
    return text % {"provider": provider_name(provider)}


def _answer(
    request: HttpRequest, adapter: StrictAdapter, provider: StrictProvider, state: dict[str, Any]
) -> str:
    """Return the uid of the person who has signed in at the provider.

    Raises `ProviderError`; `NotAskedAgainError` if the person signed in before we asked.
    """
    if "code" not in request.GET:
        raise ProviderError("no code")
    client = adapter.get_client(request, provider.app)
    answer = adapter.get_access_token_data(
        request, provider.app, client, pkce_code_verifier=state["pkce_code_verifier"]
    )
    uid = adapter.profile(answer).uid
    check_time(adapter.auth_time(answer, uid=uid), since=state["data"]["at"])
    return uid
