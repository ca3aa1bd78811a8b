"""Encrypt all stored secrets again under the first key of `DATA_ENCRYPTION_KEYS`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from accounts import encrypted
from accounts.management.progress import Bar


class Command(BaseCommand):
    help = (
        "Encrypt all stored secrets again under the first key of DATA_ENCRYPTION_KEYS. Run it before you "
        "take an older key away. The site may run meanwhile, with both keys. A run that was stopped goes "
        "on where it was. Exit status 1: some secrets can't be opened."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only count them.")

    @override
    def handle(self, **options: Any) -> None:
        closed = again = 0
        for column in encrypted.columns():
            tally = self._column(column, dry_run=options["dry_run"])
            again, closed = again + tally.again, closed + tally.closed
            said = "to encrypt again" if options["dry_run"] else "encrypted again"
            self.stdout.write(f"{column}: {tally.seen} read, {tally.again} {said}")
            if tally.closed:
                self.stderr.write(f"{column}: no key opens {tally.closed} of them")
            if tally.changed:
                self.stderr.write(f"{column}: {tally.changed} changed meanwhile: run it once more")
        if closed:
            raise CommandError(
                f"{closed} secrets can't be opened: put the key that wrote them back into "
                "DATA_ENCRYPTION_KEYS, and run this again."
            )
        said = "Would encrypt" if options["dry_run"] else "Encrypted"
        self.stdout.write(f"{said} {again} secrets again.")

    def _column(self, column: encrypted.Column, *, dry_run: bool) -> encrypted.Tally:
        """Return the tally of this column: of the first pass, with what later passes added."""
        bar = Bar(self.stdout, str(column), column.rows().count())
        first: encrypted.Tally | None = None
        for _ in range(encrypted.PASSES):
            tally = encrypted.Tally()
            for tally in encrypted.encrypt_again(column, dry_run=dry_run):
                bar.show(tally.seen)
            if first is None:
                first = tally
            else:
                first.again += tally.again
                first.changed = tally.changed
            if not tally.changed:
                break
        bar.end()
        assert first is not None  # noqa: S101 - there is at least one pass
        return first
