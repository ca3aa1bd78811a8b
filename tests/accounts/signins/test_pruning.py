"""Delete sign-ins that ended long ago, in batches. Keep the others and the audit log."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.signins import pruning
from accounts.signins.models import AuthSession
from tests.kit.factories import AuditEventFactory, AuthSessionFactory

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=31)


def prune(*arguments):
    out = StringIO()
    call_command("prune_auth_sessions", *arguments, stdout=out)
    return out.getvalue().splitlines()


@pytest.fixture
def ended():
    now = timezone.now()
    return [
        AuthSessionFactory(revoked=True, revoked_at=now - LONG_AGO),
        AuthSessionFactory(expires_at=now - LONG_AGO),
    ]


def test_sign_ins_that_ended_long_ago_are_deleted(ended):
    kept = [
        AuthSessionFactory(),
        AuthSessionFactory(revoked=True),
        AuthSessionFactory(expires_at=timezone.now() - timedelta(days=29)),
    ]

    lines = prune()

    assert lines == ["… 2", "Deleted 2 sign-ins."]
    assert set(AuthSession.objects.all()) == set(kept)


def test_a_dry_run_only_counts(ended):
    lines = prune("--dry-run")

    assert lines == ["Would delete 2 sign-ins."]
    assert AuthSession.objects.count() == 2


def test_the_audit_log_is_kept(ended):
    event = AuditEventFactory(sid=ended[0].pk)

    prune()

    assert AuditEvent.objects.filter(pk=event.pk).exists()


def test_a_sign_in_that_ended_an_hour_ago_is_kept():
    AuthSessionFactory(revoked=True, revoked_at=timezone.now() - timedelta(minutes=61))
    AuthSessionFactory(revoked=True, revoked_at=timezone.now() - timedelta(minutes=70))

    lines = prune("--days", "0")

    assert lines[-1] == "Deleted 1 sign-ins."


def test_batches_are_bounded(ended, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(pruning, "BATCH", 1)

    sizes = list(pruning.prune())

    assert sizes == [1, 1]


def test_a_negative_age_is_refused():
    with pytest.raises(CommandError, match="0 or more"):
        prune("--days", "-1")
