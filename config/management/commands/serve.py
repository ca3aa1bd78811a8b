"""Everything a machine needs, by one command: Redis, the site, the worker, demo processes."""

import sys
from argparse import ArgumentParser
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.urls import reverse

from accounts.checks import LOOPBACK
from accounts.store import outage
from config import banner, embedded
from config.processes import (
    ChildDiedError,
    Children,
    PortTakenError,
    Stopped,
    require_free,
)
from config.providers import standin_client

PYTHON = [sys.executable, "-u"]
WORKER = [*PYTHON, "manage.py", "worker", "--no-startup-delay", "--interval=0.5", "--no-reload"]


class Command(BaseCommand):
    help = (
        "Migrate, then run the site and its worker (and, where none is configured, a Redis of its "
        "own; under DEMO=1 also the demo frontend and stand-in providers)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on.")
        parser.add_argument("--workers", type=int, default=1, help="Processes of the site.")
        parser.add_argument("--threads", type=int, default=8, help="Threads of each process.")
        parser.add_argument("--no-migrate", action="store_true", help="The database is ready.")

    def handle(self, **options: Any) -> None:
        if settings.DEMO and options["host"] not in LOOPBACK:
            raise CommandError(
                "DEMO=1 has accounts with public passwords and shows everybody's mail: it listens on "
                "127.0.0.1 only. Unset DEMO, or leave out --host."
            )
        try:
            require_free(self._ports())
            with Children() as children:
                self._start(children, options)
                children.watch()
        except Stopped:
            self.stdout.write("Stopped.")
        except (PortTakenError, ChildDiedError, embedded.RedisMissingError) as exc:
            raise CommandError(str(exc)) from exc

    def _ports(self) -> list[tuple[str, int]]:
        ports = [("PORT", settings.PORT)]
        if settings.DEMO:
            demo = [settings.DEMO_PORT, *map(_port, settings.PROVIDER_STANDINS.values())]
            ports += [("DEMO_PORT", port) for port in demo]
        return ports

    def _start(self, children: Children, options: dict[str, Any]) -> None:
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        if settings.STATIC_HASHED:
            call_command("collectstatic", interactive=False, verbosity=0)
        if settings.REDIS_IS_EMBEDDED:
            children.start("Redis", embedded.command(settings.VAR_DIR))
            children.wait_until(_redis_answers, name="Redis", seconds=10)
        if not options["no_migrate"]:
            call_command("migrate", verbosity=0)
        if settings.DEMO:
            call_command("seed_demo", stdout=StringIO())
            self._start_demo(children)
        # Children open connections of their own.
        connections.close_all()
        children.start("The worker", WORKER)
        children.start("The site", _site(options))
        children.wait_until(banner.site_answers, name="The site", seconds=30)
        self.stdout.write(banner.text())
        self.stdout.flush()

    def _start_demo(self, children: Children) -> None:
        children.start(
            "The demo frontend",
            [
                *PYTHON,
                "-m",
                "demo.frontend",
                f"--port={settings.DEMO_PORT}",
                f"--api={settings.SITE_URL}",
            ],
        )
        for name, origin in settings.PROVIDER_STANDINS.items():
            children.start(f"Stand-in {name.title()}", _standin(name, origin))


def _redis_answers() -> bool:
    try:
        caches["sessions"].has_key("serve")
    except outage.STORE_ERRORS:
        return False
    return True


def _port(origin: str) -> int:
    return urlsplit(origin).port or 0


def _standin(name: str, origin: str) -> list[str]:
    client = standin_client(name)
    return [
        *PYTHON,
        "-m",
        f"demo.{name}",
        f"--port={_port(origin)}",
        f"--client-id={client.client_id}",
        f"--client-secret={client.secret}",
        f"--redirect-uri={settings.SITE_URL}{reverse(f'{name}_callback')}",
    ]


def _site(options: dict[str, Any]) -> list[str]:
    """Sync views under Granian's WSGI: the fastest Django that was measured (docs/decisions/0004)."""
    return [
        *PYTHON,
        "-m",
        "granian",
        "--interface=wsgi",
        f"--host={options['host']}",
        f"--port={settings.PORT}",
        f"--workers={options['workers']}",
        # Uncapped it opens hundreds of threads, each with a database connection.
        f"--blocking-threads={options['threads']}",
        # Its default waits for a slow request for as long as it takes.
        "--workers-kill-timeout=3",
        "--respawn-failed-workers",
        "--no-ws",
        "--log-level=error",
        "config.wsgi:application",
    ]
