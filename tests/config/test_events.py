"""Run `manage.py events` beside a server of the site, as `manage.py serve` does."""

import contextlib
import json
import re
import signal
import socket
import sys
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests

from tests.kit import processes
from tests.kit.factories import PASSWORD
from tests.kit.ports import free_ports
from tests.kit.rings import starts_processes
from tests.kit.servers import CREATE_USER, Cluster
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.xdist_group("events")
EMAIL = "events@example.com"


class Events:
    """The events' process, and the streams that a test opens from it."""

    def __init__(self, cluster):
        self.port = free_ports()
        self.process = processes.start(
            [sys.executable, "-W", "ignore", "manage.py", "events", f"--port={self.port}"],
            env=cluster.environment,
        )
        wait_until(self.is_ready, "the events' server answers")

    def is_ready(self):
        assert self.process.poll() is None
        with contextlib.suppress(OSError):
            return requests.get(f"http://127.0.0.1:{self.port}/livez", timeout=5).ok
        return False

    def open(self, cookie="", **headers):
        cookies = {"session": cookie} if cookie else {}
        url = f"http://localhost:{self.port}/events"
        return requests.get(url, cookies=cookies, headers=headers, stream=True, timeout=20)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def first_block(stream):
    """Read up to the first blank line: then the stream is open."""
    lines = stream.iter_lines(chunk_size=1)
    while next(lines):
        pass
    return lines


def open_when_free(events, cookie):
    """Open a stream as soon as the former one has left its place."""
    answers = []

    def is_open():
        answers.append(events.open(cookie))
        return answers[-1].status_code == 200

    wait_until(is_open, "the place is free")
    return answers[-1]


@pytest.fixture(scope="module")
@starts_processes
def cluster(tmp_path_factory):
    directory = tmp_path_factory.mktemp("events")
    cluster = Cluster(directory, f"sqlite:///{directory / 'db.sqlite3'}", count=1)
    try:
        cluster.start()
        cluster.manage("shell", stdin=CREATE_USER.format(emails=[EMAIL], password=PASSWORD))
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
@starts_processes
def events(cluster):
    events = Events(cluster)
    yield events
    events.process.kill()
    events.process.wait()


@pytest.fixture
def cookie(cluster):
    return cluster.sign_in_by_page(0, EMAIL, PASSWORD)


def test_an_end_by_another_process_reaches_the_stream(cluster, events, cookie):
    with events.open(cookie) as stream:
        lines = first_block(stream)
        ended = next(
            each["sid"]
            for each in cluster.call(0, "GET", "/api/sessions/", cookie=cookie)[1]["results"]
            if each["is_current"]
        )
        code = (
            "from accounts.signins import sessions\n"
            f"row = sessions.AuthSession.objects.get(pk='{ended}')\n"
            "sessions.revoke(row, reason=sessions.Reason.ADMIN)\n"
        )
        cluster.manage("shell", stdin=code)
        text = [line.decode() for line in lines]  # it ends by itself

    assert "event: session.ended" in text
    data = next(line.removeprefix("data: ") for line in text if line.startswith("data: "))
    assert json.loads(data) == {"sid": ended, "reason": "admin", "current": True}
    assert events.open(cookie).status_code == 401


def test_sigterm_ends_streams_cleanly_and_at_once(events, cookie):
    with events.open(cookie) as stream:
        lines = first_block(stream)
        began = time.monotonic()
        assert events.stop() in {0, -signal.SIGTERM}
        assert list(lines) == []  # the whole answer has arrived: an unfinished one is an error
        assert time.monotonic() - began < 4


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_idle_streams_never_wake_the_event_loop(events, cookie):
    main_thread = Path(f"/proc/{events.process.pid}/task/{events.process.pid}/status")

    def wakes():
        return re.search(
            r"^voluntary_ctxt_switches:\s+(\d+)", main_thread.read_text(), re.MULTILINE
        )[1]

    def sleeps_for(seconds):
        before = wakes()
        time.sleep(seconds)
        return wakes() == before

    with events.open(cookie) as first, events.open(cookie) as second:
        first_block(first), first_block(second)
        wait_until(lambda: sleeps_for(0.5), "the threads that opened the streams sleep")
        assert sleeps_for(3)  # shorter than a heartbeat


def test_each_answer_has_the_time(events, cookie):
    with events.open(cookie) as stream:
        heads = [
            stream.headers,
            requests.get(f"http://127.0.0.1:{events.port}/livez", timeout=5).headers,
        ]

    dates = [parsedate_to_datetime(each["Date"]).timestamp() for each in heads]
    assert dates == pytest.approx([time.time()] * 2, abs=60)


def test_a_header_of_a_megabyte_is_refused(events, cookie):
    client = socket.create_connection(("127.0.0.1", events.port), 20)
    with client, contextlib.suppress(OSError):
        client.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 2**20)
        assert client.recv(100).startswith(b"HTTP/1.1 4")
    with events.open(cookie) as stream:
        assert stream.status_code == 200


def test_a_client_that_leaves_frees_its_place(cluster, cookie):
    cluster.environment["EVENTS_PER_USER"] = "1"
    events = Events(cluster)
    try:
        for _ in range(4):
            with open_when_free(events, cookie) as stream:
                lines = first_block(stream)  # collected, it would close the connection
                assert events.open(cookie).status_code == 429
                del lines
    finally:
        del cluster.environment["EVENTS_PER_USER"]
        events.process.kill()
        events.process.wait()


def test_readyz_says_whether_database_and_redis_answer(cluster, events):
    url = f"http://127.0.0.1:{events.port}/readyz"
    answer = requests.get(url, timeout=20)
    cluster.kill_redis()
    try:
        without = requests.get(url, timeout=20)
    finally:
        cluster.start_redis()

    parts = {"database": "ok", "redis": "ok"}
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "parts": parts})
    assert (without.status_code, without.json()["parts"]["redis"]) == (503, "failed")
