"""Hold the open streams of this process, and write to them what the bell says.

All methods run in the event loop, in one thread; `watching` calls them from the bell's thread. A
stream costs one task, which waits for the client to leave. One timer sends the heartbeats of all
streams, so the process sleeps in between. A stream holds no thread and no connection to the database
or to Redis.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from uuid import UUID

from django.conf import settings

from accounts import metrics
from accounts.live.streams import Send, Stream, message
from accounts.live.visitors import End, Visitor

HEARTBEAT_SECONDS = 25.0
"""Seconds between two comments on an idle stream, so that no proxy closes it."""
SPREAD_SECONDS = 5.0
"""A client waits up to this time before it connects again, so that they don't all come at once."""
CHECK_SLACK_SECONDS = 0.5
BATCH = 50
"""Heartbeats that the loop sends before it does what else waits, such as an end."""


class TooManyStreamsError(Exception):
    """This user has as many streams as one may have (`EVENTS_PER_USER`)."""


class FullError(Exception):
    """This process has as many streams as it may have (`EVENTS_PER_PROCESS`), or it stops."""


class Hub:
    """The streams of one process, by sign-in and by user."""

    def __init__(self, *, recheck: Callable[[UUID], Visitor | End]) -> None:
        self._recheck = recheck
        self._timer: asyncio.TimerHandle | None = None
        self.forget()

    def forget(self) -> None:
        """Start without streams."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._next_beat = 0.0
        self._by_sid: dict[UUID, set[Stream]] = {}
        self._by_user: dict[UUID, set[Stream]] = {}
        self._checks: set[asyncio.Task[None]] = set()
        self._reserved = 0
        self._number = int(time.time())
        self.is_stopping = False

    def __len__(self) -> int:
        return sum(map(len, self._by_sid.values()))

    @property
    def is_empty(self) -> bool:
        """Return True if nobody has a stream. Safe in every thread."""
        return not self._by_sid

    def sids(self) -> list[UUID]:
        """Return the sign-ins that have streams. Safe in every thread."""
        return list(self._by_sid.copy())

    def users(self) -> set[UUID]:
        """Return the users who have streams. Safe in every thread."""
        return set(self._by_user.copy())

    # Opening and leaving

    def reserve(self) -> None:
        """Take a place for a stream. Call `release` when the stream is over. Raises `FullError`.

        Call before asking the database: more visitors than places must not ask.
        """
        if self.is_stopping or self._reserved >= settings.EVENTS_PER_PROCESS:
            raise FullError
        self._reserved += 1
        metrics.STREAMS.note()

    def release(self) -> None:
        self._reserved -= 1
        metrics.STREAMS.note(amount=-1)

    def add(self, visitor: Visitor, send: Send) -> Stream:
        """Open a stream. Raises `TooManyStreamsError`."""
        mine = self._by_user.get(visitor.user_id, set())
        if len(mine) >= settings.EVENTS_PER_USER:
            raise TooManyStreamsError
        stream = Stream(visitor, send)
        self._by_user.setdefault(visitor.user_id, set()).add(stream)
        self._by_sid.setdefault(visitor.sid, set()).add(stream)
        stream.check_at = _now() + visitor.seconds_left + CHECK_SLACK_SECONDS
        if self._timer is None:
            self._wait()
        self._plan(stream)
        return stream

    def remove(self, stream: Stream) -> None:
        stream.forget()
        for table, key in ((self._by_user, stream.user_id), (self._by_sid, stream.sid)):
            streams = table.get(key, set())
            streams.discard(stream)
            if not streams:
                table.pop(key, None)

    def first(self, stream: Stream, *, resync: bool) -> None:
        """Put first: the time to wait before connecting again, and `resync` after a gap."""
        wait_ms = int(random.uniform(0.2, SPREAD_SECONDS) * 1000)  # noqa: S311 - no secret
        stream.push(f"retry: {wait_ms}\n".encode() + message("ready", number=self._next()))
        if resync:
            stream.push(message("resync"))

    # Events

    def ended(self, ends: Iterable[End]) -> None:
        """Tell the sign-ins that have ended, and end their streams. Tell their users' other streams."""
        for end in ends:
            own = self._by_sid.get(end.sid, set()).copy()
            user_id = next((stream.user_id for stream in own), end.user_id)
            others = self._by_user.get(user_id, set()) - own if user_id else set()
            for stream in own:
                stream.push(self._ended(end.sid, end.reason, current=True))
                stream.end()
            for stream in others:
                stream.push(self._ended(end.sid, end.reason, current=False))

    def opened(self, sid: UUID, user_id: UUID) -> None:
        """Tell this user's streams that the user has signed in."""
        for stream in self._by_user.get(user_id, set()):
            stream.push(message("session.opened", number=self._next(), sid=str(sid)))

    def active(self, user_ids: Iterable[UUID]) -> None:
        """Tell the streams of these users that something else happened to their accounts."""
        for user_id in user_ids:
            for stream in self._by_user.get(user_id, set()):
                stream.push(message("activity", number=self._next()))

    def resync(self) -> None:
        """Tell all streams that events may have been lost."""
        for stream in self._all():
            stream.push(message("resync", number=self._next()))

    def check_users(self, user_ids: Iterable[UUID]) -> None:
        """Check the sign-ins of these users: their rights or their state may have changed."""
        for user_id in user_ids:
            for stream in self._by_user.get(user_id, set()):
                self._begin_check(stream)

    def close_all(self) -> None:
        """End all streams. Their clients connect again, spread over `SPREAD_SECONDS`."""
        for stream in self._all():
            stream.end()

    def stop(self) -> None:
        """End all streams and take no new ones."""
        self.is_stopping = True
        self.close_all()

    # Timers

    def _wait(self) -> None:
        self._next_beat = _now() + HEARTBEAT_SECONDS
        self._timer = asyncio.get_running_loop().call_later(HEARTBEAT_SECONDS, self._beat)

    def _beat(self) -> None:
        """Send a heartbeat to all streams."""
        self._timer = None
        if streams := self._all():
            self._wait()
            self._pulse(iter(streams))

    def _pulse(self, streams: Iterator[Stream]) -> None:
        batch = list(islice(streams, BATCH))
        for stream in batch:
            stream.push(b":\n\n")
            self._plan(stream)
        if batch:
            asyncio.get_running_loop().call_soon(self._pulse, streams)

    def _plan(self, stream: Stream) -> None:
        """Set a timer for the check of this stream, if it is due before the next heartbeat."""
        if stream.timer is not None:
            stream.timer.cancel()
            stream.timer = None
        if stream.check_at < self._next_beat and not stream.is_over:
            seconds = max(0.0, stream.check_at - _now())
            stream.timer = asyncio.get_running_loop().call_later(seconds, self._due, stream)

    def _due(self, stream: Stream) -> None:
        stream.timer = None
        stream.check_at = _now() + HEARTBEAT_SECONDS  # until the check has an answer
        self._begin_check(stream)

    def _begin_check(self, stream: Stream) -> None:
        task = asyncio.get_running_loop().create_task(self._check(stream))
        self._checks.add(task)  # asyncio itself keeps no reference to a task
        task.add_done_callback(self._checks.discard)

    async def _check(self, stream: Stream) -> None:
        try:
            found = await asyncio.to_thread(self._recheck, stream.sid)
        except Exception:  # noqa: BLE001 - nobody knows whether the sign-in goes on
            stream.end()  # the client connects again, and reads the error
            return
        if isinstance(found, End):
            stream.push(self._ended(stream.sid, found.reason, current=True))
            stream.end()
        else:
            stream.check_at = _now() + found.seconds_left + CHECK_SLACK_SECONDS
            self._plan(stream)

    def _ended(self, sid: UUID, reason: str, *, current: bool) -> bytes:
        return message(
            "session.ended", number=self._next(), sid=str(sid), reason=reason, current=current
        )

    def _all(self) -> list[Stream]:
        return [stream for streams in self._by_sid.values() for stream in streams]

    def _next(self) -> int:
        self._number += 1
        return self._number


def _now() -> float:
    return time.monotonic()
