"""Count events by hour: each one once, sealed or not."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.audit import chain, counts
from accounts.audit.counts import Counted
from accounts.audit.models import AuditEvent, EventCount
from accounts.audit.vocabulary import EventType
from tests.kit.factories import AuditEventFactory

pytestmark = pytest.mark.django_db

NINE = datetime(2026, 11, 28, 9, tzinfo=UTC)
FAILED, SUCCEEDED = EventType.LOGIN_FAILED, EventType.LOGIN_SUCCEEDED


def make(number, **fields):
    fields = {"type": FAILED, "reason": "wrong_password", "created_at": NINE} | fields
    AuditEventFactory.create_batch(number, user=None, **fields)


def total(start=NINE, types=(FAILED, SUCCEEDED)):
    return sum(counted.number for counted in counts.since(start, types=types))


def test_waiting_and_sealed_events_are_counted_the_same():
    make(2)
    make(1, type=SUCCEEDED, reason="", amr=["pwd", "mfa"], created_at=NINE + timedelta(minutes=59))
    expected = [
        Counted(NINE, FAILED, "wrong_password", (), 2),
        Counted(NINE, SUCCEEDED, "", ("pwd", "mfa"), 1),
    ]

    waiting = sorted(counts.since(NINE, types=[FAILED, SUCCEEDED]), key=lambda each: each.type)
    chain.seal()
    sealed = sorted(counts.since(NINE, types=[FAILED, SUCCEEDED]), key=lambda each: each.type)

    assert waiting == sealed == expected


def test_each_sealed_event_is_counted_once(monkeypatch):
    monkeypatch.setattr(chain, "BATCH", 2)
    make(5)
    chain.seal()
    make(2)
    chain.seal()
    chain.seal()

    assert EventCount.objects.get().number == 7
    assert total() == 7


def test_an_event_of_an_earlier_hour_is_added_to_that_hour():
    make(1, created_at=NINE + timedelta(hours=1))
    chain.seal()
    make(1)
    chain.seal()

    hours = EventCount.objects.order_by("hour").values_list("hour", "number")

    assert list(hours) == [(NINE, 1), (NINE + timedelta(hours=1), 1)]


def test_other_types_and_earlier_hours_are_not_counted():
    make(1, created_at=NINE - timedelta(seconds=1))
    make(1, type=EventType.NAME_CHANGED)
    chain.seal()
    make(1, created_at=NINE - timedelta(seconds=1))

    assert total() == 0


def test_a_count_takes_one_statement(django_assert_num_queries):
    make(3)
    chain.seal()
    make(3)

    with django_assert_num_queries(1):
        assert total(NINE + timedelta(minutes=30)) == 6


def test_a_batch_that_fails_counts_nothing(monkeypatch):
    make(1)
    monkeypatch.setattr(counts, "add", lambda events: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        chain.seal()

    assert AuditEvent.objects.filter(sealed_at=None).count() == 1
    assert total() == 1


def test_old_counts_are_pruned():
    make(1, created_at=timezone.now() - counts.KEPT - timedelta(days=1))
    make(1, created_at=timezone.now())
    chain.seal()

    assert counts.prune() == 1
    assert EventCount.objects.count() == 1
