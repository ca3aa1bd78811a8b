"""How a session is fetched: what one request leaves behind is never the next one's."""

import threading

import pytest
import redis

from accounts.store import index


@pytest.fixture
def store(own_redis):
    own_redis.client.set("session:a", "a's", ex=100)
    own_redis.client.set("session:b", "b's", ex=200)
    return own_redis


def test_a_session_comes_with_the_time_it_has_left(store):
    value, left_ms = index.fetch("session:b", limit=100)

    assert value == b"b's"
    assert 190_000 < left_ms <= 200_000


def test_no_more_than_one_byte_too_many_is_fetched(store):
    assert index.fetch("session:a", limit=1)[0] == b"a'"


def test_nothing_is_told_from_an_empty_value(store):
    store.client.set("session:empty", "", ex=100)

    assert index.fetch("session:none", limit=100) == (None, None)
    assert index.fetch("session:empty", limit=100)[0] == b""


@pytest.mark.parametrize("answers_taken", [0, 1])
def test_an_answer_that_nobody_took_is_not_the_next_callers(store, monkeypatch, answers_taken):
    """Somebody else's session would be answered: the worst that a shared connection can do."""
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
            store.freeze()  # the answers come when the connection is in other hands
        with pytest.raises(KeyboardInterrupt):
            index.fetch("session:a", limit=100)
    thaw = threading.Timer(0.1, store.thaw)
    thaw.start()

    value, left_ms = index.fetch("session:b", limit=100)

    thaw.join()
    assert value == b"b's"
    assert left_ms > 190_000
