"""Retry policy for Redis during a fail-over: a deadline per outage and a cap on waiting threads.

The session engine and `cache.SharedCache` use it.

A fail-over to a replica takes seconds, so a call that fails is retried. But waiting must not take
all threads of a process, because tokens and `/livez` work without Redis. Hence:

- The clock starts with the outage, not with the request. Once a kind of call has failed for
  `SESSION_STORE_DEADLINE_SECONDS`, requests are refused at once, and one thread at a time probes.
- At most `SESSION_STORE_WAITERS` threads of a process wait during an outage; others are refused.
- Reads and writes have separate clocks. Without any replica nobody can sign in, but signed-in users
  stay signed in.

A write counts when `REDIS_REPLICA_ACKS` replicas have it. Otherwise a fail-over could undo a sign-in
after the visitor has seen it succeed. Calls must be idempotent: they are retried when the first
answer is lost.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django_redis import get_redis_connection
from django_redis.exceptions import ConnectionInterrupted
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from accounts import metrics
from accounts.errors import StoreUnavailableError

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import Pipeline

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

STORE_ERRORS = (StoreUnavailableError, ConnectionInterrupted, RedisError)
"""Raised by every call to a Redis that cannot answer."""

log = logging.getLogger(__name__)


class NotAcknowledgedError(Exception):
    """Fewer replicas than `REDIS_REPLICA_ACKS` have confirmed the write."""


class Clock:
    """Remember since when calls of one kind, to one alias of `CACHES`, have failed."""

    def __init__(self, kind: str, alias: str) -> None:
        self.kind, self.alias = kind, alias
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


_reads = Clock("session reads", settings.SESSION_CACHE_ALIAS)
_writes = Clock("session writes", settings.SESSION_CACHE_ALIAS)
cache = Clock("cache", "default")
"""The clock of rate limits, locks and marks against replay."""
_waiters = Waiters()


def read(ask: "Callable[[Redis], T]") -> T:
    """Return the result of `ask`, which gets a client.

    Raises `StoreUnavailableError` after waiting.
    """
    return patiently(lambda: ask(client(_reads.alias)), _reads)


def write(build: "Callable[[Pipeline], object]") -> list[Any]:
    """Send the commands that `build` puts into a pipeline, and return the answers.

    Each retry calls `build` again. Raises `StoreUnavailableError` after waiting, also if too few
    replicas confirm the write.
    """
    return patiently(lambda: _acknowledged(client(_writes.alias), build), _writes)


def write_once(build: "Callable[[Pipeline], object]") -> list[Any]:
    """Do as `write` and return the answers, but try once, without waiting.

    For writes that are only an optimisation. Raises `StoreUnavailableError`.
    """
    try:
        return _acknowledged(client(_writes.alias), build)
    except Exception as error:
        _raise_unless_transient(error, _writes)
        raise StoreUnavailableError(str(error)) from error


def forget() -> None:
    """Forget all outages. Call after a fork: threads that hold the locks stay with the parent."""
    for each in (_reads, _writes, cache, _waiters):
        each.forget()


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


def _acknowledged(redis: "Redis", build: "Callable[[Pipeline], object]") -> list[Any]:
    """Send one pipeline on one connection, and return the answers.

    WAIT counts the writes of its own connection only. Raises `NotAcknowledgedError`.
    """
    wanted: int = settings.REDIS_REPLICA_ACKS
    pipe = redis.pipeline(transaction=False)
    build(pipe)
    if wanted:
        pipe.execute_command("WAIT", wanted, settings.REDIS_REPLICA_ACK_MS)  # type: ignore[no-untyped-call]
    answers = pipe.execute()
    if wanted and answers.pop() < wanted:
        raise NotAcknowledgedError("too few replicas have the write")
    return answers


def _raise_unless_transient(error: Exception, clock: Clock) -> None:
    """Raise `error` unless a retry may succeed."""
    if isinstance(error, ReadOnlyError):
        # The primary was demoted. A new connection to the same address finds the new primary.
        client(clock.alias).connection_pool.disconnect(inuse_connections=False)
    if isinstance(error, (RedisConnectionError, RedisTimeoutError, OSError, NotAcknowledgedError)):
        return
    if isinstance(error, ResponseError) and any(text in str(error) for text in TRANSIENT_ANSWERS):
        return
    raise error


_clients: "dict[str, tuple[Any, Redis]]" = {}


def client(alias: str) -> "Redis":
    """Return this process's client, which threads share. django-redis makes one for each context."""
    caches, known = _clients.get(alias, (None, None))
    if known is None or caches is not settings.CACHES:
        known = get_redis_connection(alias)
        _clients[alias] = (settings.CACHES, known)
    return known


def _deadline_seconds() -> float:
    return float(settings.SESSION_STORE_DEADLINE_SECONDS)
