"""Carry messages of the bell into the event loop of the streams.

The bell's thread calls these handlers. They read the database, once for each message, and hand the
result to the loop.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from uuid import UUID

from django.db import DatabaseError, connections

from accounts.bell import Bell, Topic
from accounts.errors import RevocationsStaleError
from accounts.live import visitors
from accounts.live.hub import Hub
from accounts.live.visitors import End, Visitor
from accounts.signins import revocations

log = logging.getLogger(__name__)


class Watch:
    """Tell a hub about ends and openings of sign-ins, and about events of accounts. `begin` sets the loop in which the hub lives."""

    def __init__(self, hub: Hub, source: Bell) -> None:
        self._hub = hub
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lost = False
        # `revocations` has subscribed before, when it was imported: its set already has each end.
        source.subscribe(Topic.SESSIONS, self._on_ends)
        source.subscribe(Topic.OPENED, self._on_openings)
        source.subscribe(Topic.USERS, self._on_users)
        source.subscribe(Topic.ACTIVITY, self._on_activity)
        source.on_connect(self._on_connect)
        source.on_tick(self._on_tick)

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def over(self) -> None:
        self._loop = None

    def _on_ends(self, sids: list[str]) -> None:
        if not self._hub.is_empty:
            self._tell([UUID(sid) for sid in sids])

    def _on_openings(self, pairs: list[str]) -> None:
        known = self._hub.users()
        for pair in pairs:
            sid, _, user_id = pair.partition(" ")
            if UUID(user_id) in known:
                self._call(self._hub.opened, UUID(sid), UUID(user_id))

    def _on_users(self, ids: list[str]) -> None:
        if mine := {UUID(each) for each in ids} & self._hub.users():
            self._call(self._hub.check_users, mine)

    def _on_activity(self, ids: list[str]) -> None:
        if mine := {UUID(each) for each in ids} & self._hub.users():
            self._call(self._hub.active, mine)

    def _on_connect(self) -> None:
        self._lost = True

    def _on_tick(self) -> None:
        """Find ends whose message was lost. After a lost connection, tell all streams to look again."""
        try:
            gone = [sid for sid in self._hub.sids() if revocations.is_revoked(sid)]
        except RevocationsStaleError:
            # Nobody can tell who is signed in: pages answer 503 now, and so do new streams.
            self._call(self._hub.close_all)
            return
        if gone:
            self._tell(gone)
        if self._lost:
            self._lost = False
            self._call(self._hub.resync)

    def _tell(self, sids: list[UUID]) -> None:
        try:
            ends = visitors.ends(sids)
        except DatabaseError:
            log.warning("the reasons of ended sign-ins can't be read")
            ends = [End(sid, None, "") for sid in sids]
        self._call(self._hub.ended, ends)

    def _call(self, method: Callable[..., object], *arguments: object) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(method, *arguments)


def recheck(sid: UUID) -> Visitor | End:
    """Return `visitors.recheck`, for a thread that keeps no connection."""
    try:
        return visitors.recheck(sid)
    finally:
        connections.close_all()
