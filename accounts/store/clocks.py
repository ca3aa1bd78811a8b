"""Remember which calls to Redis fail, and since when, and count the threads that wait (`outage`).

Reads and writes of sessions have separate clocks. In a cluster each primary has its own two, so that one that fails
holds up no other. The clock without an address is that of the only server, or of slots whose primary is unknown.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from accounts import metrics
from accounts.errors import StoreUnavailableError
from accounts.store import nodes

log = logging.getLogger(__name__)


class Clock:
    """Remember since when calls of one kind, to one server of a cluster, have failed."""

    def __init__(self, kind: str, address: str = "") -> None:
        self.kind, self.address = kind, address
        self.forget()

    def forget(self) -> None:
        self.down_since: float | None = None
        self.probe = threading.Lock()

    def failed(self, error: Exception) -> float:
        """Note a failure. Returns the time when the outage began (seconds, monotonic clock)."""
        since = self.down_since  # read once: another thread may end the outage
        if since is None:
            since = self.down_since = time.monotonic()
            log.warning("Redis fails: %s: %s", self.kind, error)
            metrics.REDIS_DOWN.note(self.kind)
        return since

    def succeeded(self) -> None:
        since = self.down_since  # read once, as above
        if since is not None:
            self.down_since = None
            if not any(each.down_since and each.kind == self.kind for each in _all()):
                metrics.REDIS_DOWN.note(self.kind, amount=0)
            metrics.REDIS_STALLS.note(self.kind, amount=time.monotonic() - since)
            log.warning("Redis is back: %s", self.kind)

    def is_past_deadline(self) -> bool:
        since = self.down_since
        return since is not None and time.monotonic() - since > deadline_seconds()


class Waiters:
    """Count the threads that wait for an outage to end, or for another request."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    @contextmanager
    def one_more(self) -> Iterator[None]:
        with self._lock:
            if self._count >= settings.SESSION_STORE_WAITERS:
                raise StoreUnavailableError("enough requests wait for the session store")
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1


reads, writes, cache = Clock("session reads"), Clock("session writes"), Clock("cache")
waiters = Waiters()
_of_primaries: dict[tuple[str, str], Clock] = {}


def of(name: str, kind: Clock) -> Clock:
    """Return the clock of calls of this kind, `reads` or `writes`, about this key."""
    if any(clock.down_since for clock in of_sessions()):
        forget_former_primaries()
    address = nodes.of_sessions().address_of(name)
    if not address:
        return kind
    clock = _of_primaries.get((kind.kind, address))
    return clock or _of_primaries.setdefault((kind.kind, address), Clock(kind.kind, address))


def of_sessions() -> list[Clock]:
    return [reads, writes, *list(_of_primaries.values())]


def forget_former_primaries() -> None:
    """End the outages of servers that lead no more: no call goes to them, so none would show that they are over."""
    servers = nodes.of_sessions()
    for clock in of_sessions():
        if not servers.leads(clock.address):
            _of_primaries.pop((clock.kind, clock.address), None)
            clock.succeeded()


def deadline_seconds() -> float:
    return float(settings.SESSION_STORE_DEADLINE_SECONDS)


def forget() -> None:
    """Forget all outages. Call after a fork: threads that hold the locks stay with the parent."""
    for each in (reads, writes, cache, waiters):
        each.forget()
    _of_primaries.clear()


def _all() -> list[Clock]:
    return [*of_sessions(), cache]


os.register_at_fork(after_in_child=forget)
