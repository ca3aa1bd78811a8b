"""Find the session of a sign-in by its `sid`, without its cookie."""

import re

from accounts.signins.models import AuthSession
from accounts.store import index, named
from accounts.store.engine import SessionStore
from accounts.store.named import NamedSessionStore
from tests.kit.stored_sessions import NOBODY, only


def test_lookup_finds_the_session_without_its_id(signed_in):
    session = AuthSession.objects.get()

    found = named.lookup(session.pk)

    assert isinstance(found, NamedSessionStore)
    assert found["sid"] == str(session.pk)


def test_lookup_of_an_unknown_sign_in_finds_nothing(db):
    assert named.lookup(NOBODY) is None


def test_lookup_of_a_deleted_session_finds_nothing(member, redis):
    redis.delete(only(redis, "session:*"))

    assert named.lookup(NOBODY) is None


def test_a_looked_up_session_that_is_flushed_is_saved_under_a_new_hmac(member, redis):
    found = named.lookup(NOBODY)
    found.flush()
    found["a"] = 1

    found.save()

    assert re.fullmatch(rb"session:\{[0-9a-f]{4}\}:[A-Za-z0-9_-]{43}", only(redis, "session:*"))
    assert SessionStore(found.session_key)["a"] == 1


def test_peek_does_not_extend_the_idle_time(member, redis):
    redis.expire(only(redis, "session:*"), 100)

    assert named.peek(NOBODY)["sid"] == NOBODY

    assert 0 < redis.ttl(only(redis, "session:*")) <= 100


def test_lookup_extends_the_idle_time_once_it_is_due(member, redis, settings):
    redis.expire(only(redis, "session:*"), 100)

    assert named.lookup(NOBODY)["sid"] == NOBODY

    left = redis.ttl(only(redis, "session:*"))
    assert settings.SESSION_SHORT_IDLE_SECONDS - 5 <= left <= settings.SESSION_SHORT_IDLE_SECONDS


def test_a_key_that_points_to_another_sign_ins_session_finds_nothing(member, redis):
    """A writer to Redis can change where a `sid` points. The sealed session says whose it is."""
    another = NOBODY[:-1] + "9"
    redis.copy(index.name_of_sid(NOBODY), index.name_of_sid(another))

    assert named.peek(NOBODY) is not None
    assert named.peek(another) is None


def test_a_looked_up_session_keeps_its_id(member, redis):
    before = only(redis, "session:*")
    found = named.lookup(NOBODY)
    found["a"] = 1
    found.cycle_key()

    found.save()

    assert only(redis, "session:*") == before
    assert SessionStore(member.session_key)["a"] == 1
