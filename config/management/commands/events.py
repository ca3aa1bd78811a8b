"""Run the server of `/events`."""

import asyncio
import resource
import signal
import socket
from argparse import ArgumentParser
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
GONE_SECONDS = 60
"""Seconds after which the system closes a connection whose client takes nothing."""


class Server(uvicorn.Server):
    """Uvicorn, but it sleeps while nothing happens, and a stop ends the streams first.

    Otherwise it would wake ten times a second to look at its clock, and a stop would wait for the streams.
    """

    @override
    async def main_loop(self) -> None:
        loop, asked = asyncio.get_running_loop(), asyncio.Event()

        def stop(sig: signal.Signals) -> None:
            self.handle_exit(sig, None)
            asked.set()

        for sig in (signal.SIGINT, signal.SIGTERM):
            # The loop's own handler wakes it, also if the signal comes just before it falls asleep.
            loop.add_signal_handler(sig, stop, sig)
        if not self.should_exit:
            await asked.wait()

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
                date_header=False,  # `api.events` sends it: uvicorn would set it by its clock
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
