"""Answer `/events?probe`: a short stream without a credential, by which `manage.py doctor` sees a proxy's buffers.

It sends `ready` at once, and `end` after `SECONDS`. A proxy that holds answers back delivers both together.
"""

import asyncio
from dataclasses import replace
from http import HTTPStatus

from accounts.live.streams import message
from api import events, problems

QUERY = b"probe"
SECONDS = 1.0
AT_ONCE = 4
"""Probes that one process answers at the same time: anybody may ask."""
BUSY = replace(problems.TOO_MANY_REQUESTS, retry_seconds=5)

_running = 0


async def answer(scope: events.Scope, send: events.Send) -> None:
    """Answer a request for `/events?probe`, which must pass the same checks as a stream, but for the credential."""
    global _running  # noqa: PLW0603 - one number, in one event loop
    try:
        events.examine(scope, events.headers_of(scope))
    except events.Refused as refusal:
        await events.refuse(send, refusal.problem, refusal.headers)
        return
    if _running >= AT_ONCE:
        await events.refuse(send, BUSY)
        return
    _running += 1
    try:
        await send(events.start(HTTPStatus.OK, events.STREAM_HEADERS))
        await send(_body(message("ready"), more=True))
        await asyncio.sleep(SECONDS)
        await send(_body(message("end"), more=False))
    finally:
        _running -= 1


def _body(chunk: bytes, *, more: bool) -> dict[str, object]:
    return {"type": "http.response.body", "body": chunk, "more_body": more}
