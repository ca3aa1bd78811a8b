"""Keep the set of revoked sign-ins in each process, and tell all others of a new one.

An access token is good by its signature alone, so ending a sign-in must reach every process that
could accept one. The database is the truth, Redis pub/sub is the doorbell:

- `Feed.poll` reads what was ended lately, at least every `POLL_SECONDS`.
- The bell names a sign-in the moment its end is committed, database or no database.
- Asking costs a dictionary look-up: no SQL, no Redis.
- If neither has been heard for `REVOCATION_MAX_STALE`, asking raises an error: stale knowledge lets
  nobody in.

A sign-in stays in the set for as long as an access token of it could live.
"""

import json
import logging
import os
import threading
import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections, connection
from django_redis import get_redis_connection
from redis.client import PubSub
from redis.exceptions import RedisError

from accounts.errors import RevocationsStaleError
from accounts.signins.models import AuthSession
from accounts.signins.remembered_users import remembered
from accounts.store.outage import STORE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_SECONDS = 5.0
LOOK_BACK = timedelta(seconds=30)
"""A transaction that commits late is not missed: each poll reads this far behind the last."""
SLACK_SECONDS = 60.0
"""Clocks differ: the set keeps a sign-in a little longer than its tokens live."""
NOW_SQL = {
    "postgresql": "SELECT STATEMENT_TIMESTAMP()",
    "sqlite": "SELECT STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')",
}
CHANNEL: str = settings.REVOCATION_CHANNEL
BELL_PING_SECONDS = 2.0

log = logging.getLogger(__name__)


class Feed:
    """One process's knowledge of ended sign-ins.

    With `background` a daemon thread keeps it fresh, started by the first question (never at
    import: a server may fork between). Without, each question polls: for commands and tests.
    """

    def __init__(self, *, background: bool = True) -> None:
        self.background = background
        self.on_tick: list[Callable[[], object]] = []
        self.forget()

    def forget(self) -> None:
        """Start empty and without a thread, as after a fork: the parent keeps the thread."""
        # Plain integers, and one clock reading a poll: a hundred thousand cost 12 MB (`make bench`).
        self._revoked: dict[int, float] = {}
        self._heard_at: float | None = None
        self._polled_to: datetime | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._first_poll = threading.Event()
        self._caught_up = False

    def is_revoked(self, sid: UUID) -> bool:
        """Raises `RevocationsStaleError` when that can't be known."""
        if not self.background:
            self.poll()
        elif self._thread is None or not self._thread.is_alive():
            self._start()
        if self._heard_at is None:
            self._first_poll.wait(POLL_SECONDS)
        heard_at = self._heard_at
        if heard_at is None or time.monotonic() - heard_at > settings.REVOCATION_MAX_STALE:
            raise RevocationsStaleError
        return sid.int in self._revoked

    def add(self, sid: UUID) -> None:
        """Add a sign-in that has ended. Call it only after the commit."""
        self._revoked[sid.int] = time.monotonic() + _keep_seconds()

    def poll(self) -> None:
        """Read what was ended since the last time, by the database's own clock."""
        now = _database_now()
        since = self._polled_to or now - timedelta(seconds=_keep_seconds())
        rows = AuthSession.objects.filter(revoked_at__gte=since - LOOK_BACK)
        until = time.monotonic() + _keep_seconds()
        for sid in rows.values_list("pk", flat=True).iterator():
            self._revoked.setdefault(sid.int, until)
        self._polled_to = now
        self._heard_at = time.monotonic()
        self._drop_expired()

    def size(self) -> int:
        return len(self._revoked)

    def _drop_expired(self) -> None:
        now = time.monotonic()
        # dict.copy: the bell may add meanwhile.
        for sid in [sid for sid, until in self._revoked.copy().items() if until < now]:
            self._revoked.pop(sid, None)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="revocations", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        bell: PubSub | None = None
        next_poll = 0.0
        while True:
            if bell is None:
                bell = _listen()
                # Whatever rang while nobody listened: the bell vouches again after a poll.
                self._caught_up = False
                next_poll = 0.0
            if time.monotonic() >= next_poll:
                self._tick()
                next_poll = time.monotonic() + POLL_SECONDS
            bell = self._hear(bell)

    def _tick(self) -> None:
        try:
            close_old_connections()
            self.poll()
            self._caught_up = True
        except Exception:
            log.warning("revocations could not be read from the database", exc_info=True)
        finally:
            self._first_poll.set()
        for callback in self.on_tick:
            try:
                callback()
            except Exception:
                log.exception("a chore of the revocation feed failed")
        connection.close()

    def _hear(self, bell: PubSub | None) -> PubSub | None:
        """Listen for up to `BELL_PING_SECONDS`. Returns None if the connection is broken."""
        if bell is None:
            time.sleep(BELL_PING_SECONDS)
            return None
        try:
            # A ping each round: a connection that died in silence is found out.
            bell.ping()
            deadline = time.monotonic() + BELL_PING_SECONDS
            while (left := deadline - time.monotonic()) > 0:
                message = bell.get_message(timeout=left)
                if message is not None:
                    self._note(message)
        except (RedisError, OSError):
            bell.close()
            return None
        return bell

    def _note(self, message: dict[str, Any]) -> None:
        if message["type"] == "pong" and self._caught_up:
            self._heard_at = time.monotonic()
        elif message["type"] == "message":
            try:
                told = json.loads(message["data"])
                for sid in told["sids"]:
                    self.add(UUID(sid))
                for user_id in told.get("users", ()):  # not told by former versions
                    remembered.forget(UUID(user_id))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                log.warning("the revocation bell rang without a name")


feed = Feed()
"""This process's."""

# A forked worker has the parent's memory but not its thread.
os.register_at_fork(after_in_child=feed.forget)


def is_revoked(sid: UUID) -> bool:
    """Has this sign-in been ended? Raises `RevocationsStaleError` when that can't be known."""
    return feed.is_revoked(sid)


def ring(*sids: UUID, users: Collection[UUID] = ()) -> None:
    """Tell every process, this one first, which sign-ins have ended and which users have changed.

    If Redis is down, other processes learn of ended sign-ins at their next database poll, and of
    changed users when their memory of them expires.
    """
    for sid in sids:
        feed.add(sid)
    for user_id in users:
        remembered.forget(user_id)
    message = {"sids": [str(sid) for sid in sids], "users": [str(each) for each in users]}
    try:
        get_redis_connection("default").publish(CHANNEL, json.dumps(message))
    except STORE_ERRORS:
        log.warning(
            "the revocation bell is out of order; other servers learn within %s s", POLL_SECONDS
        )


def _listen() -> PubSub | None:
    try:
        bell = cast("PubSub", get_redis_connection("default").pubsub())  # type: ignore[no-untyped-call]
        bell.subscribe(CHANNEL)
    except (*STORE_ERRORS, OSError):
        return None
    return bell


def _keep_seconds() -> float:
    return float(settings.ACCESS_TOKEN_LIFETIME.total_seconds()) + SLACK_SECONDS


def _database_now() -> datetime:
    """Return the database's time, which is the clock behind `revoked_at` for all servers."""
    with connection.cursor() as cursor:
        cursor.execute(NOW_SQL[connection.vendor])
        (now,) = cursor.fetchone()
    if isinstance(now, str):  # SQLite has no type for it
        return datetime.fromisoformat(now).replace(tzinfo=UTC)
    return cast("datetime", now)
