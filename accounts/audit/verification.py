"""Verify the chain of the audit log: its rows, its erased parts, its checkpoints and its end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from accounts.audit import chain, checkpoints, evidence, personal
from accounts.audit.checkpoints import Kind
from accounts.audit.evidence import BrokenError, Place
from accounts.audit.models import AuditCheckpoint, AuditEvent
from accounts.audit.vocabulary import EventType

PAGE = 1000
LATE = timedelta(minutes=10)
"""A row that is sealed so long after its time gets a note: the worker was down, or a clock was set."""
AHEAD = timedelta(minutes=1)
MOST_NOTES = 100

Progress = Callable[[int], None]


@dataclass
class Report:
    """The result. `broken` is '' if the chain is whole; `notes` are no faults."""

    broken: str = ""
    rows: int = 0
    erased: int = 0
    checkpoints: int = 0
    first: int | None = None
    last: int = 0
    unsealed: int = 0
    notes: list[str] = field(default_factory=list)


def verify(
    *,
    from_checkpoint: bool = False,
    logged: tuple[tuple[int, str], ...] = (),
    progress: Progress = lambda _rows: None,
) -> Report:
    """Verify all rows, or those after the last checkpoint, and return the report.

    `logged` has numbers and hashes of rows from lines of the log (`audit_checkpoint`). Rows that
    are pruned meanwhile are no fault.
    """
    began = _start_number()
    report = _verify(from_checkpoint=from_checkpoint, logged=logged, progress=progress)
    if report.broken and _start_number() != began:
        report = _verify(from_checkpoint=from_checkpoint, logged=logged, progress=progress)
    return report


def verify_recent() -> str:
    """Verify the rows after the last checkpoint only. Returns the first fault, '' if there is none.

    Reads no other checkpoints than that one, so it takes no longer as the years pass.
    """
    reader = checkpoints.signer().reader()
    try:
        begin = AuditCheckpoint.objects.filter(kind=Kind.START).order_by("-number").first()
        rows = [row for row in (begin, checkpoints.last_end()) if row]
        signed = [evidence.read(row, reader) for row in rows]
        start = evidence.last_signed(signed, evidence.start_of(signed))
        end = chain.end()
        _check_end(_rows(start, end.seq, {}, Report(), lambda _rows: None), end.seq, end.hash, {})
        _check_strays()
    except BrokenError as exc:
        return str(exc)
    return ""


def _start_number() -> int:
    row = AuditCheckpoint.objects.filter(kind=Kind.START).order_by("-number").first()
    return row.number if row else 0


def _verify(
    *, from_checkpoint: bool, logged: tuple[tuple[int, str], ...], progress: Progress
) -> Report:
    report = Report()
    try:
        # Read in this order, so that a row or checkpoint that the worker adds meanwhile is no fault.
        numbered = chain.end().checkpoints
        signed = evidence.signed_ones(numbered)
        end = chain.end()
        start = evidence.start_of(signed)
        fixed = evidence.hashes(signed, logged)
        report.checkpoints = len(signed)
        pruned = [seq for seq, _hash in logged if seq < start.seq]
        report.notes += [
            f"Row {seq} is pruned, so only a checkpoint has its hash." for seq in pruned
        ]
        if from_checkpoint:
            start = evidence.last_signed(signed, start)
        place = _rows(start, end.seq, fixed, report, progress)
        _check_end(place, end.seq, end.hash, fixed)
        _check_strays()
    except BrokenError as exc:
        report.broken = str(exc)
    waiting = chain.waiting()
    report.unsealed = waiting.count()
    oldest = waiting.order_by("created_at").first()
    if oldest and timezone.now() - oldest.created_at > LATE:
        report.notes.append(
            f"Row id {oldest.pk} is not sealed since {chain.written(oldest.created_at)}: is the worker running?"
        )
    return report


def _pages(after: int, upto: int) -> Iterator[AuditEvent]:
    while True:
        rows = AuditEvent.objects.filter(seq__gt=after, seq__lte=upto).order_by("seq")
        page = list(rows[:PAGE])
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].seq or upto


def _rows(
    place: Place, upto: int, fixed: dict[int, str], report: Report, progress: Progress
) -> Place:
    """Verify the rows in their order. Returns the last one."""
    known = _Erasures()
    before: datetime | None = None
    for row in _pages(place.seq, upto):
        seq = place.seq + 1
        if row.seq != seq:
            raise BrokenError(evidence.missing(seq, (row.seq or seq) - 1))
        _check_row(row, place.hash, known)
        if seq in fixed:
            evidence.check_hash(row, fixed[seq])
        before = _note_times(row, before, report)
        report.first = report.first or seq
        report.rows += 1
        report.erased += any(personal.is_erased(row, group) for group in personal.GROUPS)
        place = Place(seq, row.hash)
        report.last = seq
        if report.rows % PAGE == 0:
            progress(report.rows)
    return place


def _check_row(row: AuditEvent, prev: str, known: "_Erasures") -> None:
    where = f"Row {row.seq} (id {row.pk})"
    try:
        computed = personal.sha256(chain.content(row, prev=prev))
    except (KeyError, TypeError) as exc:
        raise BrokenError(f"{where} was changed: its salts are not whole.") from exc
    if computed != row.hash:
        raise BrokenError(f"{where} was changed, or stands in another's place.")
    for group in personal.GROUPS:
        if not personal.is_erased(row, group):
            continue
        if not personal.has_values_of_an_erasure(row, group):
            raise BrokenError(f"{where} was changed: an erased part has a value.")
        if row.personal[group]["by"] not in known:
            raise BrokenError(f"{where} was changed: no event says that this person was erased.")


def _note_times(row: AuditEvent, before: datetime | None, report: Report) -> datetime | None:
    """Note clocks that were set. Not a fault: the numbers give the order, not the times."""
    if row.sealed_at is None or len(report.notes) >= MOST_NOTES:
        return before
    sealed = chain.written(row.sealed_at)
    if before and row.sealed_at < before:
        report.notes.append(f"Row {row.seq}: the worker's clock was set back, to {sealed}.")
    elif row.sealed_at - row.created_at > LATE or row.created_at - row.sealed_at > AHEAD:
        created = chain.written(row.created_at)
        report.notes.append(f"Row {row.seq}: its time is {created}, but it was sealed at {sealed}.")
    return row.sealed_at


def _check_end(place: Place, seq: int, hash_: str, fixed: dict[int, str]) -> None:
    upto = max([seq, *fixed])
    if place.seq < upto:
        raise BrokenError(f"The end is cut off. {evidence.missing(place.seq + 1, upto)}")
    if place.seq > seq:
        raise BrokenError(f"The end is set back to row {seq}, before row {place.seq}.")
    if place.seq == seq and place.hash != hash_:
        raise BrokenError(f"Row {seq} is not the row that was sealed last.")


def _check_strays() -> None:
    """Find rows that look sealed but have no number in the chain, or one after its end."""
    unnumbered = Q(seq=None, sealed_at__isnull=False) | Q(seq__lt=1)
    stray = AuditEvent.objects.filter(unnumbered).order_by("pk").first()
    if stray is None:
        after = AuditEvent.objects.filter(seq__gt=chain.end().seq).order_by("seq").first()
        if after is not None and (after.seq or 0) > chain.end().seq:  # not sealed meanwhile
            stray = after
    if stray is not None:
        raise BrokenError(f"Row id {stray.pk} was inserted: the worker did not seal it.")


class _Erasures:
    """The pseudonyms of erased persons, as `user.erased` events have them."""

    def __init__(self) -> None:
        self._known: set[Any] = set()

    def __contains__(self, pseudonym: object) -> bool:
        if pseudonym not in self._known:
            events = AuditEvent.objects.filter(type=EventType.USER_ERASED, identifier=pseudonym)
            if not pseudonym or not events.exists():
                return False
            self._known.add(pseudonym)
        return True
