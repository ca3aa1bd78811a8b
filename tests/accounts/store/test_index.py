"""Fetch sessions, and delete those of a sign-in or of a user.

A request never reads an answer that was meant for another request.
"""

import threading
import time

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


# By sign-in and by user


def test_drop_ends_the_session_of_a_sign_in(signed_in, user, redis):
    session = AuthSession.objects.get()

    index.drop(session.pk, user_id=user.pk)

    assert contents(redis) == {}


def test_drop_of_an_unknown_sign_in_harms_nobody(signed_in, user, redis):
    before = contents(redis)

    index.drop(NOBODY, user_id=user.pk)

    assert contents(redis) == before


def test_drop_all_ends_everything_but_the_one_to_keep(redis):
    sids = [f"00000000-0000-4000-8000-{number:012}" for number in range(5)]
    stores = {}
    for sid in sids:
        stores[sid] = SessionStore()
        stores[sid].update({"_auth_user_id": NOBODY, "sid": sid})
        stores[sid].create()
    strangers = SessionStore()
    strangers.update({"_auth_user_id": NOBODY[:-1] + "1", "sid": NOBODY[:-1] + "9"})
    strangers.create()

    index.drop_all(NOBODY, keep=sids[2])

    assert sorted(redis.keys("session:*")) == sorted(
        [stores[sids[2]]._name.encode(), strangers._name.encode()]
    )
    assert redis.zrange(f"user:{NOBODY}", 0, -1) == [sids[2].encode()]
    assert len(redis.keys("sid:*")) == 2


def test_the_users_set_drops_expired_sessions(member, redis):
    redis.zadd(f"user:{NOBODY}", {"gone": time.time() - 1})
    another = SessionStore()
    another.update({"_auth_user_id": NOBODY, "sid": "another"})

    another.create()

    assert redis.zrange(f"user:{NOBODY}", 0, -1) == [NOBODY.encode(), b"another"]


def test_drop_raises_an_error(db, dead_redis):
    with pytest.raises(outage.STORE_ERRORS):
        index.drop(NOBODY, user_id=NOBODY)
