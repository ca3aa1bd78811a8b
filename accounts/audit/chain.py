"""Chain the rows of the audit log: give each its number and a hash that covers the row before.

Only the worker seals, within seconds after the commit; a request never does. A row's hash is the
SHA-256 of the canonical JSON of `content`.
"""

from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.audit import counts, personal
from accounts.audit.models import AuditChain, AuditCheckpoint, AuditEvent

GENESIS = "0" * 64
"""The hash before the first row."""
BATCH = 100
"""Rows that one transaction seals. On SQLite it holds the only write lock meanwhile."""

_ONLY = 1
"""The primary key of the one row of `AuditChain`."""


def content(event: AuditEvent, *, prev: str) -> dict[str, Any]:
    """Return what the hash of a sealed row covers. Raises `KeyError` if a digest is missing."""
    digests = {group: personal.digest(event, group) for group in personal.GROUPS}
    return {**plain(event, prev=prev), "digests": digests}


def plain(event: AuditEvent, *, prev: str) -> dict[str, Any]:
    """Return the columns of a sealed row that are not personal, and the hash of the row before."""
    return {
        "prev": prev,
        "seq": event.seq,
        "sealed_at": written(event.sealed_at),
        "id": event.pk,
        "created_at": written(event.created_at),
        "type": event.type,
        "sid": None if event.sid is None else str(event.sid),
        "reason": event.reason,
        "amr": event.amr,
    }


def written(time: datetime | None) -> str | None:
    """Return the time as RFC 3339 in UTC, with microseconds."""
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def seal() -> int:
    """Seal all rows that have committed, in batches. Returns how many.

    A row that commits later than rows with higher ids is sealed at the next call: `seq` is the
    order of sealing. If another process seals at the moment, returns at once. If that process dies,
    the database drops its lock and rolls its batch back.
    """
    total = 0
    while waiting().exists():
        sealed = _seal_batch()
        total += sealed
        if sealed < BATCH:
            break
    return total


def waiting() -> QuerySet[AuditEvent]:
    """Select the rows that are not sealed yet."""
    return AuditEvent.objects.filter(sealed_at=None)


def hold(*, wait: bool) -> AuditChain | None:
    """Lock and return the end of the chain; None if another process holds it and `wait` is False.

    Call in a transaction.
    """
    if not AuditChain.objects.filter(pk=_ONLY).exists():
        _begin()
    locked = AuditChain.objects.select_for_update(skip_locked=not wait)
    return locked.filter(pk=_ONLY).first()


def end() -> AuditChain:
    """Return the end of the chain without a lock; an unsaved one if no row is sealed yet."""
    return AuditChain.objects.filter(pk=_ONLY).first() or AuditChain(hash=GENESIS)


def _seal_batch() -> int:
    with transaction.atomic():
        chain = hold(wait=False)
        if chain is None:
            return 0
        # A row that an erasure has locked waits for the next call.
        unlocked = waiting().select_for_update(skip_locked=True)
        events = list(unlocked.order_by("pk")[:BATCH])
        last = _last_row()
        if last is not None and last.seq is not None and last.seq > chain.seq:
            # Somebody changed the end by hand. Seal after the last row anyway: `verify` reports the fault,
            # and rows that are never sealed would be worse.
            chain.seq, chain.hash = last.seq, last.hash
        now = timezone.now()
        for event in events:
            chain.seq += 1
            event.seq, event.sealed_at, event.personal = chain.seq, now, personal.salts()
            chain.hash = event.hash = personal.sha256(content(event, prev=chain.hash))
        AuditEvent.objects.bulk_update(events, ["seq", "sealed_at", "personal", "hash"])
        chain.save(update_fields=["seq", "hash"])
        counts.add(events)
    return len(events)


def _last_row() -> AuditEvent | None:
    return AuditEvent.objects.filter(seq__isnull=False).order_by("-seq").first()


def _begin() -> None:
    """Insert the end of the chain. If somebody deleted it, go on after the last row."""
    last = _last_row()
    numbered = AuditCheckpoint.objects.order_by("-number").first()
    AuditChain.objects.bulk_create(
        [
            AuditChain(
                pk=_ONLY,
                seq=(last.seq or 0) if last else 0,
                hash=last.hash if last else GENESIS,
                checkpoints=numbered.number if numbered else 0,
            )
        ],
        ignore_conflicts=True,
    )
