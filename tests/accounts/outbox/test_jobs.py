"""Run jobs after the request: one worker at a time, again after a failure, and none lost."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connections, transaction
from django.utils import timezone

from accounts.outbox import jobs
from accounts.outbox.models import Job
from config.management.commands.worker import Lanes
from tests.kit.rows import all_columns
from tests.kit.waiting import wait_until


class Recorded(jobs.Handler):
    """Call the test's function for each job, and record each call."""

    kind = "recorded"
    retry_after = (timedelta(seconds=30), timedelta(minutes=5))

    def __init__(self):
        self.done, self.attempts, self.dropped = [], [], []
        self.act = lambda payload: None

    def do(self, payload):
        self.act(payload)
        self.done.append(payload["name"])

    def failed(self, payload, error, *, attempt):
        self.attempts.append((attempt, str(error)))

    def given_up(self, payload):
        self.dropped.append(payload.get("name"))


@pytest.fixture
def handler(monkeypatch):
    monkeypatch.setattr(jobs, "_handlers", dict(jobs._handlers))
    one = Recorded()
    jobs.register(one)
    return one


def refuse(payload):
    raise ValueError("refused")


def break_off(payload):
    raise SystemExit


def test_a_job_costs_one_statement_and_is_sealed(db, handler, django_assert_num_queries):
    with django_assert_num_queries(1):
        jobs.enqueue("recorded", {"name": "ABCD-EFGH"})

    assert "ABCD-EFGH" not in all_columns()


def test_a_job_is_done_once_and_deleted(db, handler):
    job = jobs.enqueue("recorded", {"name": "a"})

    jobs.run(job.pk)
    jobs.run(job.pk)

    assert handler.done == ["a"]
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_transaction_leaves_no_job(handler):
    with pytest.raises(RuntimeError), transaction.atomic():
        jobs.enqueue("recorded", {"name": "a"})
        raise RuntimeError

    assert not Job.objects.exists()


def test_a_failed_job_is_retried_later_and_then_given_up(db, handler):
    handler.act = refuse
    job = jobs.enqueue("recorded", {"name": "a"})
    waits = []

    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(3):
            jobs.run(job.pk)
            waits += [row.not_before - timezone.now() for row in Job.objects.all()]

    assert waits == [timedelta(seconds=30), timedelta(minutes=5)]
    assert handler.attempts == [(1, "refused"), (2, "refused"), (3, "refused")]
    assert handler.dropped == ["a"]
    assert not Job.objects.exists()


def test_a_job_that_can_never_succeed_is_given_up_at_once(db, handler):
    def give_up(payload):
        raise jobs.GiveUpError

    handler.act = give_up
    job = jobs.enqueue("recorded", {"name": "a"})

    jobs.run(job.pk)

    assert (handler.attempts, handler.dropped) == ([], ["a"])
    assert not Job.objects.exists()


def test_a_job_that_is_no_longer_useful_is_given_up(db, handler, monkeypatch):
    handler.act = refuse
    monkeypatch.setattr(handler, "is_useful_for", lambda payload: timedelta(seconds=10))
    job = jobs.enqueue("recorded", {"name": "a"})

    jobs.run(job.pk)

    assert handler.dropped == ["a"]
    assert not Job.objects.exists()


@pytest.mark.parametrize("kind", ["recorded", "mail", "unlink"])
def test_a_job_of_every_kind_survives_its_worker(db, handler, monkeypatch, kind):
    monkeypatch.setattr(handler, "kind", kind)
    jobs.register(handler)
    handler.act = break_off
    jobs.enqueue(kind, {"name": "a"})

    with pytest.raises(SystemExit):
        list(jobs.run_due())
    handler.act = lambda payload: None
    meanwhile = list(jobs.run_due())
    with time_machine.travel(timezone.now() + jobs.LEASE):
        list(jobs.run_due())

    assert meanwhile == []
    assert handler.done == ["a"]
    assert not Job.objects.exists()


def test_a_worker_that_lost_its_lease_changes_nothing(db, handler):
    job = jobs.enqueue("recorded", {"name": "a"})
    stale = Job.objects.get()
    jobs.take(stale)
    with time_machine.travel(timezone.now() + jobs.LEASE):
        [second] = jobs.due()
        jobs.take(second)

    handler.act = refuse
    jobs.perform(stale)

    assert Job.objects.get(pk=job.pk).not_before == second.not_before
    assert Job.objects.get(pk=job.pk).attempts == 0


@pytest.mark.django_db(transaction=True)
def test_only_one_of_six_workers_takes_a_job(handler):
    jobs.enqueue("recorded", {"name": "a"})
    barrier, won = threading.Barrier(6), []

    def work():
        try:
            job = Job.objects.get()
            barrier.wait(30)
            won.append(jobs.take(job))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(won) == [False] * 5 + [True]


@pytest.mark.django_db(transaction=True)
def test_one_slow_receiver_delays_no_other_job(handler):
    blocked = threading.Event()
    handler.act = lambda payload: blocked.wait(30) if payload["name"] == "slow" else None
    jobs.enqueue("recorded", {"name": "slow"})
    for number in range(10):
        jobs.enqueue("recorded", {"name": str(number)})
    lanes = Lanes()

    try:
        wait_until(lambda: lanes.fill() or len(handler.done) == 10, "the others are done")
        assert sorted(handler.done) == [str(number) for number in range(10)]
    finally:
        blocked.set()
        lanes.finish()

    assert "slow" in handler.done
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_slow_receivers_of_one_kind_delay_no_other_kind(handler, monkeypatch):
    other = Recorded()
    monkeypatch.setattr(other, "kind", "other")
    jobs.register(other)
    blocked = threading.Event()
    handler.act = lambda payload: blocked.wait(30)
    for _ in range(handler.lanes + 1):
        jobs.enqueue("recorded", {"name": "slow"})
    jobs.enqueue("other", {"name": "quick"})
    lanes = Lanes()

    try:
        wait_until(lambda: lanes.fill() or other.done, "the other kind is done")
        waiting = Job.objects.filter(kind="recorded", not_before__lte=timezone.now()).count()
    finally:
        blocked.set()
        lanes.finish()

    assert waiting == 1
