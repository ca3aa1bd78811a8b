"""Write jobs in the transaction that causes them, and do them later, until they succeed.

A worker takes a job by one conditional UPDATE, which moves `not_before` to the end of a lease. If
the worker dies, the job is due again when the lease ends. So no job is lost, but a job may be done
twice: handlers must be idempotent or harmless when repeated.

A worker does several jobs of a kind at once, each in a *lane*, which is a thread. A lane takes the next
due job of its kind as soon as it is done with one.
"""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from accounts import encryption, metrics, statements
from accounts.errors import DecryptionError
from accounts.outbox.models import Job

LEASE = timedelta(minutes=5)
"""Time that a worker has for a job: longer than a handler needs (mail 10 seconds, providers 5)."""

Payload = dict[str, Any]

log = logging.getLogger(__name__)


class GiveUpError(Exception):
    """No later attempt can succeed. `Handler.do` raises it, and the job is deleted."""


class PostponedError(Exception):
    """It is too early. `Handler.do` raises it: the job is tried at `until`, and no attempt counts."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"not before {until}")
        self.until = until


class Handler(ABC):
    """Do the jobs of one kind. Register an instance with `register`."""

    kind: str
    lanes = 4
    """Jobs of this kind that one worker does at once. Each lane needs a database connection."""
    retry_after: Sequence[timedelta]
    """The waiting time after each failed attempt. After the last one the job is given up."""

    @abstractmethod
    def do(self, payload: Payload) -> None:
        """Do the job. Several threads call this at once. After any error the job is tried again, except after `GiveUpError`.

        Raise `PostponedError` before an attempt that would be too early.
        """

    @abstractmethod
    def failed(self, payload: Payload, error: Exception, *, attempt: int) -> None:
        """Log one failed attempt. Called inside the `except` block of `error`."""

    @abstractmethod
    def given_up(self, payload: Payload) -> None:
        """Log that the job will not be tried again."""

    def is_useful_for(self, payload: Payload) -> timedelta:
        """Return how long after its creation a job may still be tried again."""
        return timedelta(days=365)

    def close(self) -> None:  # noqa: B027 - most handlers keep nothing open
        """Close what `do` keeps open for this thread's next job. Called when no more job is due."""


_handlers: dict[str, Handler] = {}


def register(handler: Handler) -> None:
    """Make this handler do the jobs of its kind, in every process that imports its module."""
    _handlers[handler.kind] = handler


def lanes() -> dict[str, int]:
    """Return the kinds, each with the number of its lanes."""
    return {kind: handler.lanes for kind, handler in sorted(_handlers.items())}


def enqueue(
    kind: str,
    payload: Payload,
    *,
    user_id: UUID | None = None,
    not_before: datetime | None = None,
) -> Job:
    """Write a job in the caller's transaction, by one INSERT, and return its row.

    The worker does the job after the commit, and not before `not_before`. `payload` must be JSON. With
    `user_id` the job is deleted if that user is.
    """
    sealed = encryption.encrypt(json.dumps(payload))
    due_at = not_before or timezone.now()
    return Job.objects.create(kind=kind, payload=sealed, user_id=user_id, not_before=due_at)


def enqueue_each(kind: str, payloads: Sequence[Payload]) -> None:
    """Write one job for each payload in the caller's transaction, by as few statements as possible."""
    rows = [Job(kind=kind, payload=encryption.encrypt(json.dumps(each))) for each in payloads]
    Job.objects.bulk_create(rows, batch_size=500)


def due(kind: str) -> QuerySet[Job]:
    """Return the jobs of this kind whose time has come and that no worker is doing, oldest first."""
    return Job.objects.filter(kind=kind, not_before__lte=timezone.now()).order_by("not_before")


def count_due(kind: str, *, most: int) -> int:
    """Return how many jobs of this kind are due, counted up to `most`. 0 costs no query."""
    return due(kind)[:most].count()


_TAKE = """
UPDATE accounts_job SET not_before = %(until)s
WHERE not_before <= %(now)s AND id = (
    SELECT id FROM accounts_job WHERE kind = %(kind)s AND not_before <= %(now)s
    ORDER BY not_before LIMIT 1 {locked}
)
RETURNING {columns}
"""
"""Several workers that ask at the same time get different jobs: with SKIP LOCKED on PostgreSQL, one after the
other on SQLite."""


