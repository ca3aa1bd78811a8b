"""Run the server of `/events`."""

import asyncio
import contextlib
import resource
import socket
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand
from typing_extensions import override

from api import events
from config.metrics import serving

BACKLOG = 2048
MAX_HEADER_BYTES = 32 * 1024
STOP_SECONDS = 2
TICK_SECONDS = 1.0
GONE_SECONDS = 60
"""Seconds after which the system closes a connection whose client takes nothing."""


class Server(uvicorn.Server):
    """Uvicorn, but it looks at its clock less often, and a stop ends the streams first.

    Otherwise it would wake ten times a second while nothing happens, and a stop would wait for the streams.
    """

    _wake: Callable[[], object] | None = None

    @override
    async def main_loop(self) -> None:
        woken = asyncio.Event()
        self._wake = partial(asyncio.get_running_loop().call_soon_threadsafe, woken.set)
        while not await self.on_tick(0):  # 0: sets the header Date again
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), TICK_SECONDS)

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._wake is not None:
            self._wake()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        events.hub.stop()
        await super().shutdown(sockets)


class Command(BaseCommand):
    help = "Serve /events: streams that tell open pages and apps when a sign-in ends."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on.")
        parser.add_argument("--port", type=int, default=settings.EVENTS_PORT)

    @override
    def handle(self, **options: Any) -> None:
        # Here, where no event loop runs yet: it checks the settings, which may ask the database.
        from config.asgi import application  # noqa: PLC0415

        _allow_many_files()
        serving.start("events")
        Server(
            uvicorn.Config(
                application,
                http="h11",
                loop="asyncio",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        ).run(sockets=[_listening(options["host"], options["port"])])


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket whose connections the system closes when their client has silently gone."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # The accepted connections inherit these.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_SECONDS * 1000)
    listening.bind((host, port))
    listening.listen(BACKLOG)
    listening.set_inheritable(True)
    return listening


def _allow_many_files() -> None:
    """Raise the limit of open files as far as the system lets us: each stream is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
