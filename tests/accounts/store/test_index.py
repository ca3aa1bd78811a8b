"""Fetch sessions, and delete those of sign-ins.

A request never reads an answer that was meant for another request.
"""

import threading
from uuid import UUID

import pytest
import redis

from accounts.signins.models import AuthSession
from accounts.store import index, outage
from accounts.store.engine import SessionStore
from tests.kit.stored_sessions import NOBODY, contents


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


# By sign-in


def test_drop_ends_the_session_of_a_sign_in(signed_in, redis):
    session = AuthSession.objects.get()

    index.drop(session.pk)

    assert contents(redis) == {}


def test_drop_of_an_unknown_sign_in_harms_nobody(signed_in, redis):
    before = contents(redis)

    index.drop(UUID(NOBODY))

    assert contents(redis) == before


def test_drop_of_nothing_asks_nothing(dead_redis):
    index.drop()


def test_drop_ends_many_and_no_other(redis, monkeypatch):
    monkeypatch.setattr(index, "MOST_ENDED", 2)
    sids = [str(index.new_sid(index.new_tag())) for _ in range(5)]
    stores = {}
    for sid in sids:
        stores[sid] = SessionStore()
        stores[sid].update({"_auth_user_id": NOBODY, "sid": sid})
        stores[sid].create()
    kept = stores.pop(sids[2])

    index.drop(*map(UUID, stores))

    assert set(contents(redis)) == {kept._name, index.name_of_sid(sids[2])}


def test_drop_raises_an_error(db, dead_redis):
    with pytest.raises(outage.STORE_ERRORS):
        index.drop(UUID(NOBODY))


def test_a_sid_and_its_session_have_one_tag():
    sid = index.new_sid("09af")

    assert (sid.version, index.tag_of(sid)) == (4, "09af")
    assert index.name_of_sid(sid) == f"sid:{{09af}}:{sid}"
    assert index.name_of(f"09af.{'a' * 32}").startswith("session:{09af}:")
