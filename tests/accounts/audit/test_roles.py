"""The roles of docs/audit.md: the site can't change events, the worker can seal, erase and prune."""

import re
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.audit import chain, checkpoints, pruning, upkeep
from accounts.audit.models import AuditChain, AuditCheckpoint, AuditEvent
from accounts.signins import erasure
from tests.kit.chains import fault, recorded, sealed

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no roles"),
]
DOCUMENT = Path(__file__).parents[3] / "docs" / "audit.md"
STATEMENTS = re.search(r"```sql\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[1]


@pytest.fixture
def as_role():
    """Make the roles in the transaction of this test, and return a context manager for one."""
    with connection.cursor() as cursor:
        for role in ("munjigi_site", "munjigi_worker"):
            cursor.execute(f"CREATE ROLE {role}")
            cursor.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
            cursor.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}")
        cursor.execute(STATEMENTS)

    @contextmanager
    def switch(role):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {role}")
            yield
            cursor.execute("RESET ROLE")

    return switch


ATTACKS = {
    "change": lambda: AuditEvent.objects.update(reason="forged"),
    "remove": lambda: AuditEvent.objects.all().delete(),
    "erase": lambda: AuditEvent.objects.update(identifier="erased-x"),
    "seal": chain.seal,
    "set the end back": lambda: AuditChain.objects.update(seq=1),
    "remove a checkpoint": lambda: AuditCheckpoint.objects.all().delete(),
    "insert a checkpoint": checkpoints.make,
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_site_changes_no_event(as_role, attack):
    sealed(2)
    checkpoints.make()
    recorded(1)

    with (
        as_role("munjigi_site"),
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
    ):
        ATTACKS[attack]()


def test_the_site_records_and_reads_events_and_deletes_users(as_role, user):
    with as_role("munjigi_site"):
        recorded(1, user=user)
        user.delete()
        assert AuditEvent.objects.filter(type="login.succeeded").count() == 1

    chain.seal()
    assert fault() == ""


def test_the_worker_seals_signs_erases_and_prunes(as_role, user, settings, monkeypatch):
    settings.AUDIT_RETENTION_MONTHS = 1
    recorded(2, user=user)
    user.erase_at = timezone.now()
    user.save()

    with as_role("munjigi_worker"):
        assert chain.seal() == 2
        assert erasure.erase(user)
        assert chain.seal()
        assert upkeep.sign_if_due()
        assert fault() == ""
        later = timezone.now() + timedelta(days=90)
        monkeypatch.setattr(timezone, "now", lambda: later)
        assert pruning.prune() >= 3


def test_the_worker_changes_no_other_column(as_role):
    sealed(1)

    with (
        as_role("munjigi_worker"),
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
    ):
        AuditEvent.objects.update(type="login.failed")
