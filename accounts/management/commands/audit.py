"""Verify, export, prune and sign the audit log."""

import json
import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date, parse_datetime
from typing_extensions import override

from accounts import replica
from accounts.audit import chain, checkpoints, export, pruning, verification
from accounts.management import private_files

NOTES = 20
"""Notes that `verify` prints. The rest is only counted."""


class Command(BaseCommand):
    help = "Verify, export, prune or sign the audit log. Exit status 1: the log is broken."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        verify = actions.add_parser(
            "verify", help="Verify the chain. Names the first broken or missing row."
        )
        verify.add_argument(
            "--from-checkpoint",
            action="store_true",
            help="Verify only the rows after the last checkpoint, and all checkpoints.",
        )
        verify.add_argument(
            "--logged",
            type=_logged,
            action="append",
            default=[],
            metavar="SEQ:HASH",
            help="`seq` and `hash` of an `audit_checkpoint` line of the log, which must still be "
            "right. May be repeated.",
        )
        written = actions.add_parser(
            "export", help="Write sealed rows and their checkpoints as JSON lines."
        )
        written.add_argument(
            "--since", type=_time, help="Sealed at or after this day or time (UTC)."
        )
        written.add_argument("--until", type=_time, help="Sealed before this day or time (UTC).")
        written.add_argument("file", help="The file to write, or - for standard output.")
        prune = actions.add_parser(
            "prune", help="Delete events after AUDIT_RETENTION_MONTHS; the worker does it hourly."
        )
        prune.add_argument("--dry-run", action="store_true", help="Only count them.")
        actions.add_parser(
            "checkpoint", help="Seal what waits, and sign the end of the chain at once."
        )

    @override
    def handle(self, **options: Any) -> None:
        getattr(self, f"_{options['action']}")(options)

    def _verify(self, options: dict[str, Any]) -> None:
        report = verification.verify(
            from_checkpoint=options["from_checkpoint"],
            logged=tuple(options["logged"]),
            progress=self._progress,
        )
        for note in report.notes[:NOTES]:
            self.stdout.write(f"Note: {note}")
        if more := len(report.notes[NOTES:]):
            self.stdout.write(f"Note: {more} more like these.")
        if report.broken:
            raise CommandError(report.broken)
        span = f", {report.first} to {report.last}" if report.first else ""
        self.stdout.write(
            f"Whole: {report.rows} rows{span} ({report.erased} with an erased part), "
            f"{report.checkpoints} checkpoints. {report.unsealed} rows wait for the worker."
        )

    def _export(self, options: dict[str, Any]) -> None:
        rows = 0
        using, lag = replica.read(lambda alias: alias)
        if lag is not None:
            self.stderr.write(f"Reads the replica, which is {lag:.0f} s behind.")
        with private_files.opened(options["file"], self.stdout) as file:
            for line in export.lines(since=options["since"], until=options["until"], using=using):
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                rows += "hash" in line
                if rows % export.PAGE == 0:
                    self._progress(rows)
        if options["file"] != "-":
            self.stdout.write(f"Wrote {rows} rows to {options['file']}.")

    def _prune(self, options: dict[str, Any]) -> None:
        try:
            if options["dry_run"]:
                self.stdout.write(f"Would delete {pruning.count()} audit events.")
            else:
                self.stdout.write(f"Deleted {pruning.prune()} audit events.")
        except ValueError as exc:
            raise CommandError(f"The checkpoint before them is not genuine: {exc}.") from exc

    def _checkpoint(self, _options: dict[str, Any]) -> None:
        chain.seal()
        made = checkpoints.make()
        if made is None:
            raise CommandError("The audit log has no sealed row yet.")
        self.stdout.write(f"Signed row {made.seq} as checkpoint {made.number}.")

    def _progress(self, rows: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r… {rows}", ending="")


def _logged(text: str) -> tuple[int, str]:
    found = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", text)
    if not found:
        raise ArgumentTypeError("give seq and hash as in the log line: 123:0f3c…")
    return int(found[1]), found[2]


def _time(text: str) -> datetime:
    try:
        found: date | None = parse_datetime(text) if "T" in text else parse_date(text)
    except ValueError:
        found = None
    if found is None:
        raise ArgumentTypeError("give a day (2026-11-30) or a time (2026-11-30T12:00Z)")
    if not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day, tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
