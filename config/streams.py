"""Answer the requests of the events' server: `/events`, `/livez`, `/readyz`, and 404 for everything else (ASGI).

Apart from `config.asgi`, so that a test may import it without a start of the server.
"""

import asyncio
import json
from http import HTTPStatus
from typing import Any

from django.db import connections

from api import events, problems, stream_probe
from config import health


async def application(scope: events.Scope, receive: events.Receive, send: events.Send) -> None:
    """Answer the requests of this server."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] != "http":
        raise ValueError(f"{scope['type']} is not served")
    elif scope["path"] == events.PATH and scope["query_string"] == stream_probe.QUERY:
        await stream_probe.answer(scope, send)
    elif scope["path"] == events.PATH:
        await events.answer(scope, receive, send)
    elif scope["path"] == "/livez":
        await _say(send, HTTPStatus.OK, {"status": "ok"})
    elif scope["path"] == "/readyz":
        await _readyz(send)
    else:
        await events.refuse(send, problems.NOT_FOUND)


async def _readyz(send: events.Send) -> None:
    """Answer 200 if the process takes streams, and database and Redis answer; otherwise 503."""
    is_ready, body = await asyncio.to_thread(_examine)
    if events.hub.is_stopping:
        is_ready, body = False, body | {"status": "stopping"}
    await _say(send, HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE, body)


def _examine() -> tuple[bool, dict[str, Any]]:
    try:
        return health.examine()
    finally:
        connections.close_all()


async def _say(send: events.Send, status: HTTPStatus, body: dict[str, Any]) -> None:
    text = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(text))}
    await send(events.start(status, headers))
    await send({"type": "http.response.body", "body": text})


async def _live(receive: events.Receive, send: events.Send) -> None:
    """Begin with the server and stop with it (the lifespan protocol of ASGI)."""
    while (message := await receive())["type"] != "lifespan.shutdown":
        if message["type"] == "lifespan.startup":
            events.begin()
            await send({"type": "lifespan.startup.complete"})
    events.hub.stop()
    await send({"type": "lifespan.shutdown.complete"})
