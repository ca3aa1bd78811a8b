"""Write one stream: an answer that stays open (server-sent events, WHATWG HTML, chapter 9.2).

Each event is a name and JSON:

| Event | Data | Meaning |
| --- | --- | --- |
| `ready` | none | The first event. A proxy that holds answers back doesn't pass it on. |
| `session.ended` | `sid`, `reason`, `current` | A sign-in of this user has ended. `current`: this one. Then the stream ends. |
| `session.opened` | `sid` | This user has signed in somewhere. |
| `activity` | none | Something else happened that the activity page lists. |
| `resync` | none | Events may have been lost. Read again what the page shows. |
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from accounts.live.visitors import Visitor

MAX_WAITING = 32
"""Events that wait for a slow reader. With more, its stream ends and it connects again."""

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Stream:
    """One open answer. `send` is the server's: it takes messages of ASGI."""

    __slots__ = (
        *("_is_open", "_send", "_sending", "_waiting"),
        *("check_at", "is_over", "sid", "timer", "user_id"),
    )

    def __init__(self, visitor: Visitor, send: Send) -> None:
        self.sid, self.user_id = visitor.sid, visitor.user_id
        self.timer: asyncio.TimerHandle | None = None
        self.check_at = 0.0
        self._send = send
        self._waiting: list[bytes] = []
        self._sending: asyncio.Task[None] | None = None
        self._is_open = False
        self.is_over = False

    def open(self) -> None:
        """Write the events that wait. Call after the head of the answer was sent."""
        self._is_open = True
        self._write()

    def push(self, chunk: bytes) -> None:
        """Write this as soon as the reader takes it. For a reader that is too slow, end the stream."""
        if self.is_over:
            return
        if len(self._waiting) >= MAX_WAITING:
            self._waiting = [message("resync")]
            self.is_over = True
        else:
            self._waiting.append(chunk)
        self._write()

    def end(self) -> None:
        """End the answer after the events that wait."""
        self.is_over = True
        self._write()

    def forget(self) -> None:
        """Drop the events: the client has left."""
        self.is_over = True
        if self.timer is not None:
            self.timer.cancel()
        if self._sending is not None:
            self._sending.cancel()

    def _write(self) -> None:
        if self._is_open and self._sending is None:
            # One task at a time: it writes until nothing waits, then ends.
            self._sending = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        with suppress(OSError):  # the client has left; the task of its request learns of it, too
            while self._waiting:
                chunk = b"".join(self._waiting)
                self._waiting.clear()
                await self._send(_body(chunk, more=True))
            if self.is_over:
                await self._send(_body(b"", more=False))
        self._sending = None


def message(event: str, *, number: int | None = None, **data: Any) -> bytes:
    """Return the bytes of one event. JSON has no line breaks, so no value can begin another line."""
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {event}\ndata: {json.dumps(data)}\n\n".encode()


def _body(chunk: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": chunk, "more_body": more}
