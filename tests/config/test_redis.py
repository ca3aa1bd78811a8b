"""Redis addresses in, `CACHES` out."""

import pytest

from config import redis


@pytest.mark.parametrize(
    ("address", "sessions", "default"),
    [
        ("redis://host:6379", "redis://host:6379/0", "redis://host:6379/1"),
        ("redis://host:6379/", "redis://host:6379/0", "redis://host:6379/1"),
        ("redis://host:6379/4", "redis://host:6379/4", "redis://host:6379/5"),
        ("redis://user:p%40ss@host/2", "redis://user:p%40ss@host/2", "redis://user:p%40ss@host/3"),
        ("rediss://host:6380/0", "rediss://host:6380/0", "rediss://host:6380/1"),
        (
            "rediss://host:6380/0?ssl_cert_reqs=required",
            "rediss://host:6380/0?ssl_cert_reqs=required",
            "rediss://host:6380/1?ssl_cert_reqs=required",
        ),
        ("redis://[::1]:6379/0", "redis://[::1]:6379/0", "redis://[::1]:6379/1"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock?db=0", "unix:///run/redis.sock?db=1"),
        (
            "unix:///run/redis.sock?db=6",
            "unix:///run/redis.sock?db=6",
            "unix:///run/redis.sock?db=7",
        ),
        (
            "unix:///run/redis.sock?db=6&password=x",
            "unix:///run/redis.sock?db=6&password=x",
            "unix:///run/redis.sock?db=7&password=x",
        ),
    ],
)
def test_sessions_and_cache_are_databases_of_their_own(address, sessions, default):
    caches = redis.caches(address)

    assert caches["sessions"]["LOCATION"] == sessions
    assert caches["default"]["LOCATION"] == default


def test_a_cache_address_of_its_own_is_used_as_it_is():
    caches = redis.caches("redis://one/0", "redis://two/3")

    assert caches["sessions"]["LOCATION"] == "redis://one/0"
    assert caches["default"]["LOCATION"] == "redis://two/3"


@pytest.mark.parametrize("alias", ["default", "sessions"])
def test_nothing_is_pickled_and_nothing_waits_for_ever(alias):
    options = redis.caches("redis://host")[alias]["OPTIONS"]

    assert options["SERIALIZER"] == "django_redis.serializers.json.JSONSerializer"
    assert 0 < options["CONNECTION_POOL_KWARGS"]["socket_timeout"] <= 2
    assert 0 < options["CONNECTION_POOL_KWARGS"]["socket_connect_timeout"] <= 2
    assert "IGNORE_EXCEPTIONS" not in options
