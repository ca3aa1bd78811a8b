"""Retry policy for Redis during a fail-over: a deadline per outage and a cap on waiting threads.

The session engine and `cache.SharedCache` use it.

A fail-over to a replica takes seconds, so a call that fails is retried. But waiting must not take
all threads of a process, because tokens and `/livez` work without Redis. Hence:

- The clock starts with the outage, not with the request. Once a kind of call has failed for
  `SESSION_STORE_DEADLINE_SECONDS`, requests are refused at once, and one thread at a time probes.
- At most `SESSION_STORE_WAITERS` threads of a process wait during an outage; others are refused.
- Reads and writes have separate clocks. Without any replica nobody can sign in, but signed-in users
  stay signed in. Each primary of a cluster has its own two: the others go on.

A write counts when `REDIS_REPLICA_ACKS` replicas have it. Otherwise a fail-over could undo a sign-in
after the visitor has seen it succeed. Calls must be idempotent: they are retried when the first
answer is lost.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from django.conf import settings
from django_redis import get_redis_connection
from django_redis.exceptions import ConnectionInterrupted
from redis import Redis
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from accounts import metrics
from accounts.errors import StoreUnavailableError
from accounts.store import nodes

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.4
TRANSIENT_ANSWERS = (
    "READONLY",
    "read only replica",
    "NOREPLICAS",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "UNBLOCKED",
)
"""Parts of the errors that Redis answers while it changes roles or restarts.

