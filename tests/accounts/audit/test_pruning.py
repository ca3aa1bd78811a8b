"""Delete old events so that the rest of the chain still verifies."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.audit import chain, checkpoints, export, pruning, verification
from accounts.audit.models import AuditCheckpoint, AuditEvent
from tests.kit.chains import fault, recorded, sealed

pytestmark = pytest.mark.django_db
OLD = datetime(2024, 3, 31, 23, 0, tzinfo=UTC)
NOW = datetime(2024, 6, 15, 12, 0, tzinfo=UTC)


@pytest.fixture
def at(monkeypatch):
    def set_clock(moment):
        monkeypatch.setattr(timezone, "now", lambda: moment)

    return set_clock


@pytest.fixture
def log(at, settings):
    """Rows 1 to 3 of March with a checkpoint, row 4 of March after it, rows 5 and 6 of April."""
    settings.AUDIT_RETENTION_MONTHS = 2
    at(OLD)
    sealed(3)
    checkpoints.make()
    at(OLD + timedelta(minutes=30))
    sealed(1)
    at(OLD + timedelta(hours=2))
    sealed(2)
    checkpoints.make()
    at(NOW)


def test_whole_months_are_kept(settings):
    settings.AUDIT_RETENTION_MONTHS = 24

    assert pruning.cutoff(datetime(2026, 1, 31, 23, tzinfo=UTC)) == datetime(2024, 1, 1, tzinfo=UTC)
    assert pruning.cutoff(datetime(2026, 12, 1, tzinfo=UTC)) == datetime(2024, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize("months", [0, -1])
def test_without_a_retention_all_is_kept(log, settings, months):
    settings.AUDIT_RETENTION_MONTHS = months

    assert (pruning.count(), pruning.prune()) == (0, 0)
    assert AuditEvent.objects.count() == 6


def test_old_rows_go_and_the_rest_verifies(log):
    assert pruning.count() == 3

    assert pruning.prune() == 3

    assert list(AuditEvent.objects.order_by("seq").values_list("seq", flat=True)) == [4, 5, 6]
    assert (fault(), fault(from_checkpoint=True)) == ("", "")
    assert pruning.prune() == 0
    assert AuditCheckpoint.objects.filter(kind="start").count() == 1


def test_a_log_that_is_pruned_as_a_whole_verifies_and_goes_on(log, at):
    at(NOW + timedelta(days=900))

    assert pruning.prune() == 6
    assert (fault(), chain.end().seq) == ("", 6)
    [event] = sealed(1)
    assert (event.seq, fault()) == (7, "")


def test_the_next_month_is_pruned_after_the_last(log, at):
    pruning.prune()
    at(NOW + timedelta(days=30))

    assert pruning.prune() == 3
    assert fault() == ""


def test_rows_removed_after_a_pruning_are_found(log):
    pruning.prune()
    AuditEvent.objects.filter(seq=4).delete()

    assert fault() == "Row 4 is missing."


def test_a_removed_begin_is_found(log):
    pruning.prune()
    AuditCheckpoint.objects.filter(kind="start").delete()

    assert fault() == "Checkpoint 3 is missing."


def test_a_pruning_that_stops_amid_deleting_is_finished_later(log, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 1)
    real = AuditEvent.objects.all().delete
    calls = []

    def fail(self):
        calls.append(1)
        if len(calls) == 2:
            raise ConnectionError
        return real.__func__(self)

    with monkeypatch.context() as patched:
        patched.setattr(type(AuditEvent.objects.all()), "delete", fail)
        with pytest.raises(ConnectionError):
            pruning.prune()
    assert AuditEvent.objects.count() == 5
    assert (fault(), pruning.count()) == ("", 2)

    assert pruning.prune() == 2
    assert fault() == ""


def test_a_checkpoint_with_a_forged_time_deletes_nothing(log):
    """Somebody who writes the database could let the worker delete the traces."""
    AuditCheckpoint.objects.filter(number=2).update(created_at=OLD - timedelta(days=90))

    with pytest.raises(ValueError, match="differ"):
        pruning.prune()

    assert AuditEvent.objects.count() == 6


def test_a_log_line_of_a_pruned_row_is_noted(log):
    third = AuditEvent.objects.get(seq=3)
    second = AuditEvent.objects.get(seq=2)
    pruning.prune()

    report = verification.verify(logged=((2, second.hash), (3, third.hash)))

    assert (report.broken, report.notes[:1]) == (
        "",
        ["Row 2 is pruned, so only a checkpoint has its hash."],
    )
    assert "two hashes" in fault(logged=((3, "0" * 64),))


def test_the_hourly_verification_passes_after_a_pruning(log, at):
    pruning.prune()
    assert verification.verify_recent() == ""
    at(NOW + timedelta(days=900))
    pruning.prune()
    assert verification.verify_recent() == ""


def test_rows_that_are_not_sealed_are_kept(log):
    recorded(1)

    assert pruning.prune() == 3
    assert AuditEvent.objects.filter(seq=None).count() == 1


def test_an_export_of_a_pruned_log_begins_with_the_signed_hash(log):
    third = AuditEvent.objects.get(seq=3)
    pruning.prune()

    assert next(export.lines())["prev"] == third.hash
