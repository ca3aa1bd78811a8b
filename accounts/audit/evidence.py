"""Read what fixes the rows of the chain: the signed checkpoints, and hashes from lines of the log."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accounts.audit import chain, checkpoints
from accounts.audit.checkpoints import Checkpoint, Kind
from accounts.audit.models import AuditCheckpoint, AuditEvent

PAGE = 1000


class BrokenError(Exception):
    """The first fault that was found. Its text says which row, and why."""


@dataclass(frozen=True)
class Place:
    """The row before the next one: its number and hash."""

    seq: int
    hash: str


def signed_ones(numbered: int) -> list[Checkpoint]:
    """Read all checkpoints and return them. The last must have at least the number `numbered`."""
    reader = checkpoints.signer().reader()
    signed: list[Checkpoint] = []
    before: AuditCheckpoint | None = None
    for row in AuditCheckpoint.objects.order_by("number").iterator(PAGE):
        said = read(row, reader)
        expected = before.number + 1 if before else 1
        if said.number != expected:
            raise BrokenError(f"Checkpoint {expected} is missing.")
        if before and said.previous != checkpoints.digest(before.statement):
            raise BrokenError(f"Checkpoint {said.number} does not follow the one before.")
        before = row
        signed.append(said)
    last = signed[-1].number if signed else 0
    if last < numbered:
        raise BrokenError(f"Checkpoint {last + 1} is missing.")
    return signed


def read(row: AuditCheckpoint, reader: Callable[[str], dict[str, Any]]) -> Checkpoint:
    try:
        return checkpoints.read(row, reader)
    except ValueError as exc:
        raise BrokenError(f"Checkpoint {row.number} is not genuine: {exc}.") from exc


def start_of(signed: list[Checkpoint]) -> Place:
    """Return the place after which the chain begins, as the last pruning signed it."""
    starts = [Place(each.seq, each.hash) for each in signed if each.kind == Kind.START]
    return starts[-1] if starts else Place(0, chain.GENESIS)


def hashes(signed: list[Checkpoint], logged: tuple[tuple[int, str], ...]) -> dict[int, str]:
    """Return the hashes that rows must have, by number, from checkpoints and lines of the log."""
    fixed: dict[int, str] = {}
    for seq, hash_ in [*((each.seq, each.hash) for each in signed), *logged]:
        if fixed.setdefault(seq, hash_) != hash_:
            raise BrokenError(f"Row {seq} was signed or logged with two hashes.")
    return fixed


def last_signed(signed: list[Checkpoint], start: Place) -> Place:
    """Return the row of the last checkpoint, which must still be there."""
    last = next((each for each in reversed(signed) if each.kind == Kind.END), None)
    if last is None or last.seq <= start.seq:
        return start
    row = AuditEvent.objects.filter(seq=last.seq).first()
    if row is None:
        raise BrokenError(f"Row {last.seq} is missing: checkpoint {last.number} has it.")
    check_hash(row, last.hash)
    return Place(last.seq, last.hash)


def check_hash(row: AuditEvent, expected: str) -> None:
    if row.hash != expected:
        raise BrokenError(f"Row {row.seq} (id {row.pk}) is not the row that was signed.")


def missing(first: int, last: int) -> str:
    return f"Row {first} is missing." if first >= last else f"Rows {first} to {last} are missing."
