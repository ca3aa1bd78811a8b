"""Fill a database with invented people, and go on after a stop."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.audit import counts
from accounts.audit.models import AuditEvent, EventCount
from accounts.management.commands import seed_crowd
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.factories import AuditEventFactory, UserFactory

pytestmark = pytest.mark.django_db


def seed(*arguments):
    out = StringIO()
    call_command("seed_crowd", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def numbers():
    return (User.objects.count(), AuthSession.objects.count(), AuditEvent.objects.count())


def test_the_crowd_has_users_sign_ins_and_events():
    said = seed("--users=40", "--events=100", "--days=20")

    assert numbers() == (40, 40, 100)
    assert "events: 100 added, 100 in all" in said
    assert not any(user.has_usable_password() for user in User.objects.all())
    assert User.objects.filter(authenticator__type="totp").count() == 5
    assert not AuditEvent.objects.filter(created_at__gt=timezone.now()).exists()


def test_the_events_are_counted_by_hour():
    seed("--users=5", "--events=60", "--days=5")

    assert sum(EventCount.objects.values_list("number", flat=True)) == 60
    assert not AuditEvent.objects.filter(sealed_at=None).exists()
    start = timezone.now() - timedelta(days=6)
    types = set(AuditEvent.objects.values_list("type", flat=True))
    assert sum(each.number for each in counts.since(start, types=types)) == 60


def test_a_second_run_goes_on(monkeypatch):
    monkeypatch.setattr(seed_crowd, "BATCH", 7)
    seed("--users=10", "--events=20")

    said = seed("--users=25", "--events=50")

    assert numbers() == (25, 25, 50)
    assert "users: 15 added, 25 in all" in said


def test_a_stop_between_batches_leaves_no_half_batch(monkeypatch):
    monkeypatch.setattr(seed_crowd, "BATCH", 10)
    add = seed_crowd._add_events
    monkeypatch.setattr(
        seed_crowd,
        "_add_events",
        lambda made, first, end: add(made, first, end) or 1 / (first < 10),
    )

    with pytest.raises(ZeroDivisionError):
        seed("--users=5", "--events=30")

    assert AuditEvent.objects.count() == 10
    assert sum(EventCount.objects.values_list("number", flat=True)) == 10


def test_a_dry_run_adds_nothing():
    said = seed("--users=5", "--events=5", "--dry-run")

    assert "5 users, 5 sign-ins and 5 events" in said
    assert numbers() == (0, 0, 0)


def test_a_database_with_users_is_refused():
    UserFactory()

    with pytest.raises(CommandError, match="has users"):
        seed("--users=5")

    assert User.objects.count() == 1


def test_a_demo_database_may_have_users(settings):
    settings.DEMO = True
    AuditEventFactory()

    seed("--users=5", "--events=5")

    assert User.objects.count() == 6


@pytest.mark.parametrize("arguments", [["--users=0"], ["--events=-1"], ["--days=0"]])
def test_impossible_numbers_are_refused(arguments):
    with pytest.raises(CommandError, match="at least one"):
        seed(*arguments)
