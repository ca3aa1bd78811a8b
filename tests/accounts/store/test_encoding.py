"""Sign out if a value in Redis is damaged, too large or of another type. Never raise an error."""

import json
import os
import pickle
import time

import pytest
from django_redis import get_redis_connection


@pytest.fixture
def redis():
    return get_redis_connection("sessions")


def only(redis, pattern):
    (key,) = redis.keys(pattern)
    return key


def stored(redis):
    return json.loads(redis.get(only(redis, "session:*")))


@pytest.fixture
def complaints(caplog):
    caplog.set_level("WARNING", logger="accounts.store.engine")
    return caplog


def with_value(redis, value):
    for key in redis.keys("session:*"):
        redis.set(key, value, keepttl=True)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"null",
        b"[1]",
        b"1",
        b'"x"',
        b"\x80\x04K\x01.",
        b"\xff",
        b"[" * 10_000,
        b"9" * 10_000,
        b'{"v":1}',
        b'{"v":1,"c":1,"d":[]}',
        b'{"v":1,"c":1,"d":null}',
        b'{"v":1,"c":1,"d":"x"}',
        b'{"v":1,"c":1,"d":5}',
        b'{"v":1,"c":"1","d":{}}',
        b'{"v":1,"c":-1,"d":{}}',
        b'{"v":1,"c":99999999999999999999,"d":{}}',
        b'{"v":1,"c":true,"d":{}}',
        b'{"v":1,"c":NOW,"d":{"_auth_user_id":"x"}}',
        b'{"v":1,"c":NOW,"d":{"_auth_user_id":[]}}',
        b'{"v":1,"c":NOW,"d":{"_auth_user_id":1}}',
    ],
    ids=lambda value: value[:60].decode("latin-1"),
)
def test_a_damaged_session_is_signed_out_and_no_error(signed_in, redis, value, complaints):
    with_value(redis, value.replace(b"NOW", str(int(time.time())).encode()))
    signed_in.raise_request_exception = False

    response = signed_in.get("/accounts/email/")

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")
    assert "a session can't be read" in complaints.text


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_a_session_of_another_version_is_signed_out(signed_in, redis, version, complaints):
    with_value(redis, json.dumps(stored(redis) | {"v": version}))

    response = signed_in.get("/accounts/email/")

    assert response.status_code == 302
    assert "a session can't be read" in complaints.text


def test_an_oversized_session_is_signed_out_without_fetching_it(signed_in, redis, complaints):
    value = stored(redis)
    value["d"]["x"] = "x" * 5_000_000
    with_value(redis, json.dumps(value))
    before = redis.info("stats")["total_net_output_bytes"]

    response = signed_in.get("/accounts/email/")

    assert response.status_code == 302
    assert "a session can't be read" in complaints.text
    assert redis.info("stats")["total_net_output_bytes"] - before < 1_000_000


def test_a_value_of_another_kind_is_signed_out(signed_in, redis, complaints):
    key = only(redis, "session:*")
    redis.delete(key)
    redis.lpush(key, "x")

    response = signed_in.get("/accounts/email/")

    assert response.status_code == 302
    assert "a session can't be read" in complaints.text


def test_a_pickle_is_never_loaded(signed_in, redis):
    class Bomb:
        def __reduce__(self):
            return os._exit, (1,)

    with_value(redis, pickle.dumps(Bomb()))
    signed_in.raise_request_exception = False

    response = signed_in.get("/accounts/email/")

    assert response.status_code == 302
