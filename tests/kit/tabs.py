"""Open streams of `/events` in this process, without a server: as an ASGI server calls them."""

import asyncio
import json
from urllib.parse import urlencode

from django.conf import settings
from django.db import connections

from config.streams import application

PATIENCE = 10.0


class Tab:
    """One request. `events` are those that have arrived after `ready`, as pairs of name and data."""

    def __init__(
        self, *, cookie="", ticket=None, query="", method="GET", path="/events", **headers
    ):
        named = {"host": "testserver"} | {name.replace("_", "-"): v for name, v in headers.items()}
        if cookie:
            named["cookie"] = f"other=1; {settings.SESSION_COOKIE_NAME}={cookie}"
        query = query or urlencode({} if ticket is None else {"ticket": ticket})
        self.scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }
        self.status, self.headers, self.body = 0, {}, b""
        self.is_over = False
        self.may_write = asyncio.Event()
        self.may_write.set()
        self._left = asyncio.Event()
        self._task = None

    async def __aenter__(self):
        self._task = asyncio.create_task(application(self.scope, self._receive, self._send))
        await self.until(lambda: self.is_over or (self.status and self.body))
        return self

    async def __aexit__(self, *_):
        self._left.set()
        self.may_write.set()
        await asyncio.wait_for(self._task, PATIENCE)

    async def _receive(self):
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        await self.may_write.wait()
        if message["type"] == "http.response.start":
            assert not self.status
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            assert self.status
            self.body += message.get("body", b"")
            if not message.get("more_body", False):
                self.is_over = True
                self._left.set()  # as a server does after the whole answer

    @property
    def events(self):
        found = []
        for block in self.body.decode().split("\n\n"):
            lines = dict(line.partition(": ")[::2] for line in block.split("\n"))
            if lines.get("event", "ready") != "ready":
                found.append((lines["event"], json.loads(lines["data"])))
        return found

    @property
    def code(self):
        return json.loads(self.body)["code"]

    async def until(self, is_so):
        async with asyncio.timeout(PATIENCE):
            while not is_so():
                if self._task.done():
                    self._task.result()
                    assert is_so(), (self.status, self.body)
                await asyncio.sleep(0.005)


async def apart(call, *arguments, **named):
    """Call this in a thread of its own, as another process would."""

    def run():
        try:
            return call(*arguments, **named)
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)
