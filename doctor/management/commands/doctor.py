"""Examine a live deployment: report each fault and how to mend it."""

import logging
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand
from django.urls import get_resolver
from typing_extensions import override

from doctor import (
    care,
    cluster,
    configuration,
    database,
    mail,
    providers,
    redis_clients,
    redis_server,
    report,
    sentinels,
    site,
)
from doctor.findings import Area, Level
from doctor.running import Line, examine

LIMIT_SECONDS = 5.0
PATIENCE = 0.8
"""Share of the time limit that libraries get, so that the report shows the library's own error."""


class Command(BaseCommand):
    help = (
        "Check this deployment: settings, database, keys, Redis, mail, providers, and the site "
        "from outside. Prints one line for each check: the finding and the advice. Changes "
        "nothing. Exit status 0: no errors; 1: errors."
    )
    # Django's checks must not stop the command: the report has a line for them.
    requires_system_checks = []

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print JSON, for programs.")
        parser.add_argument(
            "--strict", action="store_true", help="Exit with status 1 for warnings, too."
        )
        parser.add_argument(
            "--mail-to", metavar="ADDRESS", default="", help="Send a test mail to this address."
        )
        parser.add_argument(
            "--url",
            type=_origin,
            help="The site's address. Default: SITE_URL, unless that is this machine.",
        )
        parser.add_argument(
            "--http-url",
            type=_origin,
            help="The site's plain http address, which must redirect to https. Default: port 80 "
            "of --url.",
        )
        parser.add_argument(
            "--timeout",
            type=_seconds,
            default=LIMIT_SECONDS,
            metavar="SECONDS",
            help="Time limit of one check (%(default)s).",
        )

    @override
    def handle(self, **options: Any) -> None:
        lines: list[Line] = []
        with _quiet():
            areas = _areas(options)
            width = max(len(check.name) for area in areas for check in area.checks)
            for line in _examine(areas, seconds=options["timeout"]):
                lines.append(line)
                if not options["json"]:
                    self.stdout.write(report.text(line, width=width, paint=self._paint(line)))
                    self.stdout.flush()
        status = report.exit_status(lines, strict=options["strict"])
        if options["json"]:
            self.stdout.write(report.as_json(lines, status=status))
        else:
            self.stdout.write(report.summary(lines))
        if status:
            raise SystemExit(status)

    def _paint(self, line: Line) -> Callable[[str], str]:
        """Return the function that colours this line. Without a terminal it changes nothing."""
        paints: dict[Level, Callable[[str], str]] = {
            Level.OK: self.style.SUCCESS,
            Level.WARNING: self.style.WARNING,
            Level.ERROR: self.style.ERROR,
            Level.SKIPPED: self.style.HTTP_NOT_MODIFIED,
        }
        return paints[line.level]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ArgumentTypeError("give scheme, host and port only: https://auth.example.com")
    return f"{parts.scheme}://{parts.netloc}"


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ArgumentTypeError("give a number greater than 0")
    return seconds


def _areas(options: dict[str, Any]) -> list[Area]:
    seconds = options["timeout"] * PATIENCE
    url = options["url"] or (settings.SITE_URL if configuration.is_public() else "")
    return [
        configuration.area(),
        database.area(),
        *_redis_areas(),
        mail.area(seconds=seconds, mail_to=options["mail_to"]),
        care.area(seconds=seconds),
        *providers.areas(seconds=seconds),
        site.area(url=url, http_url=options["http_url"] or "", seconds=seconds),
    ]


def _redis_areas() -> list[Area]:
    if redis_clients.has_cluster():
        return [cluster.area()]
    return [redis_server.area(), *([sentinels.area()] if redis_clients.has_sentinels() else [])]


def _examine(areas: list[Area], *, seconds: float) -> Iterator[Line]:
    """Yield all lines. Runs the first area alone, because importing URLs isn't safe in parallel."""
    yield from examine(areas[:1], seconds=seconds)
    _import_urls()
    yield from examine(areas[1:], seconds=seconds)


def _import_urls() -> None:
    try:
        _ = get_resolver().url_patterns
    except Exception:  # noqa: BLE001 - the line `django checks` reports it
        logging.getLogger(__name__).debug("no URLs")


@contextmanager
def _quiet() -> Iterator[None]:
    """Context manager: switch logging off. Libraries log the errors that the report shows."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
