"""Kill the worker, Redis or PostgreSQL while webhooks and mails are under way: none is lost.

The site, its worker, Redis and PostgreSQL are real processes. Each acknowledged sign-in must reach the
receiver of webhooks, and each acknowledged request for a reset link must become a mail.
"""

import json
import os
import sys
import tempfile
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from tests.kit import postgres
from tests.kit.factories import PASSWORD
from tests.kit.postgres import Postgres
from tests.kit.processes import Process
from tests.kit.rings import starts_processes
from tests.kit.servers import CREATE_USER, Cluster
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.xdist_group("killed processes")
LEASE_SECONDS = 7
"""A worker that dies keeps its jobs for so long: longer than a delivery may take, as in the product."""
WORKER = f"""
import django; django.setup()
from datetime import timedelta
from django.core.management import call_command
from accounts.outbox import jobs
jobs.LEASE = timedelta(seconds={LEASE_SECONDS})
call_command("worker")
"""
RESET = "/_allauth/app/v1/auth/password/request"
PATIENCE = 60
NO_CONTENT = 204


class Receiver(ThreadingHTTPServer):
    """Note each delivery that arrives. `is_free` is cleared while no delivery gets an answer."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.began, self.sids, self.is_free = Counter(), set(), threading.Event()
        self.is_free.set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Answer(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.began[self.headers["webhook-id"]] += 1
        self.server.is_free.wait(PATIENCE)
        self.server.sids.add(body["data"]["sid"])
        self.send_response(NO_CONTENT)
        self.end_headers()

    def log_message(self, *_arguments):
        """Print nothing."""


class Place:
    """One server of the site, a worker, Redis, PostgreSQL and a receiver."""

    def __init__(self, directory, receiver):
        self.receiver = receiver
        self.postgres = Postgres(directory)
        self.postgres.start()
        self.cluster = Cluster(directory, self.postgres.url, count=1)
        self.cluster.environment |= {
            "EMAIL_URL": "filemail://",
            "WEBHOOK_PRIVATE_NETWORKS": "127.0.0.0/8",
        }
        self.worker = Process(
            "worker", [sys.executable, "-W", "ignore", "-c", WORKER], directory, env=self.cluster.environment
        )  # fmt: skip
        self.numbers = iter(range(1000))
        self.sids, self.mailed = set(), set()

    def start(self):
        self.cluster.start()
        self.cluster.manage("webhooks", "add", self.receiver.url, "--event=session.opened")
        self.worker.start()

    def stop(self):
        self.worker.kill()
        self.cluster.stop()
        self.postgres.stop()

    def add_users(self, count):
        emails = [f"killed{next(self.numbers)}@example.com" for _ in range(count)]
        self.cluster.manage("shell", stdin=CREATE_USER.format(emails=emails, password=PASSWORD))
        return emails

    def act(self, emails):
        """Sign each user in and ask for a reset link. Return how often the site acknowledged that."""
        done = 0
        for email in emails:
            body = {"email": email, "password": PASSWORD}
            status, answer = self.cluster.call(0, "POST", "/api/token/", body, timeout=60)
            if status == 200:
                self.sids.add(answer["sid"])
                done += 1
            if self.cluster.call(0, "POST", RESET, {"email": email}, timeout=60)[0] == 200:
                self.mailed.add(email)
                done += 1
        return done

    def is_all_done(self):
        try:
            with psycopg.connect(self.postgres.url) as database:
                waiting = database.execute(
                    "SELECT count(*) FROM accounts_webhookdelivery WHERE status <> 'delivered'"
                ).fetchone()[0]
                jobs = database.execute("SELECT count(*) FROM accounts_job").fetchone()[0]
        except psycopg.OperationalError:
            return False
        return jobs == waiting == 0

    def letters(self):
        files = (self.cluster.directory / "mail").glob("*")
        return " ".join(each.read_text() for each in files)

    def assert_nothing_is_lost(self):
        wait_until(
            self.is_all_done, "no job is left", seconds=PATIENCE, every=0.2, tail=self.worker.tail
        )
        assert self.sids <= self.receiver.sids
        letters = self.letters()
        assert {email for email in self.mailed if f"To: {email}" not in letters} == set()


@contextmanager
def receiving():
    with Receiver() as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        yield receiver
        receiver.is_free.set()
        receiver.shutdown()


@pytest.fixture
@starts_processes
def place():
    if postgres.binaries() is None:
        if "postgres" in os.environ.get("TEST_REQUIRE", ""):
            pytest.fail("postgres isn't installed, and TEST_REQUIRE demands its tests.")
        pytest.skip("postgres isn't installed")
    # PostgreSQL runs under another account, which can't read pytest's own directory.
    with (
        receiving() as receiver,
        tempfile.TemporaryDirectory(prefix="munjigi-killed-") as directory,
    ):
        place = Place(Path(directory), receiver)
        try:
            place.start()
            yield place
        finally:
            place.stop()


def test_a_killed_worker_loses_no_webhook_and_no_mail(place):
    place.receiver.is_free.clear()
    place.act(place.add_users(3))
    wait_until(lambda: place.receiver.began, "a delivery is under way")

    place.worker.kill()
    place.act(place.add_users(2))
    place.receiver.is_free.set()
    place.worker.start()

    place.assert_nothing_is_lost()
    assert len(place.sids) == len(place.mailed) == 5
    assert max(place.receiver.began.values()) > 1  # the killed one was sent again, with the same id


def test_a_killed_redis_loses_no_webhook_and_no_mail(place):
    emails = place.add_users(6)
    place.receiver.is_free.clear()
    place.act(emails[:2])
    wait_until(lambda: place.receiver.began, "a delivery is under way")

    place.cluster.kill_redis()
    during = place.act(emails[2:3])
    place.receiver.is_free.set()
    place.assert_nothing_is_lost()  # the worker needs no Redis
    place.cluster.start_redis()
    wait_until(lambda: place.act(emails[3:4]) == 2, "the site works again", every=0.5)
    place.act(emails[4:])

    place.assert_nothing_is_lost()
    assert during < 2  # a sign-in is refused, so that nothing is promised
    assert len(place.sids) >= 5


def test_a_crashed_database_loses_no_webhook_and_no_mail(place):
    emails = place.add_users(6)
    place.receiver.is_free.clear()
    place.act(emails[:2])
    wait_until(lambda: place.receiver.began, "a delivery is under way")

    place.postgres.crash()
    place.receiver.is_free.set()  # the receiver accepts what the worker can't write down
    assert place.act(emails[2:3]) == 0
    place.postgres.start()
    wait_until(lambda: place.act(emails[3:4]) == 2, "the site works again", every=0.5)
    place.act(emails[4:])

    place.assert_nothing_is_lost()
    assert place.worker.is_running
    assert len(place.sids) >= 5
