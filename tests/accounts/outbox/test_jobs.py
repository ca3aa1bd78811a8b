"""Run jobs after the request: one worker at a time, again after a failure, and none lost."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.utils import timezone

from accounts.outbox import jobs
from accounts.outbox.models import Job
from tests.kit.handlers import Recorded
from tests.kit.rows import all_columns
from tests.kit.waiting import Asking


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
        [second] = jobs.due("recorded")
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
def test_six_workers_take_six_different_jobs(handler):
    """Each takes one with its first statement, so none waits for another or asks again."""
    for number in range(7):
        jobs.enqueue("recorded", {"name": str(number)})
    barrier, taken = threading.Barrier(6), []

    def work():
        try:
            barrier.wait(30)
            taken.append(jobs.take_next("recorded").pk)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(taken)) == 6
    assert [job.pk for job in jobs.due("recorded")] == [
        job.pk for job in Job.objects.exclude(pk__in=taken)
    ]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_a_worker_waits_for_no_other_one(handler):
    first = jobs.enqueue("recorded", {"name": "first"})
    second = jobs.enqueue("recorded", {"name": "second"})

    with transaction.atomic():
        taken = jobs.take_next("recorded")
        meanwhile = Asking(lambda: jobs.take_next("recorded")).result()

    assert (taken.pk, meanwhile.pk) == (first.pk, second.pk)


def test_the_oldest_due_job_of_the_kind_is_taken(db, handler):
    now = timezone.now()
    jobs.enqueue("mail", {"name": "other"}, not_before=now - timedelta(hours=2))
    jobs.enqueue("recorded", {"name": "late"}, not_before=now + timedelta(hours=1))
    jobs.enqueue("recorded", {"name": "second"}, not_before=now - timedelta(minutes=1))
    jobs.enqueue("recorded", {"name": "first"}, not_before=now - timedelta(hours=1))

    list(jobs.run_lane("recorded"))

    assert handler.done == ["first", "second"]
    assert Job.objects.count() == 2


def test_a_taken_job_is_leased(db, handler):
    job = jobs.enqueue("recorded", {"name": "a"})

    with time_machine.travel(timezone.now(), tick=False):
        taken = jobs.take_next("recorded")
        until = timezone.now() + jobs.LEASE

    assert (taken.pk, taken.payload, taken.not_before) == (job.pk, job.payload, until)
    assert Job.objects.get().not_before == until
    assert jobs.take_next("recorded") is None


def test_a_job_costs_two_statements(db, handler, django_assert_num_queries):
    for number in range(5):
        jobs.enqueue("recorded", {"name": str(number)})

    with django_assert_num_queries(5 * len(["take", "delete"]) + len(["no more is due"])):
        list(jobs.run_lane("recorded"))


def test_a_handler_closes_what_it_keeps_after_each_run(db, handler):
    jobs.enqueue("recorded", {"name": "a"})
    jobs.enqueue("recorded", {"name": "b"})
    last = jobs.enqueue("recorded", {"name": "c"}, not_before=timezone.now() + timedelta(hours=1))

    list(jobs.run_lane("recorded"))
    jobs.run(last.pk)

    assert handler.done == ["a", "b", "c"]
    assert handler.closed == 2


def test_due_jobs_are_counted_up_to_a_number(db, handler, django_assert_num_queries):
    for number in range(5):
        jobs.enqueue("recorded", {"name": str(number)})

    with django_assert_num_queries(2):
        counts = [jobs.count_due("recorded", most=most) for most in (0, 3, 9)]

    assert counts == [0, 3, 5]
