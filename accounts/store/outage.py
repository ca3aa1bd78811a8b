"""Retry policy for Redis during a fail-over: a deadline per outage and a cap on waiting threads.

The session engine and `cache.SharedCache` use it.

A fail-over to a replica takes seconds, so a call that fails is retried. But waiting must not take
all threads of a process, because tokens and `/livez` work without Redis. Hence:

- The clock starts with the outage, not with the request. Once a kind of call has failed for
  `SESSION_STORE_DEADLINE_SECONDS`, requests are refused at once, and one thread at a time probes.
- At most `SESSION_STORE_WAITERS` threads of a process wait during an outage; others are refused.
- Reads and writes have separate `clocks`. Without any replica nobody can sign in, but signed-in users
  stay signed in. Each primary of a cluster has its own two: the others go on.

A write counts when `REDIS_REPLICA_ACKS` replicas have it. Otherwise a fail-over could undo a sign-in
after the visitor has seen it succeed. Calls must be idempotent: they are retried when the first
answer is lost.
"""

import time
from collections.abc import Callable, Sequence
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

from accounts.errors import StoreUnavailableError
from accounts.store import clocks, nodes, wire
from accounts.store.clocks import Clock

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
    "WAIT cannot be used",
)
"""Parts of the errors that Redis answers while it changes roles or restarts.

Not their beginnings: a pipeline puts its own words before them.
"""

TRANSIENT = (
    *(RedisConnectionError, RedisTimeoutError, OSError),
    *(wire.NotAcknowledgedError, AskError, TryAgainError, ClusterDownError),
)
cache = clocks.cache
"""For `patiently` and `at_once`: the clock of rate limits, locks and marks against replay."""
STORE_ERRORS = (StoreUnavailableError, ConnectionInterrupted, RedisError)
"""Raised by every call to a Redis that cannot answer."""


def read(name: str, ask: Callable[[wire.Send], T]) -> T:
    """Return the result of `ask`, which gets a function that sends commands about this key.

    Raises `StoreUnavailableError` after waiting.
    """
    send = partial(nodes.of_sessions().send, name)
    return _patiently(lambda: ask(send), partial(clocks.of, name, clocks.reads))


def write(name: str, build: Callable[[], Sequence[wire.Command]]) -> list[Any]:
    """Send the commands about this key that `build` returns, and return the answers.

    Each retry calls `build` again. Raises `StoreUnavailableError` after waiting, also if too few
    replicas confirm the write.
    """
    return _patiently(lambda: _acknowledged(name, build()), partial(clocks.of, name, clocks.writes))


def write_once(name: str, commands: Sequence[wire.Command]) -> list[Any]:
    """Do as `write` and return the answers, but try once, without waiting.

    For writes that are only an optimisation. Raises `StoreUnavailableError`.
    """
    try:
        return _acknowledged(name, commands)
    except Exception as error:
        _raise_unless_transient(error, clocks.of(name, clocks.writes))
        raise StoreUnavailableError(str(error)) from error


def patiently(ask: Callable[[], T], clock: Clock) -> T:
    """Call `ask` until it returns, and return its result.

    Raises `StoreUnavailableError` after the deadline, or at once if enough threads wait already.
    """
    return _patiently(ask, lambda: clock)


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


def _patiently(ask: Callable[[], T], find: Callable[[], Clock]) -> T:
    """Do as `patiently`. `find` returns the clock of the server that leads now, which a failure may change."""
    clock = find()
    if clock.is_past_deadline():
        return _probe(ask, clock)
    if clock.down_since is None:
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - sorted by the next line
            _raise_unless_transient(error, clock)
            find().failed(error)
    with clocks.waiters.one_more():
        return _wait(ask, find)


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


def _wait(ask: Callable[[], T], find: Callable[[], Clock]) -> T:
    began = time.monotonic()
    pause = FIRST_PAUSE_SECONDS
    while True:
        clock = find()
        try:
            answer = ask()
        except Exception as error:
            _raise_unless_transient(error, clock)
            # `min`: other threads may see the outage end and begin again, which restarts its clock.
            ends = min(find().failed(error), began) + clocks.deadline_seconds()
            if time.monotonic() + pause > ends:
                raise StoreUnavailableError(str(error)) from error
        else:
            clock.succeeded()
            return answer
        time.sleep(pause)
        pause = min(pause * 1.6, LONGEST_PAUSE_SECONDS)


def _acknowledged(name: str, commands: Sequence[wire.Command]) -> list[Any]:
    return nodes.of_sessions().send(name, commands, acks=settings.REDIS_REPLICA_ACKS)


def _raise_unless_transient(error: Exception, clock: Clock) -> None:
    """Raise `error` unless a retry may succeed."""
    if clock is clocks.cache:
        if isinstance(error, ReadOnlyError):
            pool = client("default").connection_pool
            pool.disconnect(inuse_connections=False)
    elif isinstance(error, TRANSIENT) or _is_transient_answer(error):
        nodes.of_sessions().failed(error, clock.address)
        clocks.forget_former_primaries()
    if not isinstance(error, TRANSIENT) and not _is_transient_answer(error):
        raise error


def _is_transient_answer(error: Exception) -> bool:
    return isinstance(error, ResponseError) and any(t in str(error) for t in TRANSIENT_ANSWERS)


_clients: dict[str, tuple[Any, Redis]] = {}


def client(alias: str) -> Redis:
    """Return this process's client, which threads share. django-redis makes one for each context."""
    caches, known = _clients.get(alias, (None, None))
    if known is None or caches is not settings.CACHES:
        known = get_redis_connection(alias)
        _clients[alias] = (settings.CACHES, known)
    return known
