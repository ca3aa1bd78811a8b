"""Write jobs in the transaction that causes them, and do them later, until they succeed.

A worker takes a job by one conditional UPDATE, which moves `not_before` to the end of a lease. If
the worker dies, the job is due again when the lease ends. So no job is lost, but a job may be done
twice: handlers must be idempotent or harmless when repeated.
"""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts import encryption, metrics
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
        """Do the job. After any error the job is tried again, except after `GiveUpError`.

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


def due() -> QuerySet[Job]:
    """Return the jobs whose time has come and that no worker is doing, oldest first."""
    return Job.objects.filter(not_before__lte=timezone.now()).order_by("not_before")


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
        perform(job)


def run_due() -> Iterator[Job]:
    """Do all due jobs, one after the other. Yields each job after its attempt."""
    while (job := due().first()) is not None:
        if take(job):
            perform(job)
        yield job


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
