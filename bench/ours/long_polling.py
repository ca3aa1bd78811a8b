"""Serve `/long` beside `/events`, to compare: `python -m bench.ours.long_polling --port PORT`.

A request with an access token waits until something happens to the sign-ins of its user, or for
`HOLD_SECONDS`. The answer has the events as JSON. It is the product's own process, with its hub, its
checks and its headers; only this address is not in the product.
"""

import asyncio
import json
import os
import sys
from contextlib import suppress
from functools import partial
from http import HTTPStatus

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 - needs the settings
from rest_framework_simplejwt.exceptions import InvalidToken  # noqa: E402

from accounts.live import visitors  # noqa: E402
from api import events, problems  # noqa: E402
from api.authentication import verified  # noqa: E402
from config import asgi  # noqa: E402

HOLD_SECONDS = 25
PATH = "/long"


def visitor_of(token: str) -> visitors.Visitor:
    try:
        visitor = visitors.check(verified(token).sid)
    except InvalidToken:
        visitor = None
    if visitor is None:
        raise events.Refused(problems.SESSION_ENDED)
    return visitor


async def answer(scope: events.Scope, receive: events.Receive, send: events.Send) -> None:
    headers = events.headers_of(scope)
    try:
        events.examine(scope, headers)
        token = headers.get("authorization", "").removeprefix("Bearer ")
        visitor = await events._in_thread(partial(visitor_of, token))  # noqa: SLF001 - as a stream does
        await _wait(visitor, receive, send)
    except events.Refused as refusal:
        await events.refuse(send, refusal.problem)


async def _wait(visitor: visitors.Visitor, receive: events.Receive, send: events.Send) -> None:
    """Take a place as a stream, and answer with what was written to it first."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def take(message: events.Scope) -> None:
        if message["body"] != b":\n\n":  # a heartbeat
            heard.put_nowait(message["body"])

    async def leave() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        heard.put_nowait(b"")

    events.hub.reserve()
    stream, leaving = events.hub.add(visitor, take), asyncio.create_task(leave())
    stream.open()
    found = b""
    try:
        if await events._in_thread(partial(visitors.has_ended, visitor)):  # noqa: SLF001
            raise events.Refused(problems.SESSION_ENDED)
        with suppress(TimeoutError):
            found = await asyncio.wait_for(heard.get(), HOLD_SECONDS)
    finally:
        leaving.cancel()
        events.hub.remove(stream)
        events.hub.release()
    body = json.dumps({"events": found.decode()}).encode()
    sizes = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    await send(events.start(HTTPStatus.OK, sizes))
    await send({"type": "http.response.body", "body": body})


async def application(
    scope: events.Scope, receive: events.Receive, send: events.Send, *, product=asgi.application
) -> None:
    if scope.get("path") == PATH:
        await answer(scope, receive, send)
    else:
        await product(scope, receive, send)


if __name__ == "__main__":
    asgi.application = application
    call_command("events", *sys.argv[1:])