def take_next(kind: str) -> Job | None:
    """Lease the oldest due job of this kind, by one statement. Returns None if no job is due.

    If the connection is lost while the statement runs, it runs once more. The first run may have taken
    another job, which is due again when its lease ends.
    """
    fields = list(Job._meta.concrete_fields)  # noqa: SLF001 - Django's documented API
    can_skip = connection.features.has_select_for_update_skip_locked
    columns = ", ".join(field.attname for field in fields)
    sql = _TAKE.format(locked="FOR UPDATE SKIP LOCKED" if can_skip else "", columns=columns)
    now = timezone.now()
    row = statements.first(sql, {"kind": kind, "now": now, "until": now + LEASE}, fields)
    return None if row is None else statements.instance(Job, fields, row)


def take(job: Job) -> bool:
    """Lease this job until `LEASE` from now. Returns False if another worker was faster."""
    until = timezone.now() + LEASE
    taken = Job.objects.filter(pk=job.pk, not_before=job.not_before).update(not_before=until)
    job.not_before = until
    return bool(taken)


def run(job_id: UUID) -> None:
    """Do this job now, due or not.

    Does nothing if the row is gone or another worker took the job.
    """
    job = Job.objects.filter(pk=job_id).first()
    if job is not None and take(job):
        try:
            perform(job)
        finally:
            _handlers[job.kind].close()


def run_due() -> Iterator[Job]:
    """Do all due jobs, one after the other. Yields each job after its attempt."""
    has_done = True
    while has_done:  # a job may write one of another kind
        has_done = False
        for kind in lanes():
            for job in run_lane(kind):
                has_done = True
                yield job


def run_lane(kind: str, *, is_stopping: Callable[[], bool] = lambda: False) -> Iterator[Job]:
    """Do the due jobs of this kind in this thread, until none is due or `is_stopping()` returns True.

    Yields each job after its attempt. Raises `DatabaseError` if the database is down.
    """
    try:
        while not is_stopping() and (job := take_next(kind)) is not None:
            perform(job)
            yield job
    finally:
        _handlers[kind].close()


def perform(job: Job) -> None:
    """Do a job that this process has taken, then delete it, postpone it or give it up.

    Raises no error of `Handler.do`: the handler logs it.
    """
    handler = _handlers[job.kind]
    try:
        payload: Payload = json.loads(encryption.decrypt(job.payload))
    except DecryptionError:
        log.exception("a job of kind %s can't be opened (attempt %d)", job.kind, job.attempts + 1)
        _retry(job, handler, {})
        return
    try:
        handler.do(payload)
    except GiveUpError:
        _give_up(job, handler, payload)
    except PostponedError as exc:
        _mine(job).update(not_before=exc.until)
    except Exception as exc:  # noqa: BLE001 - the handler logs it
        handler.failed(payload, exc, attempt=job.attempts + 1)
        _retry(job, handler, payload)
    else:
        _mine(job).delete()
        metrics.JOBS.note(job.kind, "done")


def _retry(job: Job, handler: Handler, payload: Payload) -> None:
    again = _next_attempt(job, handler, payload)
    if again is None:
        _give_up(job, handler, payload)
        return
    metrics.JOBS.note(job.kind, "failed")
    _mine(job).update(attempts=job.attempts + 1, not_before=again)


def _next_attempt(job: Job, handler: Handler, payload: Payload) -> datetime | None:
    if job.attempts >= len(handler.retry_after):
        return None
    again = timezone.now() + handler.retry_after[job.attempts]
    is_useful = not payload or again <= job.created_at + handler.is_useful_for(payload)
    return again if is_useful else None


def _give_up(job: Job, handler: Handler, payload: Payload) -> None:
    metrics.JOBS.note(job.kind, "given_up")
    handler.given_up(payload)
    _mine(job).delete()


def _mine(job: Job) -> QuerySet[Job]:
    """Select the row; select nothing if another worker took the job after our lease."""
    return Job.objects.filter(pk=job.pk, not_before=job.not_before)