Not their beginnings: a pipeline puts its own words before them.
"""

TRANSIENT = (
    *(RedisConnectionError, RedisTimeoutError, OSError),
    *(nodes.NotAcknowledgedError, AskError, TryAgainError, ClusterDownError),
)
STORE_ERRORS = (StoreUnavailableError, ConnectionInterrupted, RedisError)
"""Raised by every call to a Redis that cannot answer."""

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
            if not any(
                each.down_since and each.kind == self.kind for each in list(_clocks.values())
            ):
                metrics.REDIS_DOWN.note(self.kind, amount=0)
            metrics.REDIS_STALLS.note(self.kind, amount=time.monotonic() - since)
            log.warning("Redis is back: %s", self.kind)

    def is_past_deadline(self) -> bool:
        since = self.down_since
        return since is not None and time.monotonic() - since > _deadline_seconds()


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


_reads, _writes, cache = Clock("session reads"), Clock("session writes"), Clock("cache")
"""`cache` is the clock of rate limits, locks and marks against replay."""
_waiters = Waiters()


def read(name: str, ask: Callable[[nodes.Send], T]) -> T:
    """Return the result of `ask`, which gets a function that sends commands about this key.

    Raises `StoreUnavailableError` after waiting.
    """
    servers = nodes.of_sessions()
    send = partial(servers.send, name)
    return patiently(lambda: ask(send), _clock_of(servers.address_of(name), _reads))


def write(name: str, build: Callable[[], Sequence[nodes.Command]]) -> list[Any]:
    """Send the commands about this key that `build` returns, and return the answers.

    Each retry calls `build` again. Raises `StoreUnavailableError` after waiting, also if too few
    replicas confirm the write.
    """
    return patiently(lambda: _acknowledged(name, build()), _clock_at(name, _writes))


def write_once(name: str, commands: Sequence[nodes.Command]) -> list[Any]:
    """Do as `write` and return the answers, but try once, without waiting.

    For writes that are only an optimisation. Raises `StoreUnavailableError`.
    """
    try:
        return _acknowledged(name, commands)
    except Exception as error:
        _raise_unless_transient(error, _clock_at(name, _writes))
        raise StoreUnavailableError(str(error)) from error


def forget() -> None:
    """Forget all outages. Call after a fork: threads that hold the locks stay with the parent."""
    for each in (_reads, _writes, cache, _waiters):
        each.forget()
    _clocks.clear()


os.register_at_fork(after_in_child=forget)


def patiently(ask: Callable[[], T], clock: Clock) -> T:
    """Call `ask` until it returns, and return its result.

    Raises `StoreUnavailableError` after the deadline, or at once if enough threads wait already.
    """
    if clock.is_past_deadline():
        return _probe(ask, clock)
    if clock.down_since is None:
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - sorted by the next line
            _raise_unless_transient(error, clock)
            clock.failed(error)
    with _waiters.one_more():
        return _wait(ask, clock)


def at_once(ask: Callable[[], T], clock: Clock) -> T:
    """Call `ask` once and return its result, for callers that can continue without it.

    During an outage only one thread at a time asks. Raises `StoreUnavailableError`.
    """
    if clock.down_since is not None:
        return _probe(ask, clock)
    try:
        return ask()
    except Exception as error:
        _raise_unless_transient(error, clock)
        clock.failed(error)
        raise StoreUnavailableError(str(error)) from error


def _probe(ask: Callable[[], T], clock: Clock) -> T:
    if not clock.probe.acquire(blocking=False):
        raise StoreUnavailableError("the session store doesn't answer")
    try:
        answer = ask()
    except Exception as error:
        _raise_unless_transient(error, clock)
        raise StoreUnavailableError(str(error)) from error
    else:
        clock.succeeded()
        return answer
    finally:
        clock.probe.release()


def _wait(ask: Callable[[], T], clock: Clock) -> T:
    began = time.monotonic()
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            answer = ask()
        except Exception as error:
            _raise_unless_transient(error, clock)
            # `min`: other threads may see the outage end and begin again, which restarts its clock.
            ends = min(clock.failed(error), began) + _deadline_seconds()
            if time.monotonic() + pause > ends:
                raise StoreUnavailableError(str(error)) from error
        else:
            clock.succeeded()
            return answer
        time.sleep(pause)
        pause = min(pause * 1.6, LONGEST_PAUSE_SECONDS)


def _acknowledged(name: str, commands: Sequence[nodes.Command]) -> list[Any]:
    return nodes.of_sessions().send(name, commands, acks=settings.REDIS_REPLICA_ACKS)


def _raise_unless_transient(error: Exception, clock: Clock) -> None:
    """Raise `error` unless a retry may succeed."""
    if clock is cache:
        if isinstance(error, ReadOnlyError):
            pool = client("default").connection_pool
            pool.disconnect(inuse_connections=False)
    elif isinstance(error, TRANSIENT) or _is_transient_answer(error):
        nodes.of_sessions().failed(error, clock.address)
        _forget_former_primaries()
    if not isinstance(error, TRANSIENT) and not _is_transient_answer(error):
        raise error


def _is_transient_answer(error: Exception) -> bool:
    return isinstance(error, ResponseError) and any(t in str(error) for t in TRANSIENT_ANSWERS)


_clocks: dict[tuple[str, str], Clock] = {}


def _clock_at(name: str, kind: Clock) -> Clock:
    return _clock_of(nodes.of_sessions().address_of(name), kind)


def _clock_of(address: str, kind: Clock) -> Clock:
    """Return the clock of this server: in a cluster, one may fail while others don't."""
    if not address:
        return kind
    clock = _clocks.get((kind.kind, address))
    return clock or _clocks.setdefault((kind.kind, address), Clock(kind.kind, address))


def _forget_former_primaries() -> None:
    for key, clock in list(_clocks.items()):
        if not nodes.of_sessions().leads(clock.address):
            _clocks.pop(key, None)
            clock.succeeded()


_clients: dict[str, tuple[Any, Redis]] = {}


def client(alias: str) -> Redis:
    """Return this process's client, which threads share. django-redis makes one for each context."""
    caches, known = _clients.get(alias, (None, None))
    if known is None or caches is not settings.CACHES:
        known = get_redis_connection(alias)
        _clients[alias] = (settings.CACHES, known)
    return known


def _deadline_seconds() -> float:
    return float(settings.SESSION_STORE_DEADLINE_SECONDS)
