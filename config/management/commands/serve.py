"""Run everything that a machine needs, by one command: Redis, the site, the worker."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from typing_extensions import override

from accounts.store import outage
from config import banner, embedded
from config.processes import (
    ChildDiedError,
    Children,
    PortTakenError,
    Stopped,
    require_free,
)

PYTHON = [sys.executable, "-u"]
WORKER = [*PYTHON, "manage.py", "worker"]


class Command(BaseCommand):
    help = (
        "Migrate, then run the site and its worker (and, where none is configured, a Redis of its "
        "own)."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on.")
        parser.add_argument("--workers", type=int, default=1, help="Processes of the site.")
        parser.add_argument(
            "--threads",
            type=int,
            default=settings.SERVER_THREADS,
            help="Threads of each process (SERVER_THREADS).",
        )
        parser.add_argument("--no-migrate", action="store_true", help="The database is ready.")

    @override
    def handle(self, **options: Any) -> None:
        try:
            require_free(self.ports())
            with Children() as children:
                self._start(children, options)
                children.watch()
        except Stopped:
            self.stdout.write("Stopped.")
        except (PortTakenError, ChildDiedError, embedded.RedisMissingError) as exc:
            raise CommandError(str(exc)) from exc

    def ports(self) -> list[tuple[str, int]]:
        """The ports that must be free, each with the setting that names it."""
        return [("PORT", settings.PORT)]

    def _start(self, children: Children, options: dict[str, Any]) -> None:
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        if settings.STATIC_HASHED:
            call_command("collectstatic", interactive=False, verbosity=0)
        if settings.REDIS_IS_EMBEDDED:
            children.start("Redis", embedded.command(settings.VAR_DIR))
            children.wait_until(_redis_answers, name="Redis", seconds=10)
        if not options["no_migrate"]:
            call_command("migrate", verbosity=0)
        self.start_others(children)
        # Children open connections of their own.
        connections.close_all()
        children.start("The worker", WORKER)
        # The site reads it, too: at most half of its threads wait for one provider.
        children.start("The site", _site(options), SERVER_THREADS=str(options["threads"]))
        children.wait_until(banner.site_answers, name="The site", seconds=30)
        self.stdout.write(self.banner())
        self.stdout.flush()

    def start_others(self, children: Children) -> None:
        """Start what else a machine needs, once the database is ready. Nothing, in production."""

    def banner(self) -> str:
        """What the terminal shows once everything runs."""
        return banner.text(banner.rows(), step="open the site.")


def _redis_answers() -> bool:
    try:
        caches["sessions"].has_key("serve")
    except outage.STORE_ERRORS:
        return False
    return True


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
