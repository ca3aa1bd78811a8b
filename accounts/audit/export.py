"""Write the audit log as JSON lines that a foreign program can verify (docs/audit.md)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q

from accounts.audit import chain, checkpoints, personal
from accounts.audit.checkpoints import Kind
from accounts.audit.models import AuditCheckpoint, AuditEvent

PAGE = 1000


def lines(
    *, since: datetime | None = None, until: datetime | None = None, using: str = DEFAULT_DB_ALIAS
) -> Iterator[dict[str, Any]]:
    """Yield a dict for each sealed row in the order of the chain, then one for each checkpoint.

    `since` and `until` select by `sealed_at`: at or after `since`, before `until`. Rows that are
    not sealed yet are left out. `using` is the database to read, for example a replica.
    """
    within = Q(seq__isnull=False)
    if since:
        within &= Q(sealed_at__gte=since)
    if until:
        within &= Q(sealed_at__lt=until)
    seq, before = 0, ""
    while page := list(
        AuditEvent.objects.using(using).filter(within, seq__gt=seq).order_by("seq")[:PAGE]
    ):
        for event in page:
            if not before or event.seq != seq + 1:
                before = _hash_before(event.seq or 0, using)
            yield line(event, prev=before)
            seq, before = event.seq or 0, event.hash
    signed = AuditCheckpoint.objects.using(using).filter(seq__lte=seq).order_by("number")
    for row in signed.iterator(PAGE):
        yield {"checkpoint": row.number, "seq": row.seq, "statement": row.statement}


def line(event: AuditEvent, *, prev: str) -> dict[str, Any]:
    """Return one row: what its hash covers, with personal values and salts in `personal`."""
    return {**chain.plain(event, prev=prev), "hash": event.hash, "personal": _personal(event)}


def _personal(event: AuditEvent) -> dict[str, dict[str, str | None]]:
    return {
        group: part if "digest" in part else {**personal.values(event, group), **part}
        for group, part in event.personal.items()
    }


def _hash_before(seq: int, using: str) -> str:
    """Return the hash of the row before this one; of a pruned row, the one that was signed.

    Returns '' if neither is there, because the chain is broken.
    """
    if seq <= 1:
        return chain.GENESIS
    if row := AuditEvent.objects.using(using).filter(seq=seq - 1).first():
        return row.hash
    signed = AuditCheckpoint.objects.using(using).filter(kind=Kind.START, seq=seq - 1).first()
    try:
        return checkpoints.read(signed, checkpoints.signer().reader()).hash if signed else ""
    except ValueError:
        return ""
