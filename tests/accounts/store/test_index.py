"""Fetch sessions: a request never reads an answer that was meant for another request."""

import threading

import pytest
import redis

from accounts.store import index


@pytest.fixture
def store(own_redis):
    own_redis.client.set("session:a", "a's", ex=100)
    own_redis.client.set("session:b", "b's", ex=200)
    return own_redis


def test_fetch_returns_the_remaining_lifetime(store):
    value, left_ms = index.fetch("session:b", limit=100)

    assert value == b"b's"
    assert 190_000 < left_ms <= 200_000


def test_fetch_reads_at_most_one_byte_above_the_limit(store):
    assert index.fetch("session:a", limit=1)[0] == b"a'"


def test_a_missing_key_differs_from_an_empty_value(store):
    store.client.set("session:empty", "", ex=100)

    assert index.fetch("session:none", limit=100) == (None, None)
    assert index.fetch("session:empty", limit=100)[0] == b""


@pytest.mark.parametrize("answers_taken", [0, 1])
def test_an_unread_answer_never_reaches_the_next_caller(store, monkeypatch, answers_taken):
    """Otherwise a request on a shared connection would get another user's session."""
    index.fetch("session:b", limit=100)  # connected
    real, taken = redis.connection.AbstractConnection.read_response, []

    def interrupted(self, *args, **kwargs):
        if len(taken) == answers_taken:
            raise KeyboardInterrupt
        taken.append(1)
        return real(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(redis.connection.AbstractConnection, "read_response", interrupted)
        if answers_taken == 0:
            store.freeze()  # the answers arrive after another caller has taken the connection
        with pytest.raises(KeyboardInterrupt):
            index.fetch("session:a", limit=100)
    thaw = threading.Timer(0.1, store.thaw)
    thaw.start()

    value, left_ms = index.fetch("session:b", limit=100)

    thaw.join()
    assert value == b"b's"
    assert left_ms > 190_000
