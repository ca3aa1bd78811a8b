"""Do one act on many accounts, in the worker: each account once, also if a worker dies meanwhile.

The act and the mark on its target are in one transaction. So after a kill the target waits still, and the
job, which is due again when its lease ends, goes on with it.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from typing_extensions import override

from accounts.client_info import ClientInfo
from accounts.errors import AccountsError
from accounts.operators.acting import By
from accounts.operators.models import BulkRun, BulkTarget
from accounts.outbox import jobs
from accounts.outbox.jobs import Payload
from accounts.people.models import User

KIND = "bulk"
MOST = 50_000
"""Accounts of one run. More would make the request of the preview slow."""
SLICE = timedelta(seconds=30)
"""Time after which a job gives its lane to others, and goes on later. Far below `jobs.LEASE`."""
KEPT = timedelta(days=30)

log = logging.getLogger(__name__)

Act = Callable[[BulkRun, User, By], None]


class RefusedError(Exception):
    """The act did nothing to this account. Its text says why."""


class _StoppedError(Exception):
    """The run ended while an act was under way, which is undone."""


def prepare(
    act: str, users: Iterable[UUID], *, actor: User, client: ClientInfo, chosen_by: str = ""
) -> BulkRun:
    """Store the accounts of a run that waits for the operator. It does nothing yet.

    `chosen_by` is the filter that found them, or '' if the operator chose each.
    """
    ids = list(users)
    with transaction.atomic():
        run = BulkRun.objects.create(
            act=act,
            asked_by=actor,
            ip=client.ip,
            user_agent=client.user_agent,
            chosen_by=chosen_by[:500],
            total=len(ids),
        )
        targets = (BulkTarget(run=run, user_id=user_id) for user_id in ids)
        BulkTarget.objects.bulk_create(targets, batch_size=1000)
    return run


def start(run: BulkRun, *, reason: str, values: dict[str, Any]) -> bool:
    """Let the worker begin. Returns False if the run has been started before."""
    with transaction.atomic():
        fresh = BulkRun.objects.filter(pk=run.pk, started_at=None)
        if not fresh.update(started_at=timezone.now(), reason=reason, values=values):
            return False
        jobs.enqueue(KIND, {"run": str(run.pk)})
    return True


def stop(run: BulkRun, *, actor: User) -> bool:
    """End a run under way. Returns False if none is. No account is changed after this.

    Waits for the act on one account that is under way, and undoes none.
    """
    rows = BulkRun.objects.filter(pk=run.pk, started_at__isnull=False, ended_at=None)
    return bool(rows.update(ended_at=timezone.now(), is_stopped=True, stopped_by=actor))


def go_on(run: BulkRun, act: Act) -> bool:
    """Do the act on the targets that wait, for the time of a slice.

    Returns True if none is left, or if an operator stopped the run.
    """
    until = timezone.now() + SLICE
    client = ClientInfo(ip=run.ip, user_agent=run.user_agent)
    waiting = run.targets.filter(state=BulkTarget.State.WAITING).select_related("user")
    if run.asked_by is None:
        with transaction.atomic():
            count = run.targets.filter(state=BulkTarget.State.WAITING).update(
                state=BulkTarget.State.FAILED
            )
            _count(run, failed=F("failed") + count)
        return True
    by = By(actor=run.asked_by, reason=run.reason, client=client)
    while (target := waiting.order_by("pk").first()) is not None:
        try:
            _do(run, target, by, act)
        except _StoppedError:
            return True
        if timezone.now() > until:
            return not waiting.exists()
    return True


def _do(run: BulkRun, target: BulkTarget, by: By, act: Act) -> None:
    mine = BulkTarget.objects.filter(pk=target.pk, state=BulkTarget.State.WAITING)
    why = ""
    try:
        with transaction.atomic():
            if mine.update(state=BulkTarget.State.DONE):  # else another worker was faster
                act(run, target.user, by)
                _count(run, done=F("done") + 1)
    except _StoppedError:
        raise
    except (AccountsError, RefusedError) as exc:
        why = str(exc) or type(exc).__name__
    except Exception:
        log.exception("an act of run %s failed", run.pk)
        why = "error"
    if why:
        with transaction.atomic():
            if mine.update(state=BulkTarget.State.FAILED, why=why[:200]):
                _count(run, failed=F("failed") + 1)


def _count(run: BulkRun, **number: Any) -> None:
    """Count in the transaction of the act. Raises `_StoppedError` if the run has ended, which undoes the act."""
    if not BulkRun.objects.filter(pk=run.pk, ended_at=None).update(**number):
        raise _StoppedError


def old() -> QuerySet[BulkRun]:
    """Return the runs of `KEPT` ago, started or not."""
    return BulkRun.objects.filter(created_at__lt=timezone.now() - KEPT)


def prune() -> int:
    """Delete the old runs. Returns how many rows."""
    return old().delete()[0]


class BulkHandler(jobs.Handler):
    """Go on with a run. `act` does the act of its name to one account."""

    kind = KIND
    lanes = 1
    retry_after = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))

    def __init__(self, act: Act) -> None:
        self.act = act

    @override
    def do(self, payload: Payload) -> None:
        run = BulkRun.objects.filter(pk=payload["run"]).select_related("asked_by").first()
        if run is None or run.ended_at is not None:
            return
        if not go_on(run, self.act):
            raise jobs.PostponedError(timezone.now())
        BulkRun.objects.filter(pk=run.pk, ended_at=None).update(ended_at=timezone.now())

    @override
    def failed(self, payload: Payload, error: Exception, *, attempt: int) -> None:
        log.error("run %s stopped (attempt %d)", payload.get("run"), attempt, exc_info=error)

    @override
    def given_up(self, payload: Payload) -> None:
        log.error("run %s was given up", payload.get("run"))
