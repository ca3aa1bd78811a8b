"""Make and read the `state` of an attempt by a provider, and let one request use it up.

allauth keeps each attempt in the browser's session under its state, so an answer works only in the
browser that began the attempt. Only the entry in the session decides who is signed in. Our state also
carries, encrypted, the page that follows the attempt, so that we can redirect a browser to it that
doesn't know the attempt.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import get_random_string
from django.utils.http import urlencode

from accounts import encryption
from accounts.errors import DecryptionError
from accounts.request import user_id_of
from accounts.store import index

CONFIRM = "confirm"
"""Our process beside allauth's (`AuthProcess`): the attempt that proves a sign-in again."""
PURPOSE = "state"
RANDOM_CHARACTERS = 32
MAX_NEXT_CHARACTERS = 256
"""A longer `next` is only in the session, not in the state: the provider gets the state in an address."""
MAX_KEPT_BYTES = 8 * 1024
"""Size of all attempts of a session: half of the 16 KB that it may have."""
SPENT_SECONDS = 3600
"""Longer than a state lives in a session (10 minutes), so that none is used twice."""


@dataclass(frozen=True)
class Carried:
    """The content of a state. It proves nothing: anybody may have begun the attempt."""

    process: str = AuthProcess.LOGIN
    next: str = ""
    is_headless: bool = False

    @property
    def is_connect(self) -> bool:
        return self.process == AuthProcess.CONNECT

    @property
    def is_confirm(self) -> bool:
        return self.process == CONFIRM

    @property
    def query(self) -> str:
        """Return the query string that hands `next` on to another page, or ''."""
        return f"?{urlencode({'next': self.next})}" if self.next else ""


def draw(state: Mapping[str, Any]) -> str:
    """Return a new state that carries the page that follows this attempt."""
    target = str(state.get("next") or "")
    content = {
        "purpose": PURPOSE,
        "process": state.get("process"),
        "next": target if len(target) <= MAX_NEXT_CHARACTERS else "",
        "headless": bool(state.get("headless")),
    }
    random = get_random_string(RANDOM_CHARACTERS)
    return f"{random}.{encryption.encrypt(json.dumps(content))}"


def carried_by(state_id: str) -> Carried:
    """Return what the state carries; the defaults if it isn't ours. `next` is a safe address."""
    try:
        content = json.loads(encryption.decrypt(state_id.partition(".")[2]))
    except (DecryptionError, ValueError):
        return Carried()
    if not isinstance(content, dict) or content.get("purpose") != PURPOSE:
        return Carried()
    target = str(content.get("next") or "")
    is_safe = bool(target) and get_account_adapter().is_safe_url(target)
    return Carried(
        process=str(content.get("process")),
        next=target if is_safe else "",
        is_headless=content.get("headless") is True,
    )


def make_room(request: HttpRequest, next_url: str) -> None:
    """Forget the oldest attempts until one more fits into the session. Call before an attempt is kept.

    allauth keeps ten of them, each with its `next`, however long that is. The session would grow until
    nobody could save it.
    """
    kept = statekit.get_states(request)
    while kept and len(json.dumps([kept, next_url])) > MAX_KEPT_BYTES:
        del kept[min(kept, key=lambda each: kept[each][1])]  # [1] is when it began


def is_known(request: HttpRequest, state_id: str, *, provider: str) -> bool:
    """Return True if this browser began the attempt at this provider and no request finished it.

    An attempt that another person of a shared browser began is unknown to the user who signed in since.
    """
    stashed = statekit.get_states(request).get(state_id)
    if stashed is None or stashed[2:] not in ([provider], (provider,)):
        return False
    user = user_id_of(request)
    return not user or stashed[0].get("user") == user


def forget(request: HttpRequest, state_id: str, *, provider: str) -> None:
    """Delete an attempt that isn't known to this user, so that allauth doesn't find it."""
    statekit.unstash_state(request, provider_id=provider, state_id=state_id)


def spend(request: HttpRequest, state_id: str) -> bool:
    """Use the state up. Returns False if another request did so before, or does at the same time.

    Call only if the state is known. Raises `STORE_ERRORS` while Redis is down: nothing is used up.
    """
    return bool(cache.add(_key(state_id), _browser(request), timeout=SPENT_SECONDS))


def is_spent(state_id: str) -> bool:
    return bool(cache.has_key(_key(state_id)))


def is_spent_here(request: HttpRequest, state_id: str) -> bool:
    """Return True if a request with the same session cookie has used the state up.

    The session itself may have ended since then.
    """
    browser = _browser(request)
    return browser != "" and cache.get(_key(state_id)) == browser


def _browser(request: HttpRequest) -> str:
    cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    return index.hmac_of(cookie) if cookie else ""


def _key(state_id: str) -> str:
    return f"social:state:{hashlib.sha256(state_id.encode()).hexdigest()}"
