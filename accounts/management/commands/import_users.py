"""Bring people in from another system (`docs/moving-in.md`)."""

import json
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from typing_extensions import override

from accounts.management import private_files
from accounts.moving.checking import KnownPasswords
from accounts.moving.errors import FileError
from accounts.moving.formats.files import opened
from accounts.moving.hashes import FirebaseParameters
from accounts.moving.importing import Counts, Import, Report
from accounts.moving.options import Options
from accounts.moving.progress import Progress
from accounts.moving.registry import SOURCES
from accounts.moving.sources import firebase

NOT_ALL = 3
"""Exit status if the file was read to its end, and some rows didn't come or some passwords didn't open."""
SHOWN = 20


class Command(BaseCommand):
    help = (
        "Bring people in from another system. A second run changes nothing, and one that was stopped goes on. "
        "Exit status 1: the file can't be read. 3: some rows can't come, or some known passwords don't open."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="The file of the source, or - for standard input.")
        parser.add_argument("--from", dest="source", required=True, choices=list(SOURCES))
        parser.add_argument("--dry-run", action="store_true", help="Write nothing. Run this first.")
        parser.add_argument("--encoding", default="utf-8", help="Of the file: utf-8, cp949, ….")
        parser.add_argument(
            "--report", help="Write a JSON line for each row that can't come, and why."
        )
        parser.add_argument(
            "--hash-parameters",
            metavar="FILE",
            help="Firebase: a file with the password hash parameters of the project.",
        )
        parser.add_argument(
            "--check-passwords",
            metavar="FILE",
            help="Lines email,password. Say which of them open the hashes that come.",
        )
        parser.add_argument(
            "--trust-emails",
            action="store_true",
            help="Take an address as proved if the source doesn't say whether it is.",
        )
        parser.add_argument(
            "--keep-staff", action="store_true", help="Bring the rights of staff and superusers."
        )
        parser.add_argument(
            "--keep-groups", action="store_true", help="Bring groups that have the same name here."
        )

    @override
    def handle(self, **options: Any) -> None:
        progress = Progress()
        try:
            passwords = self._known_passwords(options["check_passwords"])
            with (
                _report(options["report"], self.stdout) as report,
                opened(options["file"], encoding=options["encoding"]) as file,
            ):
                run = Import(
                    source=SOURCES[options["source"]],
                    options=Options(
                        firebase=_firebase(options["hash_parameters"]),
                        trusts_emails=options["trust_emails"],
                        keeps_staff=options["keep_staff"],
                        keeps_groups=options["keep_groups"],
                    ),
                    is_dry=options["dry_run"],
                    report=report,
                    progress=progress,
                    passwords=passwords,
                )
                try:
                    run.run(file)
                finally:
                    progress.end()
                    self._show(run.counts, is_dry=run.is_dry)
        except FileError as exc:
            raise CommandError(str(exc)) from exc
        has_failed = self._show_passwords(passwords)
        if run.counts.refused or has_failed:
            raise CommandError("Not everything came or opened.", returncode=NOT_ALL)

    def _show(self, counts: Counts, *, is_dry: bool) -> None:
        verb = "would come" if is_dry else "came"
        self.stdout.write(
            f"{counts.rows} rows: {counts.came} accounts {verb}, {counts.known} came before, "
            f"{counts.refused.total()} can't come."
        )
        self._show_each("Can't come", counts.refused)
        self._show_each("Left behind", counts.without)

    def _show_each(self, title: str, reasons: Counter[str]) -> None:
        for reason, count in reasons.most_common():
            self.stdout.write(f"  {title}: {reason}: {count}")

    def _known_passwords(self, path: str | None) -> KnownPasswords | None:
        if path is None:
            return None
        with opened(path) as file:
            return KnownPasswords(file)

    def _show_passwords(self, passwords: KnownPasswords | None) -> bool:
        """Print how many known passwords open. Returns True if one doesn't, or its row is missing."""
        if passwords is None:
            return False
        self.stdout.write(f"{len(passwords.opened)} known passwords open.")
        for title, emails in (
            ("doesn't open", passwords.failed),
            ("isn't in the file", passwords.missing),
        ):
            for email in emails[:SHOWN]:
                self.stdout.write(f"  {email}: {title}")
            if more := len(emails[SHOWN:]):
                self.stdout.write(f"  {more} more: {title}")
        return bool(passwords.failed or passwords.missing)


def _firebase(path: str | None) -> FirebaseParameters | None:
    if path is None:
        return None
    try:
        return firebase.parameters(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as exc:
        raise FileError(f"{path}: it can't be read.") from exc


@contextmanager
def _report(path: str | None, stdout: OutputWrapper) -> Iterator[Report]:
    if path is None:
        yield lambda _entry: None
        return
    with private_files.opened(path, stdout) as file:
        yield lambda entry: print(json.dumps(entry, ensure_ascii=False), file=file)
