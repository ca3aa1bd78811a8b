"""Limit how many threads wait for a provider, and refuse calls while the provider is down.

A provider that hangs must not become an outage of this site. Hence, in each process:

- At most half of `SERVER_THREADS` wait for one provider, and at most three quarters for all.
  One more call waits for a free place only while every call is younger than `PATIENCE_SECONDS`, so
  that a crowd at a quick provider gets in; a provider that hangs gets no more threads.
- An address that times out `MAX_TIMEOUTS` times in a row is down. Calls to it are refused at once.
  After a pause one call at a time may try again. Each failed try doubles the pause.

An address, not a whole provider, is down: Kakao's token endpoint may answer while its profile hangs.
Only time-outs count, because an error that arrives at once holds up no thread, and because a caller
can provoke errors but not time-outs.

`accounts.store.outage` does the same for Redis, where a call may be repeated and so is retried.
"""

import logging
import os
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field

from django.conf import settings

from accounts import metrics
from accounts.federation.errors import ProviderUnavailableError

MAX_TIMEOUTS = 3
PATIENCE_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 60.0
"""Not longer than the `Retry-After` of `provider_unavailable`, so that a client that obeys it may try."""
MARK_SECONDS = 180.0
"""How long pages say that a provider is down after its last time-out. Without a new try the process
cannot know that the provider is back."""
SIGN_IN_URLS = ("ACCESS_TOKEN_URL", "PROFILE_URL")
"""The addresses that every sign-in by a page needs."""

log = logging.getLogger(__name__)


@dataclass
class Address:
    """What this process knows about one address of a provider."""

    timeouts: int = 0
    pause: float = field(default_factory=lambda: FIRST_PAUSE_SECONDS)
    failed_at: float = 0.0
    has_probe: bool = False

    @property
    def is_down(self) -> bool:
        return self.timeouts >= MAX_TIMEOUTS

    @property
    def refuses(self) -> bool:
        """True if the next call is refused: it is too early for a probe, or one is under way."""
        is_early = time.monotonic() < self.failed_at + self.pause
        return self.is_down and (self.has_probe or is_early)


@dataclass(eq=False)
class Call:
    """One call to a provider. `begin` makes it; end it with `answered` or `failed`, then `leave`."""

    provider: str
    url: str
    is_probe: bool
    began: float = field(default_factory=time.monotonic)

    def answered(self) -> None:
        _note(self.provider, "answered")
        with _changed:
            if _addresses.pop(self.url, Address()).is_down:
                log.warning("%s is back: %s", self.provider, self.url)

    def failed(self, *, timed_out: bool) -> None:
        """Note that no answer came. A failed probe counts whatever its reason."""
        _note(self.provider, "timed_out" if timed_out else "failed")
        with _changed:
            address = _addresses[self.url]
            if self.is_probe:
                address.pause = min(2 * address.pause, LONGEST_PAUSE_SECONDS)
            if timed_out or self.is_probe:
                address.timeouts += 1
                address.failed_at = time.monotonic()
                if address.timeouts == MAX_TIMEOUTS:
                    log.warning("%s is down: %s times out", self.provider, self.url)

    def leave(self) -> None:
        """Give the call's place to a waiting thread; after a probe, allow the next probe.

        Call when the thread of the call ends.
        """
        with _changed:
            _calls.discard(self)
            if self.is_probe and self.url in _addresses:
                _addresses[self.url].has_probe = False
            _changed.notify_all()


_changed = threading.Condition()
_calls: set[Call] = set()
_addresses: dict[str, Address] = defaultdict(Address)


def begin(url: str, *, patience: float | None = None) -> Call:
    """Take a place for a call to this address. Raises `ProviderUnavailableError`: down, or no place.

    Waits at most `patience` seconds for a place, by default `PATIENCE_SECONDS`.
    """
    provider = _provider_at(url)
    with _changed:
        try:
            _wait_for_place(provider, url, PATIENCE_SECONDS if patience is None else patience)
        except ProviderUnavailableError:
            _note(provider, "refused")
            raise
        address = _addresses[url]
        call = Call(provider, url, is_probe=address.is_down)
        address.has_probe = address.is_down
        _calls.add(call)
        return call


def require(provider: str) -> None:
    """Raise `ProviderUnavailableError` if the calls that finish an attempt would be refused."""
    with _changed:
        if any(address.refuses for address in _needed(provider)):
            raise ProviderUnavailableError("down")


def is_marked(provider: str) -> bool:
    """Return True if pages should say that this provider is down."""
    earliest = time.monotonic() - MARK_SECONDS
    with _changed:
        return any(one.is_down and one.failed_at > earliest for one in _needed(provider))


def forget() -> None:
    """Forget all calls and outages, as after a fork: the calls' threads stay with the parent."""
    global _changed  # noqa: PLW0603 - a thread of the parent may hold its lock
    _changed = threading.Condition()
    _calls.clear()
    _addresses.clear()


os.register_at_fork(after_in_child=forget)


def _wait_for_place(provider: str, url: str, patience: float) -> None:
    """Return with `_changed` held and a place free. Raises `ProviderUnavailableError`."""
    latest = time.monotonic() + patience
    while True:
        if url in _addresses and _addresses[url].refuses:
            raise ProviderUnavailableError("down")
        waited_for = _in_the_way(provider)
        if not waited_for:
            return
        oldest = min(call.began for call in waited_for)
        seconds = min(latest, oldest + PATIENCE_SECONDS) - time.monotonic()
        if seconds <= 0:
            raise ProviderUnavailableError("too many calls are under way")
        _changed.wait(seconds)


def _in_the_way(provider: str) -> list[Call]:
    """Return the calls of which one must end before the next call to this provider. May be empty."""
    threads = settings.SERVER_THREADS
    same = [call for call in _calls if call.provider == provider]
    if len(same) >= max(1, threads // 2):
        return same
    return list(_calls) if len(_calls) >= max(1, 3 * threads // 4) else []


def _provider_at(url: str) -> str:
    for name, options in settings.SOCIALACCOUNT_PROVIDERS.items():
        if url in options.values():
            return str(name)
    return url


def _note(provider: str, outcome: str) -> None:
    """Count a call. Addresses that no provider has are those of the service of leaked passwords."""
    known = provider in settings.SOCIALACCOUNT_PROVIDERS
    metrics.PROVIDER_CALLS.note(provider if known else "other", outcome)


def _needed(provider: str) -> list[Address]:
    options = settings.SOCIALACCOUNT_PROVIDERS.get(provider, {})
    urls = [options[name] for name in SIGN_IN_URLS if name in options]
    return [_addresses[url] for url in urls if url in _addresses]
