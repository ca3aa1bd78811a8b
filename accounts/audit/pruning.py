"""Delete events after `AUDIT_RETENTION_MONTHS`, so that the rest of the chain still verifies."""

from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.audit import chain, checkpoints
from accounts.audit.checkpoints import Checkpoint, Kind
from accounts.audit.models import AuditCheckpoint, AuditEvent

BATCH = 1000


def cutoff(now: datetime | None = None) -> datetime | None:
    """Return the first moment that is kept, the begin of a month in UTC; None to keep all."""
    if settings.AUDIT_RETENTION_MONTHS <= 0:
        return None
    now = (now or timezone.now()).astimezone(UTC)
    months = now.year * 12 + now.month - 1 - settings.AUDIT_RETENTION_MONTHS
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def border() -> Checkpoint | None:
    """Return the last checkpoint from before the cutoff, after whose row the chain may begin.

    Returns None if nothing is due. Raises `ValueError` if the checkpoint is not genuine: its signed
    time counts, so nobody makes us delete rows by changing a row.
    """
    before = cutoff()
    if before is None:
        return None
    ends = AuditCheckpoint.objects.filter(kind=Kind.END, created_at__lt=before)
    row = ends.filter(seq__gt=_start()).order_by("-number").first()
    return checkpoints.read(row, checkpoints.signer().reader()) if row else None


def count() -> int:
    """Return how many rows `prune` would delete. Raises `ValueError` as `border` does."""
    last = border()
    return AuditEvent.objects.filter(seq__lte=last.seq if last else _start()).count()


def prune() -> int:
    """Sign where the chain begins from now on, then delete the rows before. Returns how many.

    All checkpoints stay, so that their numbers have no gap. If it stops in between, the next call deletes the rest. Raises `ValueError` as `border` does.
    """
    with transaction.atomic():
        chain.hold(wait=True)
        last = border()
        if last is not None:
            checkpoints.issue(Kind.START, seq=last.seq, hash_=last.hash)
    deleted = 0
    before = AuditEvent.objects.filter(seq__lte=_start())
    while keys := list(before.order_by("seq").values_list("pk", flat=True)[:BATCH]):
        deleted += AuditEvent.objects.filter(pk__in=keys).delete()[0]
    return deleted


def _start() -> int:
    """Return the number of the last row that may be deleted already."""
    row = AuditCheckpoint.objects.filter(kind=Kind.START).order_by("-number").first()
    return row.seq if row else 0
