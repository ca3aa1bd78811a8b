"""Test the worker's lanes and chores, and the command that makes credentials for a service."""

import threading
from collections import Counter
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.backends.signals import connection_created
from django.utils import timezone

from accounts.outbox import jobs
from accounts.outbox.models import Job
from api import clients
from config.database import POOL
from config.management.commands import worker
from config.management.commands.worker import Lanes
from tests.kit.cutting import end_all_connections
from tests.kit.handlers import Recorded
from tests.kit.waiting import wait_until

JOBS = 40


@pytest.fixture
def handler(monkeypatch):
    monkeypatch.setattr(jobs, "_handlers", dict(jobs._handlers))
    one = Recorded()
    jobs.register(one)
    return one


@pytest.fixture
def statements_of_lanes():
    """Count the connections that lanes open, and the statements that they send, by their first word."""
    found, here = Counter(), threading.current_thread()

    def count(execute, sql, params, many, context):
        found[sql.split()[0]] += 1
        return execute(sql, params, many, context)

    def watch(connection, **_):
        if threading.current_thread() is not here and count not in connection.execute_wrappers:
            found["connections"] += 1
            connection.execute_wrappers.append(count)

    connection_created.connect(watch)
    yield found
    connection_created.disconnect(watch)


def enqueue(number, kind="recorded"):
    for each in range(number):
        jobs.enqueue(kind, {"name": str(each)})


def names(number):
    return sorted(str(each) for each in range(number))


def test_each_thread_of_the_worker_gets_a_database_connection():
    threads = sum(jobs.lanes().values()) + len(["chores", "main"])

    assert {"half_sign_in", "mail", "unlink", "webhook"} <= jobs.lanes().keys()
    assert threads <= POOL["max_size"]


@pytest.mark.parametrize("error", [OperationalError("away"), ValueError("a bug")])
@pytest.mark.django_db
def test_a_failing_chore_does_not_stop_the_worker(error):
    def chore():
        raise error

    worker._do(worker.Tick(1, chore))


def test_each_chore_has_its_interval():
    assert [tick.every_seconds for tick in worker.TICKS] == [
        1,
        *[60] * 4,
        10,
        60,
        600,
        *[3600] * 11,
    ]


def test_a_new_services_secret_is_shown_once_and_stored_hashed(settings):
    out = StringIO()
    call_command("api_client", "billing", stdout=out)
    given, entry = out.getvalue().splitlines()
    secret = given.split("billing:")[1].split()[0]
    name, hashed = entry.split()[-1].split("=")

    settings.API_CLIENTS = {name: hashed}

    assert clients.digest(secret) == hashed
    assert secret not in entry


@pytest.mark.parametrize("name", ["a=b", "a,b", "", "a b"])
def test_a_service_name_with_a_separator_is_refused(name):
    with pytest.raises(CommandError):
        call_command("api_client", name)


@pytest.mark.django_db(transaction=True)
def test_a_lane_takes_the_next_job_at_once(handler):
    """`fill` runs once, as in one interval, and all jobs are done."""
    enqueue(JOBS)
    lanes = Lanes()

    lanes.fill()
    wait_until(lambda: len(handler.done) == JOBS, "all jobs are done")
    lanes.finish()

    assert sorted(handler.done) == names(JOBS)
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_lane_keeps_its_connection_while_jobs_are_due(handler, statements_of_lanes):
    enqueue(JOBS)
    lanes = Lanes()

    lanes.fill()
    wait_until(lambda: len(handler.done) == JOBS, "all jobs are done")
    lanes.finish()

    assert statements_of_lanes["connections"] <= handler.lanes
    assert statements_of_lanes["DELETE"] == JOBS
    # Each lane ends after one that takes no job. The first one of a connection may be seen or not.
    assert JOBS <= statements_of_lanes["UPDATE"] <= JOBS + handler.lanes
    assert handler.closed == handler.lanes


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_take_no_job_twice(handler, statements_of_lanes):
    enqueue(JOBS)
    workers = [Lanes() for _ in range(3)]

    for each in workers:
        each.fill()
    wait_until(lambda: len(handler.done) == JOBS, "all jobs are done")
    for each in workers:
        each.finish()

    assert sorted(handler.done) == names(JOBS)
    assert statements_of_lanes["UPDATE"] <= JOBS + len(workers) * handler.lanes


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_stops_takes_no_more_jobs(handler):
    begun, go_on = threading.Semaphore(0), threading.Event()

    def wait(payload):
        begun.release()
        go_on.wait(30)

    handler.act = wait
    enqueue(JOBS)
    lanes = Lanes()
    lanes.fill()
    for _ in range(handler.lanes):
        assert begun.acquire(timeout=30)

    lanes.stopping.set()
    go_on.set()
    lanes.finish()

    assert len(handler.done) == handler.lanes
    assert Job.objects.filter(not_before__lte=timezone.now()).count() == JOBS - handler.lanes


@pytest.mark.django_db
def test_an_idle_worker_asks_once_for_each_kind(handler, django_assert_num_queries):
    lanes = Lanes()

    with django_assert_num_queries(len(jobs.lanes())):
        lanes.fill()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server that could end")
@pytest.mark.django_db(transaction=True)
def test_a_lane_goes_on_after_an_outage_of_the_database(handler):
    def cut_off(payload):
        if payload["name"] == "0":
            end_all_connections()

    handler.act = cut_off
    enqueue(JOBS)
    lanes = Lanes()

    wait_until(lambda: lanes.fill() or len(handler.done) == JOBS, "all jobs are done", every=0.1)
    lanes.finish()
    connection.close()
    connection.close_pool()  # its idle connections were ended, too

    assert sorted(handler.done) == names(JOBS)
    assert Job.objects.filter(not_before__lte=timezone.now()).count() == 0


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

    def waiting():
        return Job.objects.filter(kind="recorded", not_before__lte=timezone.now()).count()

    try:
        wait_until(lambda: lanes.fill() or other.done, "the other kind is done")
        # A lane takes its job in a thread of its own, maybe after the other kind is done.
        wait_until(lambda: lanes.fill() or waiting() == 1, "each lane has a slow job")
        lanes.fill()
        left = waiting()
    finally:
        blocked.set()
        lanes.finish()

    assert left == 1
