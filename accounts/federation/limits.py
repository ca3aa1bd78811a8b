"""Limit what makes us call a provider, and what a provider sends. What succeeds costs nothing.

A browser begins its way to a provider, which counts for the browser and for its address. If the
provider confirms who it is, the way is uncounted. So each answer that we look up at a provider needs
a way that was counted, and an office can sign in together. Answers and tokens that prove nothing
count for their address.
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
    """Who began a way to a provider. The way's state keeps it."""

    browser: str
    network: str


def begin(request: HttpRequest) -> Begun:
    """Count a way to a provider, and return who began it. Raises `TooManyRequestsError`."""
    begun = Begun(browser=_browser_of(request), network=client_of(request).network)
    _take(_ways(begun))
    return begun


def finish(begun: Begun | None) -> None:
    """Uncount a way: the provider has confirmed who it is."""
    if begun:
        with suppress(*STORE_ERRORS):  # if Redis is away, the limit is only stricter
            counters.give_back(_ways(begun))


def count_refusal(network: str) -> None:
    """Count an answer that proves nothing. Raises `TooManyRequestsError` if there were too many."""
    _take([_refusals(network)])


def require_proofs(network: str) -> None:
    """Raise `TooManyRequestsError` if this address sent too many answers that prove nothing.

    Call before a token is checked: that may call the provider.
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


def _ways(begun: Begun) -> list[tuple[Limit, str]]:
    of_address = (counters.limit("social_start"), begun["network"])
    of_browser = (counters.limit("social_browser"), begun["browser"])
    return [of_browser, of_address] if begun["browser"] else [of_address]


def _refusals(network: str) -> tuple[Limit, str]:
    return counters.limit("social"), network


def _browser_of(request: HttpRequest) -> str:
    """Return a hash that stands for the browser, by its cookies, or ''.

    A browser that drops its cookies is counted by its address only.
    """
    names = (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)
    cookie = next((request.COOKIES[name] for name in names if request.COOKIES.get(name)), "")
    return hashlib.sha256(cookie.encode()).hexdigest()[:32] if cookie else ""
