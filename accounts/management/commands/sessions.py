"""Copy the browser sessions out of Redis for a backup, and back."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from accounts.store import copies


class Command(BaseCommand):
    help = (
        "Copy all browser sessions: `save` writes them to standard output, `load` reads them from standard "
        "input. The values stay sealed: they need the same SESSION_ID_KEY and DATA_ENCRYPTION_KEYS. "
        "deploy/backup.sh and deploy/restore.sh call it."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["save", "load"])

    @override
    def handle(self, **options: Any) -> None:
        if options["action"] == "save":
            count = -2  # the first and the last line are no keys
            for line in copies.save():
                self.stdout.write(line)
                count += 1
            self.stderr.write(f"Saved {count} keys.", self.style.NOTICE)
            return
        written = read = 0
        try:
            for is_new in copies.load(sys.stdin):
                read, written = read + 1, written + is_new
        except copies.CopyError as exc:
            raise CommandError(f"{exc}. {written} keys were written.") from exc
        self.stdout.write(f"Loaded {written} of {read} keys; the others exist or have expired.")
