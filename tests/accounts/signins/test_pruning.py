"""Delete sign-ins that ended long ago, in batches. Keep the others and the audit log."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.signins import pruning
from accounts.signins.models import AuthSession
from tests.kit.factories import AuditEventFactory, AuthSessionFactory

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=31)


def prune(*arguments):
    out = StringIO()
    call_command("prune", "sign-ins", *arguments, stdout=out)
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

    assert lines == ["sign-ins: 2 done (30 days after their end)"]
    assert set(AuthSession.objects.all()) == set(kept)


def test_a_dry_run_only_counts(ended):
    lines = prune("--dry-run")

    assert lines == ["sign-ins: 2 due (30 days after their end)"]
    assert AuthSession.objects.count() == 2


def test_the_audit_log_is_kept(ended):
    event = AuditEventFactory(sid=ended[0].pk)

    prune()

    assert AuditEvent.objects.filter(pk=event.pk).exists()


def test_a_sign_in_that_ended_an_hour_ago_is_kept(settings):
    settings.SIGN_IN_RETENTION_DAYS = 0
    AuthSessionFactory(revoked=True, revoked_at=timezone.now() - timedelta(minutes=61))
    AuthSessionFactory(revoked=True, revoked_at=timezone.now() - timedelta(minutes=70))

    prune()

    assert AuthSession.objects.count() == 1


def test_batches_are_bounded(ended, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(pruning, "BATCH", 1)

    sizes = list(pruning.prune())

    assert sizes == [1, 1]
