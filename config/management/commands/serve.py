"""Run the site, its worker, its streams and, if needed, Redis, with one command."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from typing_extensions import override

from accounts.store import nodes, outage
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
EVENTS = [*PYTHON, "manage.py", "events"]


class Command(BaseCommand):
    help = (
        "Migrate the database, then run the site, its worker and /events. If no Redis is configured, also "
        "run a Redis server."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on.")
        parser.add_argument("--workers", type=int, default=1, help="Number of processes.")
        parser.add_argument(
            "--threads",
            type=int,
            default=settings.SERVER_THREADS,
            help="Threads of each process (SERVER_THREADS).",
        )
        parser.add_argument("--no-migrate", action="store_true", help="Don't run the migrations.")

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
        """Return the ports that must be free, as pairs of variable and port."""
        named = {name: getattr(settings, name) for name in ("PORT", "EVENTS_PORT", "METRICS_PORT")}
        return [(name, port) for name, port in named.items() if port]

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
        # The children open their own connections.
        connections.close_all()
        children.start("The worker", WORKER)
        children.start("The events", [*EVENTS, f"--host={options['host']}"])
        # The site reads it, too: at most half of its threads wait for one provider.
        children.start("The site", _site(options), SERVER_THREADS=str(options["threads"]))
        children.wait_until(banner.site_answers, name="The site", seconds=30)
        children.wait_until(banner.events_answer, name="The events", seconds=30)
        self.stdout.write(self.banner())
        self.stdout.flush()

    def start_others(self, children: Children) -> None:
        """Start more processes after the migrations. The demo's `serve` overrides this."""

    def banner(self) -> str:
        """Return the text for the terminal once all processes run."""
        return banner.text(banner.rows(), step="open the site.")


def _redis_answers() -> bool:
    try:
        nodes.of_sessions().ping()
    except outage.STORE_ERRORS:
        return False
    return True


def _site(options: dict[str, Any]) -> list[str]:
    """Return Granian's command line.

    It serves sync views by WSGI, the fastest way (decision 0004).
    """
    return [
        *PYTHON,
        "-m",
        "granian",
        "--interface=wsgi",
        f"--host={options['host']}",
        f"--port={settings.PORT}",
        f"--workers={options['workers']}",
        # Without a limit, Granian starts hundreds of threads, each with a database connection.
        f"--blocking-threads={options['threads']}",
        # By default, Granian waits for a slow request without limit when it stops.
        "--workers-kill-timeout=3",
        "--respawn-failed-workers",
        "--no-ws",
        "--log-level=error",
        "config.wsgi:application",
    ]
