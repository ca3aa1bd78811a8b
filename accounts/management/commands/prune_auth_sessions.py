"""Delete sign-ins that ended long ago."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from accounts.signins import pruning


class Command(BaseCommand):
    help = (
        "Delete sign-ins that ended or expired long ago, in batches by index. The worker does it "
        "every hour; audit events stay."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days", type=int, default=pruning.KEEP.days, help="Ended this long ago (default: 30)."
        )
        parser.add_argument("--dry-run", action="store_true", help="Only count them.")

    @override
    def handle(self, **options: Any) -> None:
        if options["days"] < 0:
            raise CommandError("--days is a number of days, 0 or more.")
        keep = timedelta(days=options["days"])
        if options["dry_run"]:
            self.stdout.write(f"Would delete {pruning.ended(keep).count()} sign-ins.")
            return
        total = 0
        for size in pruning.prune(keep):
            total += size
            self.stdout.write(f"… {total}")
        self.stdout.write(f"Deleted {total} sign-ins.")
