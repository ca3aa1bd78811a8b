"""Count events by hour for the operators' dashboard, because counting millions of rows is too slow.

The worker adds the events that it seals. `since` adds those that are not sealed yet, so that the
numbers are right also while the worker is down.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from django.db.models import Count, QuerySet, TextField
from django.db.models.functions import Cast, TruncHour
from django.utils import timezone

from accounts.audit.models import AuditEvent, EventCount

KEPT = timedelta(days=400)
"""The age at which counts are deleted."""


Key = tuple[datetime, str, str, str]
"""The hour, the type, the reason, and the JSON of the methods."""


@dataclass(frozen=True)
class Counted:
    """A number of events of one hour, in UTC."""

    hour: datetime
    type: str
    reason: str
    methods: tuple[str, ...]
    number: int


def add(events: Iterable[AuditEvent]) -> None:
    """Count these events. Call in the transaction that seals them, with the lock of the chain."""
    increase(
        Counter(
            (hour_of(event.created_at), event.type, event.reason, json.dumps(event.amr))
            for event in events
        )
    )


def increase(numbers: Counter[Key]) -> None:
    """Add these numbers. The lock of the chain makes reading and writing a number one step."""
    if not numbers:
        return
    known = [
        row
        for row in EventCount.objects.filter(hour__in={hour for hour, *_ in numbers})
        if _key(row) in numbers
    ]
    for row in known:
        row.number += numbers[_key(row)]
    EventCount.objects.bulk_update(known, ["number"])
    new = numbers.keys() - set(map(_key, known))
    EventCount.objects.bulk_create(
        EventCount(hour=key[0], type=key[1], reason=key[2], methods=key[3], number=numbers[key])
        for key in sorted(new)
    )


def since(start: datetime, *, types: Iterable[str]) -> Iterator[Counted]:
    """Yield the numbers of these types from the hour of `start` on, in one statement.

    One statement, because the worker may seal meanwhile: between two, events would be counted twice
    or not at all.
    """
    named = list(types)
    sealed = EventCount.objects.filter(hour__gte=hour_of(start), type__in=named).values_list(
        "hour", "type", "reason", "methods", "number"
    )
    waiting = (
        AuditEvent.objects.filter(sealed_at=None, created_at__gte=hour_of(start), type__in=named)
        .order_by()
        .annotate(hour=TruncHour("created_at", tzinfo=UTC), ways=Cast("amr", TextField()))
        .values("hour", "type", "reason", "ways")
        .annotate(number=Count("*"))
        .values_list("hour", "type", "reason", "ways", "number")
    )
    read = cache(lambda text: tuple(json.loads(text)))
    for hour, type_, reason, methods, number in sealed.union(waiting, all=True):
        yield Counted(hour, type_, reason, read(methods), number)


def old() -> QuerySet[EventCount]:
    """Return the counts that are older than `KEPT`."""
    return EventCount.objects.filter(hour__lt=timezone.now() - KEPT)


def prune() -> int:
    """Delete old counts. Returns how many."""
    return old().delete()[0]


def hour_of(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _key(row: EventCount) -> Key:
    return row.hour, row.type, row.reason, row.methods
