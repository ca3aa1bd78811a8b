"""Limit attempts by a provider, and the answers and tokens that prove nothing.

An attempt begins when we redirect the browser to the provider. `begin` counts it for the browser and
for its network. `finish` uncounts it after the provider has confirmed the person, so many people
behind one address can sign in at the same time. We look up an answer at a provider only if its
attempt was counted. (A disconnection is not counted: it opens no sign-in.)

Answers and tokens that prove nothing count for the network that sent them.
"""

import hashlib
from contextlib import suppress
from typing import TypedDict

from django.conf import settings
from django.http import HttpRequest
from structlog import get_logger

from accounts.errors import TooManyRequestsError
from accounts.request import client_of
from accounts.store import counters
from accounts.store.counters import Limit
from accounts.store.outage import STORE_ERRORS

log = get_logger()

REPORT = counters.limit("report")
"""The limit of reports from a provider."""


class Begun(TypedDict):
    """The callers for which `begin` counted an attempt. The attempt's state keeps them."""

    browser: str
    network: str


def begin(request: HttpRequest) -> Begun:
    """Count an attempt by a provider. Returns the callers that it counts for, for `finish`.

    Raises `TooManyRequestsError`. Fails open without Redis.
    """
    begun = Begun(browser=_browser_of(request), network=client_of(request).network)
    _take(_attempts(begun))
    return begun


def finish(begun: Begun | None) -> None:
    """Uncount an attempt. Call after the provider has confirmed the person."""
    if begun:
        with suppress(*STORE_ERRORS):  # without Redis the attempt stays counted: a stricter limit
            counters.give_back(_attempts(begun))


def count_refusal(network: str) -> None:
    """Count an answer or token that proves nothing. Raises `TooManyRequestsError` after too many."""
    _take([_refusals(network)])


def require_proofs(network: str) -> None:
    """Raise `TooManyRequestsError` if this network sent too many answers that prove nothing.

    Call before checking a token, because the check may call the provider. Counts nothing.
    """
    with suppress(*STORE_ERRORS):
        if counters.is_full(_refusals(network)):
            count_refusal(network)


def _take(counted: list[tuple[Limit, str]]) -> None:
    try:
        seconds = counters.take(counted, is_patient=False)
    except STORE_ERRORS:
        # Fail open: states and tokens can't be guessed, and `wire.outage` limits our calls.
        log.warning("rate_limits_off", reason="Redis doesn't answer")
        return
    if seconds:
        log.warning("rate_limited", limit=counted[0][0].scope)
        raise TooManyRequestsError(seconds)


def _attempts(begun: Begun) -> list[tuple[Limit, str]]:
    of_network = (counters.limit("social_start"), begun["network"])
    of_browser = (counters.limit("social_browser"), begun["browser"])
    return [of_browser, of_network] if begun["browser"] else [of_network]


def _refusals(network: str) -> tuple[Limit, str]:
    return counters.limit("social"), network


def _browser_of(request: HttpRequest) -> str:
    """Return a hash of the browser's session cookie or CSRF cookie, or '' if it sent neither.

    A browser without cookies is counted by its network only.
    """
    names = (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)
    cookie = next((request.COOKIES[name] for name in names if request.COOKIES.get(name)), "")
    return hashlib.sha256(cookie.encode()).hexdigest()[:32] if cookie else ""
