"""Send messages by the bell: they reach the topic's subscribers in every process. Garbage reaches none."""

import json
import logging
import os
import socket
import subprocess
import sys
import threading
from contextvars import Context
from uuid import uuid4

import pytest
import redis

from accounts import bell as bells
from accounts.bell import CHANNEL, Bell, Topic
from accounts.store import outage
from tests.kit.bell import Pubsub, StoppableBell, message, payload, published
from tests.kit.waiting import wait_until


@pytest.fixture
def bell(monkeypatch):
    """Return a bell without a thread. It listens for a moment when a test says so."""
    monkeypatch.setattr(bells, "PING_SECONDS", 0.05)
    return Bell()


@pytest.fixture
def living(transactional_db, monkeypatch):
    """Run a bell with its thread, which ticks once for each connection."""
    monkeypatch.setattr(bells, "PING_SECONDS", 0.2)
    monkeypatch.setattr(bells, "POLL_SECONDS", 3600)
    bell = StoppableBell()
    yield bell
    bell.stop()


@pytest.fixture
def said(caplog):
    """Return the bell's log lines."""
    caplog.set_level(logging.WARNING, "accounts.bell")
    return lambda: [one.getMessage() for one in caplog.records if one.name == "accounts.bell"]


def heard(bell, topic):
    """Return a list to which the bell adds the ids of each message of this topic."""
    calls = []
    bell.subscribe(topic, calls.append)
    return calls


def broken(*arguments):
    raise RuntimeError("a subscriber's own defect")


# Publishing


@pytest.mark.parametrize("topic", Topic)
def test_publishing_calls_the_subscribers_of_this_process_first(bell, listener, topic):
    seen = []
    bell.subscribe(topic, lambda ids: seen.append((ids, published(listener))))
    name = uuid4()

    bell.publish(topic, [name, "b"])

    assert seen == [([str(name), "b"], [])]
    assert published(listener) == [{"topic": topic.value, "ids": [str(name), "b"]}]


def test_without_redis_publishing_calls_this_process_and_logs(bell, dead_redis, said):
    calls = heard(bell, Topic.USERS)

    bell.publish(Topic.USERS, ["a"])

    assert calls == [["a"]]
    assert said() == ["the bell is out of order; other servers learn within 5.0 s"]


def test_each_context_publishes_by_the_same_client(bell, monkeypatch):
    """django-redis makes a client for each context, and the gate answers each request in its own."""
    bell.publish(Topic.USERS, ["a"])
    made = []
    monkeypatch.setattr(outage, "get_redis_connection", made.append)

    Context().run(bell.publish, Topic.USERS, ["b"])

    assert made == []


# Delivering


@pytest.mark.parametrize("topic", Topic)
def test_a_message_goes_to_the_subscribers_of_its_topic_alone(bell, topic):
    calls = {each: heard(bell, each) for each in Topic}

    bell._hear(Pubsub(message(topic, "a"), message(topic, "b", "c")))

    assert calls == {each: [["a"], ["b", "c"]] if each == topic else [] for each in Topic}


def test_a_subscriber_that_raises_does_not_stop_the_others(bell, said):
    first = heard(bell, Topic.SESSIONS)
    bell.subscribe(Topic.SESSIONS, broken)
    last = heard(bell, Topic.SESSIONS)
    pubsub = Pubsub(message(Topic.SESSIONS, "a"), message(Topic.SESSIONS, "b"))

    assert bell._hear(pubsub) is pubsub

    assert first == last == [["a"], ["b"]]
    assert said() == ["a subscriber of the bell failed: broken"] * 2
    bell.publish(Topic.SESSIONS, ["c"])
    assert first == last == [["a"], ["b"], ["c"]]


GARBAGE = [
    b"",
    b"null",
    b"[]",
    b"5",
    b"{}",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"topic": "sessions"}',
    b'{"ids": ["a"]}',
    b'{"topic": "sessions", "ids": 5}',
    b'{"topic": "sessions", "ids": null}',
    b'{"topic": "sessions", "ids": [5]}',
    b'{"topic": "sessions", "ids": ["a", []]}',
    b'{"topic": "sessions", "ids": [{}]}',
    b'{"topic": "sessions", "ids": "x"}',
    b'{"topic": "sessions", "ids": {"a": 1}}',
    b'{"topic": "sessions", "ids": [true]}',
    b'{"topic": "Sessions", "ids": ["a"]}',
    b'{"topic": "unknown", "ids": ["a"]}',
    b'{"topic": null, "ids": ["a"]}',
    b'{"topic": [], "ids": ["a"]}',
    b'{"topic": {}, "ids": ["a"]}',
    b'{"sids": ["a"], "users": []}',
    b'"00000000-0000-4000-8000-000000000000"',
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda data: repr(data[:38]))
def test_garbage_and_unknown_topics_are_logged_and_ignored(bell, garbage, said):
    calls = {each: heard(bell, each) for each in Topic}
    pubsub = Pubsub({"type": "message", "data": garbage}, message(Topic.SESSIONS, "a"))

    for _ in range(3):
        assert bell._hear(pubsub) is pubsub

    assert calls.pop(Topic.SESSIONS) == [["a"]]
    assert not any(calls.values())
    [line] = said()
    assert line.startswith("the bell ignores an unknown message")


def test_a_broken_connection_ends_the_listening(bell):
    class Broken(Pubsub):
        def get_message(self, timeout):
            raise redis.ConnectionError

    assert bell._hear(Broken()) is None


