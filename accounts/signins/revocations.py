"""Keep the set of revoked sign-ins in each process.

An access token is valid by its signature alone. So each process that accepts tokens must learn when
a sign-in ends. The database is the truth; the bell (`accounts.bell`) only makes it faster:

- `Feed.poll` reads the sign-ins that ended lately, at least every `bell.POLL_SECONDS`.
- The bell names a sign-in at the moment its end is committed, even if the database is down.
- `is_revoked` looks into a dictionary: no SQL, no Redis.
- If neither a poll nor the bell has succeeded for `REVOCATION_MAX_STALE`, `is_revoked` raises an
  error, because an old set could let a signed-out client in.

A sign-in stays in the set for as long as an access token of it could live.
"""

import logging
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts import metrics
from accounts.bell import Bell, Topic, bell
from accounts.errors import RevocationsStaleError
from accounts.signins.models import AuthSession

FIRST_POLL_SECONDS = 5.0
"""Seconds that the first calls of `is_revoked` wait for the first poll."""
LOOK_BACK = timedelta(seconds=30)
"""A process may note `revoked_at` a moment before its transaction begins, or by another clock."""
SLACK_SECONDS = 60.0
"""Clocks differ: the set keeps a sign-in a little longer than its tokens live."""
HORIZON_SQL = {
    # Rows of transactions that are still open can't be seen yet. `xact_start` is NULL for other
    # roles' transactions, so all processes must use one role.
    "postgresql": "SELECT LEAST(STATEMENT_TIMESTAMP(), MIN(xact_start)) FROM pg_stat_activity "
    "WHERE datname = CURRENT_DATABASE() AND backend_xid IS NOT NULL",
    # SQLite has one writer at a time, and others give up after 20 s.
    "sqlite": "SELECT STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW', '-10 minutes')",
}
"""Each selects the moment up to which everything that was ended is committed, by the database's
clock, which is the clock behind `revoked_at` for all servers.
"""

log = logging.getLogger(__name__)


class Feed:
    """The revoked sign-ins that one process knows of.

    With `background`, the thread of `source` keeps them up to date; the first `is_revoked` starts
    it. Without, each `is_revoked` polls the database: for commands and tests.
    """

    def __init__(self, source: Bell, *, background: bool = True) -> None:
        self.background = background
        self._bell = source
        self.forget()
        source.subscribe(Topic.SESSIONS, self._note)
        source.on_connect(self._doubt)
        source.on_tick(self._tick)
        source.on_alive(self._confirm)

    def forget(self) -> None:
        """Start with an empty set. Call after a fork."""
        # Plain integers, and one clock reading a poll: a hundred thousand cost 12 MB (`make bench`).
        self._revoked: dict[int, float] = {}
        self._heard_at: float | None = None
        self._polled_to: datetime | None = None
        self._first_poll = threading.Event()
        self._caught_up = False

    def is_revoked(self, sid: UUID) -> bool:
        """Return True if this sign-in has ended. Raises `RevocationsStaleError` if unknown."""
        if self.background:
            self._bell.start()
        else:
            self.poll()
        if self._heard_at is None:
            self._first_poll.wait(FIRST_POLL_SECONDS)
        heard_at = self._heard_at
        if heard_at is None or time.monotonic() - heard_at > settings.REVOCATION_MAX_STALE:
            raise RevocationsStaleError
        return sid.int in self._revoked

    def add(self, sid: UUID) -> None:
        """Add a sign-in that has ended. Call it only after the commit."""
        self._revoked[sid.int] = time.monotonic() + keep_seconds()

    def poll(self) -> None:
        """Read the sign-ins that ended since the last poll, by the database's own clock."""
        horizon = committed_until()  # before the rows are read: one that commits in between is seen
        since = self._polled_to or horizon - timedelta(seconds=keep_seconds())
        rows = AuthSession.objects.filter(revoked_at__gte=since - LOOK_BACK).order_by()
        until = time.monotonic() + keep_seconds()
        for sid, ended_at in rows.values_list("pk", "revoked_at").iterator():
            # A message of the bell was lost, or comes later. The first poll finds older ends.
            if ended_at and self._polled_to is not None and sid.int not in self._revoked:
                age = max(0.0, (horizon - ended_at).total_seconds())
                metrics.REVOCATION_AGE.note("poll", amount=age)
            self._revoked.setdefault(sid.int, until)
        self._polled_to = horizon
        self._heard_at = time.monotonic()
        self._drop_expired()

    def size(self) -> int:
        return len(self._revoked)

    def _drop_expired(self) -> None:
        now = time.monotonic()
        # dict.copy: another thread may add meanwhile.
        for sid in [sid for sid, until in self._revoked.copy().items() if until < now]:
            self._revoked.pop(sid, None)

    def _note(self, sids: list[str]) -> None:
        for sid in sids:
            self.add(UUID(sid))

    def _tick(self) -> None:
        try:
            self.poll()
            self._caught_up = True
        except Exception:
            log.warning("revocations could not be read from the database", exc_info=True)
        finally:
            self._first_poll.set()

    def _doubt(self) -> None:
        """Don't trust the bell before the next poll: it may have missed messages."""
        self._caught_up = False

    def _confirm(self) -> None:
        """Count the set as up to date, if a poll succeeded since the bell last connected."""
        if self._caught_up:
            self._heard_at = time.monotonic()


feed = Feed(bell)
"""The feed of this process."""

os.register_at_fork(after_in_child=feed.forget)


def is_revoked(sid: UUID) -> bool:
    """Return True if this sign-in has ended. Raises `RevocationsStaleError` if unknown."""
    return feed.is_revoked(sid)


def keep_seconds() -> float:
    """Return how long after its end a sign-in matters: until its last access token has expired."""
    return float(settings.ACCESS_TOKEN_LIFETIME.total_seconds()) + SLACK_SECONDS


def committed_until() -> datetime:
    """Return the moment up to which all ends are committed, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(HORIZON_SQL[connection.vendor])
        (horizon,) = cursor.fetchone()
    if isinstance(horizon, str):  # SQLite has no type for it
        return datetime.fromisoformat(horizon).replace(tzinfo=UTC)
    return cast("datetime", horizon)
