"""Sign the end of the chain each hour, so that nobody can delete its last rows unnoticed.

A checkpoint is a statement signed with a key of the site (a JWS). Each has a number and the digest of
the statement before, so a removed one leaves a gap. Only the last checkpoint leaves none, if somebody
removes it together with the rows that it covers. So each is also a line of the log (`audit_checkpoint`);
`manage.py audit verify --logged` compares the two.

This room has no keys: `api` registers its signer when it starts.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.audit import chain
from accounts.audit.models import AuditCheckpoint

INTERVAL = timedelta(hours=1)
Kind = AuditCheckpoint.Kind

log = structlog.get_logger()


class Signer(Protocol):
    """Signs and reads statements with the keys of the site."""

    def sign(self, claims: dict[str, Any]) -> str: ...

    def reader(self) -> Callable[[str], dict[str, Any]]:
        """Return a function that returns the claims of a statement.

        It raises `ValueError`, with the reason as its text, unless a key of this site has signed it.
        """


_signer: Signer | None = None


@dataclass(frozen=True)
class Checkpoint:
    """What a signed statement says. `at` is the time of signing."""

    number: int
    kind: str
    seq: int
    hash: str
    at: datetime
    previous: str


def register(signer: Signer) -> None:
    global _signer  # noqa: PLW0603 - one signer a process
    _signer = signer


def signer() -> Signer:
    if _signer is None:
        raise RuntimeError("no signer is registered for checkpoints of the audit log")
    return _signer


def make() -> AuditCheckpoint | None:
    """Sign the end of the chain and return the row; None if the chain has no row yet."""
    with transaction.atomic():
        end = chain.hold(wait=True)
        if end is None or end.seq == 0:
            return None
        return issue(Kind.END, seq=end.seq, hash_=end.hash)


def is_due() -> bool:
    """Return True if rows were sealed since the last checkpoint and that is `INTERVAL` old."""
    last = last_end()
    if last and timezone.now() - last.created_at < INTERVAL:
        return False
    return chain.end().seq != (last.seq if last else 0)


def last_end() -> AuditCheckpoint | None:
    return AuditCheckpoint.objects.filter(kind=Kind.END).order_by("-number").first()


def issue(kind: AuditCheckpoint.Kind, *, seq: int, hash_: str) -> AuditCheckpoint:
    """Sign and store a statement about one row, and log it. Call while holding the chain."""
    end = chain.hold(wait=True)
    if end is None:
        raise RuntimeError("the chain has no end")
    last = AuditCheckpoint.objects.order_by("-number").first()
    number = max(end.checkpoints, last.number if last else 0) + 1
    now = timezone.now().replace(microsecond=0)
    statement = signer().sign(
        {
            "iss": settings.SITE_URL,
            "iat": int(now.timestamp()),
            "number": number,
            "kind": kind.value,
            "seq": seq,
            "hash": hash_,
            "previous": digest(last.statement) if last else chain.GENESIS,
        }
    )
    row = AuditCheckpoint.objects.create(
        number=number, kind=kind, seq=seq, created_at=now, statement=statement
    )
    end.checkpoints = number
    end.save(update_fields=["checkpoints"])
    transaction.on_commit(
        lambda: log.info("audit_checkpoint", number=number, kind=kind.value, seq=seq, hash=hash_)
    )
    return row


def digest(statement: str) -> str:
    return hashlib.sha256(statement.encode()).hexdigest()


def read(row: AuditCheckpoint, reader: Callable[[str], dict[str, Any]]) -> Checkpoint:
    """Return what the row's statement says.

    Raises `ValueError`, with the reason as its text, unless a key of this site signed the statement
    and the row says the same.
    """
    claims = reader(row.statement)
    try:
        said = Checkpoint(
            number=int(claims["number"]),
            kind=str(claims["kind"]),
            seq=int(claims["seq"]),
            hash=str(claims["hash"]),
            at=datetime.fromtimestamp(claims["iat"], tz=UTC),
            previous=str(claims["previous"]),
        )
    except (KeyError, TypeError) as exc:
        raise ValueError("its statement lacks a member") from exc
    if (said.number, said.kind, said.seq, said.at) != (
        *(row.number, row.kind, row.seq),
        row.created_at,
    ):
        raise ValueError("its row and its signed statement differ")
    return said
