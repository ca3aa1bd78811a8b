"""Fill a database with invented users, sign-ins and events, to measure the operators' panel."""

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone
from typing_extensions import override

from accounts.audit import chain, counts
from accounts.audit.chain import GENESIS
from accounts.audit.models import AuditEvent
from accounts.people.models import User
from accounts.signins.models import AuthSession
from accounts.support import crowd
from accounts.support.crowd import FACTOR_EVERY, Crowd, Row

BATCH = 10_000
BAR = 30


class Command(BaseCommand):
    help = (
        "Fill a database that you throw away with invented users, sign-ins and events, to measure a "
        "site with millions of them. Needs DEMO=1, DEBUG=1 or a database without users. Run it again "
        "after it was stopped: it goes on. Nobody can sign in as these users. The events look sealed, "
        "but their hashes are empty, so `audit verify` reports a fault. 1,000,000 users and 5,000,000 "
        "events take some minutes on PostgreSQL and about 5 GB."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--users", type=int, default=10_000)
        parser.add_argument("--sign-ins", type=int, help="Default: as many as users.")
        parser.add_argument("--events", type=int, default=50_000)
        parser.add_argument(
            "--days", type=int, default=365, help="Spread the rows over these days."
        )
        parser.add_argument("--dry-run", action="store_true", help="Print the numbers only.")

    @override
    def handle(self, **options: Any) -> None:
        users, events = options["users"], options["events"]
        sign_ins = users if options["sign_ins"] is None else options["sign_ins"]
        if min(users, options["days"]) < 1 or min(events, sign_ins) < 0:
            raise CommandError("Give at least one user and one day, and no negative number.")
        invented = User.objects.filter(pk=crowd.user_id(0)).exists()
        if not (settings.DEMO or settings.DEBUG or invented) and User.objects.exists():
            raise CommandError(
                "This database has users. Use one that you throw away, or set DEMO=1 or DEBUG=1."
            )
        if options["dry_run"]:
            found = f"{users:,} users, {sign_ins:,} sign-ins and {events:,} events"
            self.stdout.write(f"Would fill {connection.vendor} with {found}.")
            return
        made = Crowd(users, sign_ins, events, options["days"], timezone.now())
        self._fill("users", users, _has_user, lambda first, end: _add_users(made, first, end))
        self._fill(
            "sign-ins",
            sign_ins,
            lambda number: AuthSession.objects.filter(pk=crowd.sid_of(number)).exists(),
            lambda first, end: copy(AuthSession, crowd.rows(made.sign_in, first, end)),
        )
        self._fill(
            "events",
            events,
            lambda number: AuditEvent.objects.filter(
                request_id=crowd.request_id_of(number)
            ).exists(),
            lambda first, end: _add_events(made, first, end),
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def _fill(
        self,
        name: str,
        amount: int,
        has: Callable[[int], bool],
        add: Callable[[int, int], None],
    ) -> None:
        """Add the rows that are missing, in batches, each in one transaction."""
        first = number_of(has, amount)
        for start in range(first, amount, BATCH):
            end = min(start + BATCH, amount)
            with transaction.atomic():
                add(start, end)
            self._progress(name, end, amount)
        self.stdout.write(f"{name}: {amount - first:,} added, {amount:,} in all")

    def _progress(self, name: str, done: int, amount: int) -> None:
        if not self.stderr.isatty():
            return
        filled = BAR * done // amount
        bar = "█" * filled + "·" * (BAR - filled)
        end = "\n" if done == amount else ""
        self.stderr.write(f"\r{name:<9} {bar} {100 * done // amount:3} %", ending=end)
        sys.stderr.flush()


def number_of(has: Callable[[int], bool], amount: int) -> int:
    """Return how many of the rows 0, 1, 2 … there are, by bisection: no row is missing in between."""
    low, high = 0, amount
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if has(middle) else (low, middle)
    return low


def copy(model: type[Model], rows: Iterable[Row]) -> None:
    """Insert these rows: by COPY on PostgreSQL, by INSERT elsewhere."""
    table = connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001 - Django's documented API
    first, *others = list(rows) or [{}]
    if not first:
        return
    names = ", ".join(map(connection.ops.quote_name, first))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as sink:
                for row in (first, *others):
                    sink.write_row(tuple(row.values()))
            return
        marks = ", ".join(["%s"] * len(first))
        values = [tuple(map(_plain, row.values())) for row in (first, *others)]
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)  # noqa: S608 - names of columns


def _plain(value: Any) -> Any:
    """Return a value as SQLite stores it."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value


def _has_user(number: int) -> bool:
    return User.objects.filter(pk=crowd.user_id(number)).exists()


def _add_users(made: Crowd, first: int, end: int) -> None:
    copy(User, crowd.rows(made.user, first, end))
    copy(EmailAddress, crowd.rows(made.address, first, end))
    numbers = [-((1 - number) // FACTOR_EVERY) for number in (first, end)]
    copy(Authenticator, crowd.rows(made.factor, *numbers))


def _add_events(made: Crowd, first: int, end: int) -> None:
    """Add events with the next numbers of the chain, and count them."""
    end_of_chain = chain.hold(wait=True)
    assert end_of_chain is not None  # noqa: S101 - it waits for the lock
    rows = list(crowd.rows(made.event, first, end))
    for seq, row in enumerate(rows, start=end_of_chain.seq + 1):
        row |= {"seq": seq, "sealed_at": row["created_at"]}
    copy(AuditEvent, rows)
    end_of_chain.seq, end_of_chain.hash = end_of_chain.seq + len(rows), GENESIS
    end_of_chain.save(update_fields=["seq", "hash"])
    counts.increase(
        Counter(
            (
                *(counts.hour_of(row["created_at"]), row["type"]),
                *(row["reason"], json.dumps(json.loads(row["amr"]))),
            )
            for row in rows
        )
    )
