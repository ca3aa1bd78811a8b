"""Delete rows and accounts whose time is over."""

from argparse import ArgumentParser
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand
from typing_extensions import override

from accounts import paged
from config import retention

NAMED = 20
"""Accounts that a dry run names. The rest is only counted."""


class Command(BaseCommand):
    help = (
        "Delete what is older than the settings allow: ended sign-ins, audit events, accounts that nobody "
        "verified; and mail the owners of accounts that nobody uses. The worker does it each hour. It works "
        "in batches: stop it and start it again as you like."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        names = [rule.name for rule in retention.RULES]
        parser.add_argument("kind", nargs="*", choices=[*names, []], help="Only these.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Only count them, and name the accounts."
        )
        parser.add_argument(
            "--all-names", action="store_true", help="With --dry-run: name all accounts."
        )

    @override
    def handle(self, **options: Any) -> None:
        for rule in retention.RULES:
            if options["kind"] and rule.name not in options["kind"]:
                continue
            if options["dry_run"]:
                self._show(rule, most=None if options["all_names"] else NAMED)
            else:
                total = 0
                for size in rule.apply():
                    total += size
                    if self.stdout.isatty():
                        self.stdout.write(f"\r{rule.name}: {total}", ending="")
                        self.stdout.flush()
                ending = "\r" if self.stdout.isatty() else ""
                self.stdout.write(f"{ending}{rule.name}: {total} done ({rule.says()})")

    def _show(self, rule: retention.Rule, *, most: int | None) -> None:
        count = rule.count()
        self.stdout.write(f"{rule.name}: {count} due ({rule.says()})")
        if rule.people is None:
            return
        for user in islice(paged.rows(rule.people()), most):
            self.stdout.write(f"  {user.pk} {user.email}, since {user.date_joined:%Y-%m-%d}")
        if most is not None and count > most:
            self.stdout.write(f"  … and {count - most} more (--all-names)")
