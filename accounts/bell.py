"""Tell every process what has changed: sign-ins that ended or were opened, users, events of
accounts, signing keys.

A change is one message on one Redis channel (pub/sub): the topic and the ids, nothing personal. The
database is the truth, and a message can be lost. So a subscriber also reads the database in its
`on_tick`, and trusts the bell only while `on_alive` follows an `on_tick` that succeeded after the
last `on_connect`.

One daemon thread in each process listens and calls the subscribers. `start` starts it. Call `start`
before the first answer that depends on the bell, never at import and never in `AppConfig.ready`,
because a server may fork afterwards.
"""

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections, connection
from django_redis import get_redis_connection
from redis.client import PubSub
from redis.exceptions import RedisError

from accounts import metrics
from accounts.store import outage
from accounts.store.outage import STORE_ERRORS

CHANNEL: str = settings.REVOCATION_CHANNEL
POLL_SECONDS = 5.0
"""Most seconds between two calls of `on_tick`. The thread also calls it after connecting to Redis."""
PING_SECONDS = 2.0
"""Seconds between two checks of the connection to Redis, or two attempts to get a new one."""

Handler = Callable[[list[str]], object]
"""A function that takes the ids of one message. The bell may call it twice for one change."""

log = logging.getLogger(__name__)


class Topic(StrEnum):
    """The kind of change that a message announces."""

    SESSIONS = "sessions"
    """Sign-ins that have ended, by `sid`."""
    OPENED = "opened"
    """Sign-ins that were opened: each id is a `sid`, a space, and the id of the user."""
    USERS = "users"
    """Users that were changed or deleted, by id."""
    ACTIVITY = "activity"
    """Users to whom something happened that is in the audit log, by id."""
    KEYS = "keys"
    """Signing keys that were published, activated or retired, by `kid`."""


class Bell:
    """The subscribers of one process, and the thread that calls them.

    A subscriber that raises is logged; the others are still called.
    """

    def __init__(self) -> None:
        self._handlers: dict[Topic, list[Handler]] = {topic: [] for topic in Topic}
        self._on_connect: list[Callable[[], object]] = []
        self._on_tick: list[Callable[[], object]] = []
        self._on_alive: list[Callable[[], object]] = []
        self.forget()

    def forget(self) -> None:
        """Forget the thread but keep the subscribers. Call after a fork, which copies no thread."""
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def publish(self, topic: Topic, ids: Iterable[UUID | str]) -> None:
        """Tell the subscribers of `topic` in every process, this one first. Call after the commit.

        If Redis is down, log that. The other processes then learn of the change at their next `on_tick`.
        """
        names = [str(each) for each in ids]
        self._deliver(topic, names)
        message = json.dumps({"topic": topic, "ids": names, "at": time.time()})
        try:
            outage.client("default").publish(CHANNEL, message)
        except STORE_ERRORS:
            log.warning("the bell is out of order; other servers learn within %s s", POLL_SECONDS)

    def subscribe(self, topic: Topic, handler: Handler) -> None:
        """Call `handler` for each message of this topic, including those of this process."""
        self._handlers[topic].append(handler)

    def on_connect(self, handler: Callable[[], object]) -> None:
        """Register `handler`, to be called after each connection to Redis.

        Earlier messages may have been lost.
        """
        self._on_connect.append(handler)

    def on_tick(self, poll: Callable[[], object]) -> None:
        """Call `poll` at least every `POLL_SECONDS`, and after each `on_connect`.

        `poll` may use the database: the bell's thread closes its connection afterwards.
        """
        self._on_tick.append(poll)

    def on_alive(self, handler: Callable[[], object]) -> None:
        """Call `handler` when Redis has answered a ping: all messages until now have arrived."""
        self._on_alive.append(handler)

    def start(self) -> None:
        """Start the thread, unless it runs."""
        if self._is_running():
            return
        with self._lock:
            if not self._is_running():
                self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
                self._thread.start()

    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        pubsub: PubSub | None = None
        next_tick = 0.0
        while True:
            if pubsub is None:
                pubsub = _listen()
                if pubsub is not None:
                    _call_each(self._on_connect)
                next_tick = 0.0
            if time.monotonic() >= next_tick:
                close_old_connections()
                _call_each(self._on_tick)
                connection.close()
                next_tick = time.monotonic() + POLL_SECONDS
            pubsub = self._hear(pubsub)
            connection.close()  # a handler may have used it

    def _hear(self, pubsub: PubSub | None) -> PubSub | None:
        """Listen for up to `PING_SECONDS`. Returns `pubsub`, or None if it is disconnected."""
        if pubsub is None:
            time.sleep(PING_SECONDS)
            return None
        try:
            # A connection can die without an error; only a ping without an answer shows it.
            pubsub.ping()
            deadline = time.monotonic() + PING_SECONDS
            while (left := deadline - time.monotonic()) > 0:
                message = pubsub.get_message(timeout=left)
                if message is not None:
                    self._note(message)
        except (RedisError, OSError):
            pubsub.close()
            return None
        return pubsub

    def _note(self, message: dict[str, Any]) -> None:
        if message["type"] == "pong":
            _call_each(self._on_alive)
        elif message["type"] == "message":
            try:
                topic, ids, age = _parsed(message["data"])
            except (ValueError, LookupError, TypeError, RecursionError) as error:
                log.warning("the bell ignores an unknown message (%s)", type(error).__name__)
            else:
                if topic is Topic.SESSIONS and age is not None:
                    metrics.REVOCATION_AGE.note("bell", amount=age)
                self._deliver(topic, ids)

    def _deliver(self, topic: Topic, ids: list[str]) -> None:
        _call_each(self._handlers[topic], ids)


bell = Bell()
"""The bell of this process."""

# A forked worker has the parent's memory but not its thread.
os.register_at_fork(after_in_child=bell.forget)


def _call_each(functions: Iterable[Callable[..., object]], *arguments: object) -> None:
    for function in functions:
        try:
            function(*arguments)
        except Exception:
            log.exception(
                "a subscriber of the bell failed: %s", getattr(function, "__qualname__", function)
            )


def _parsed(data: bytes | str) -> tuple[Topic, list[str], float | None]:
    """Return a message's topic, its ids and its age in seconds, by the clocks of both machines.

    Raises `ValueError`, `LookupError`, `TypeError` or `RecursionError` if the message isn't JSON of
    that form, or names an unknown topic.
    """
    told = json.loads(data)
    ids = told["ids"]
    if type(ids) is not list or not all(type(each) is str for each in ids):
        raise TypeError("ids are not a list of strings")
    sent_at = told.get("at")  # None from an older release
    is_time = type(sent_at) in {int, float}
    return Topic(told["topic"]), ids, max(0.0, time.time() - sent_at) if is_time else None


def _listen() -> PubSub | None:
    """Return a subscription to the channel, or None if Redis doesn't confirm it."""
    pubsub: PubSub | None = None
    with suppress(*STORE_ERRORS, OSError):
        pubsub = cast("PubSub", get_redis_connection("default").pubsub())  # type: ignore[no-untyped-call]
        pubsub.subscribe(CHANNEL)
        # A message that is published before Redis confirms is lost. So `on_connect` comes after it.
        if pubsub.get_message(timeout=PING_SECONDS) is not None:
            return pubsub
    if pubsub is not None:
        pubsub.close()
    return None
