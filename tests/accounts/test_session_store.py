"""Sessions in Redis: by HMAC, as JSON, and never guessed at when Redis can't answer."""

import json
import os
import pickle

import pytest
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.core.cache import caches
from django_redis import get_redis_connection

from accounts import session_store
from accounts.models import AuthSession
from accounts.session_store import NamedSessionStore, SessionStore
from tests.factories import PASSWORD

COOKIE = "session"


@pytest.fixture
def redis():
    return get_redis_connection("sessions")


def contents(redis):
    """Every key and value, as text."""
    return {key.decode(): redis.get(key).decode() for key in redis.keys("*")}


def test_no_cookie_value_rests_in_redis(signed_in, redis):
    cookie = signed_in.cookies[COOKIE].value

    stored = contents(redis)

    assert len(stored) == 2
    assert not [text for pair in stored.items() for text in pair if cookie in text]


def test_no_password_rests_in_redis(signed_in, user, redis):
    stored = " ".join(text for pair in contents(redis).items() for text in pair)

    assert PASSWORD not in stored
    assert user.password not in stored


def test_values_are_json(signed_in, redis):
    values = [json.loads(value) for value in contents(redis).values()]

    assert any(isinstance(value, dict) and value["sid"] for value in values)


def test_keys_expire_with_the_session(signed_in, redis, settings):
    lifetimes = [redis.ttl(key) for key in redis.keys("*")]

    assert all(0 < seconds <= settings.SESSION_COOKIE_AGE for seconds in lifetimes)


def test_a_made_up_id_is_not_adopted(db):
    store = SessionStore("a" * 32)

    loaded = store.load()

    assert loaded == {}
    assert store.session_key is None


def test_an_ended_session_does_not_come_back_by_a_late_save(db):
    store = SessionStore()
    store["a"] = 1
    store.create()
    late = SessionStore(store.session_key)
    late["a"] = 2
    store.delete()

    with pytest.raises(UpdateError):
        late.save()

    assert not SessionStore().exists(late.session_key)


def test_two_sessions_never_share_an_id(db):
    store = SessionStore()
    store.create()
    thief = SessionStore(store.session_key)

    with pytest.raises(CreateError):
        thief.save(must_create=True)


@pytest.mark.parametrize(
    "value", [b"", b"{", b"null", b"[1]", b"1", b'"x"', b"\x80\x04K\x01.", b"\xff"]
)
def test_a_corrupted_session_is_signed_out_and_no_error(signed_in, redis, value):
    for key in redis.keys("*session:*"):
        redis.set(key, value)
    signed_in.raise_request_exception = False

    response = signed_in.get("/accounts/email/")

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_a_pickle_is_never_loaded(signed_in, redis):
    class Bomb:
        def __reduce__(self):
            return os._exit, (1,)

    for key in redis.keys("*session:*"):
        redis.set(key, pickle.dumps(Bomb()))
    signed_in.raise_request_exception = False

    response = signed_in.get("/accounts/email/")

    assert response.status_code == 302


def test_drop_ends_the_session_of_a_sign_in(signed_in, redis):
    session = AuthSession.objects.get()

    session_store.drop(session.pk)

    assert contents(redis) == {}


def test_drop_of_an_unknown_sign_in_harms_nobody(signed_in, redis):
    before = contents(redis)

    session_store.drop("00000000-0000-4000-8000-000000000000")

    assert contents(redis) == before


def test_lookup_finds_the_session_without_its_id(signed_in):
    session = AuthSession.objects.get()

    found = session_store.lookup(session.pk)

    assert isinstance(found, NamedSessionStore)
    assert found["sid"] == str(session.pk)


def test_lookup_of_an_unknown_sign_in_finds_nothing(db):
    assert session_store.lookup("00000000-0000-4000-8000-000000000000") is None


@pytest.mark.parametrize("name", ["session:", "session:x", "sid:x"])
def test_a_cookie_cannot_name_a_redis_key(signed_in, client, redis, name):
    session = next(key for key in contents(redis) if "session:" in key)
    client.cookies[COOKIE] = session.rpartition(":1:")[2]

    response = client.get("/api/me/")

    assert response.status_code == 401


def test_clearing_the_cache_signs_nobody_out(signed_in):
    caches["default"].clear()

    response = signed_in.get("/api/me/")

    assert response.status_code == 200


def test_another_key_finds_no_session(signed_in, settings):
    settings.SESSION_ID_KEY = "another" * 8

    response = signed_in.get("/api/me/")

    assert response.status_code == 401


def test_an_error_is_not_an_empty_session(db, dead_redis):
    store = SessionStore("a" * 32)

    with pytest.raises(session_store.STORE_ERRORS):
        store.load()

    assert store.session_key == "a" * 32


@pytest.mark.parametrize("verb", ["save", "exists", "delete"])
def test_no_verb_hides_an_error(db, dead_redis, verb):
    store = SessionStore("a" * 32)
    store._session_cache = {"a": 1}

    with pytest.raises(session_store.STORE_ERRORS):
        getattr(store, verb)(*(["a" * 32] if verb == "exists" else []))


def test_drop_tells_of_an_error(db, dead_redis):
    with pytest.raises(session_store.STORE_ERRORS):
        session_store.drop("00000000-0000-4000-8000-000000000000")