def test_a_ping_finds_a_silently_dead_connection(bell):
    alive = []
    bell.on_alive(lambda: alive.append(1))

    class Dead(Pubsub):
        def ping(self):
            raise redis.TimeoutError

    assert bell._hear(Dead()) is None
    assert alive == []
    bell._hear(Pubsub())
    assert alive == [1]


def test_an_unconfirmed_subscription_is_closed(monkeypatch):
    closed = []

    class Unconfirmed(Pubsub):
        def subscribe(self, channel):
            pass

        def close(self):
            closed.append(1)

    class Client:
        def pubsub(self):
            return Unconfirmed()

    monkeypatch.setattr(bells, "PING_SECONDS", 0.05)
    monkeypatch.setattr(bells, "get_redis_connection", lambda alias: Client())

    assert bells._listen() is None
    assert closed == [1]


# The thread


def test_no_thread_runs_before_it_is_started():
    assert Bell()._thread is None


def test_a_message_of_another_process_is_heard(living, another_client):
    calls = heard(living, Topic.USERS)
    living.start()
    assert living._thread.daemon
    wait_until(lambda: another_client.pubsub_numsub(CHANNEL)[0][1] >= 1)

    another_client.publish(CHANNEL, payload(Topic.USERS, "a"))

    wait_until(lambda: calls == [["a"]])


def test_garbage_from_another_process_does_not_end_the_listening(living, another_client):
    calls = heard(living, Topic.SESSIONS)
    living.start()
    wait_until(lambda: another_client.pubsub_numsub(CHANNEL)[0][1] >= 1)
    for garbage in GARBAGE:
        another_client.publish(CHANNEL, garbage)

    another_client.publish(CHANNEL, payload(Topic.SESSIONS, "a"))

    wait_until(lambda: calls == [["a"]])
    assert living._thread.is_alive()


def test_threads_that_start_it_at_once_start_one(living):
    before = {*threading.enumerate()}
    barrier = threading.Barrier(8)

    def start():
        barrier.wait(20)
        living.start()

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    # A thread of an earlier test may end meanwhile.
    assert {*threading.enumerate()} - before == {living._thread}


def test_subscribers_read_after_each_connection(living, monkeypatch):
    order, connections = [], []
    real = bells._listen
    monkeypatch.setattr(bells, "_listen", lambda: connections.append(real()) or connections[-1])
    living.on_connect(lambda: order.append("connect"))
    living.on_tick(lambda: order.append("tick"))
    living.on_alive(lambda: order.append("alive"))
    living.start()
    wait_until(lambda: order[2:3])

    connections[0].connection._sock.shutdown(socket.SHUT_RDWR)

    wait_until(lambda: order.count("connect") == 2 and order[-1] == "alive")
    assert order[:3] == ["connect", "tick", "alive"]
    second = order.index("connect", 1)
    assert set(order[2:second]) == {"alive"}
    assert order[second : second + 3] == ["connect", "tick", "alive"]


def test_subscribers_read_at_each_interval(living, monkeypatch):
    monkeypatch.setattr(bells, "POLL_SECONDS", 0.1)
    ticks, connects = [], []
    living.on_tick(lambda: ticks.append(1))
    living.on_connect(lambda: connects.append(1))

    living.start()

    wait_until(lambda: len(ticks) >= 3)
    assert connects == [1]


def test_without_redis_subscribers_keep_reading(living, dead_redis):
    ticks, others = [], []
    living.on_tick(lambda: ticks.append(1))
    living.on_connect(lambda: others.append("connect"))
    living.on_alive(lambda: others.append("alive"))

    living.start()

    wait_until(lambda: len(ticks) >= 3)
    assert others == []


@pytest.mark.parametrize("hook", ["on_connect", "on_tick", "on_alive"])
def test_a_hook_that_raises_does_not_stop_the_others(living, monkeypatch, hook):
    monkeypatch.setattr(bells, "POLL_SECONDS", 0.1)
    first, last = [], []
    getattr(living, hook)(lambda: first.append(1))
    getattr(living, hook)(broken)
    getattr(living, hook)(lambda: last.append(1))
    ticks = []
    living.on_tick(lambda: ticks.append(1))

    living.start()

    wait_until(lambda: first and last and len(ticks) >= 3)
    assert living._thread.is_alive()


# Forks


@pytest.mark.servers
def test_after_a_fork_a_fresh_thread_starts():
    """Runs in a new interpreter, because pytest must not fork while threads run."""
    code = (
        "import django, os, threading; django.setup()\n"
        "from accounts import bell as bells\n"
        "from accounts.bell import bell\n"
        "bells._listen = lambda: None\n"
        "bell._on_tick.clear()\n"
        "def thread_ticks():\n"
        "    ticked = threading.Event()\n"
        "    bell.on_tick(ticked.set)\n"
        "    bell.start()\n"
        "    return ticked.wait(60)\n"
        "assert bell._thread is None\n"
        "assert thread_ticks()\n"
        "assert bell._thread.is_alive()\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    fresh = bell._thread is None and thread_ticks() and bell._thread.is_alive()\n"
        "    os._exit(0 if fresh and len(bell._on_tick) == 2 else 1)\n"
        "assert bell._thread.is_alive()\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        check=False,
    )

    assert done.returncode == 0


def test_the_message_holds_a_topic_and_ids_alone(bell, listener):
    name = uuid4()

    bell.publish(Topic.KEYS, [name])

    [told] = published(listener)
    assert json.dumps(told) == '{"topic": "keys", "ids": ["%s"]}' % name
