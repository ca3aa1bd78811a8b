"""Test `redis`: it turns Redis addresses into `CACHES`."""

import shutil
from functools import partial

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django_redis import get_redis_connection

from accounts.bell import _listen
from accounts.store.engine import SessionStore
from config import redis
from tests.kit import processes
from tests.kit.ports import free_ports
from tests.kit.redis_servers import accepts
from tests.kit.rings import starts_processes
from tests.kit.waiting import wait_until


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
def test_sessions_and_cache_have_separate_databases(address, sessions, default):
    caches = redis.caches(address)

    assert caches["sessions"]["LOCATION"] == sessions
    assert caches["default"]["LOCATION"] == default


def test_a_separate_cache_address_is_used_unchanged():
    caches = redis.caches("redis://one/0", "redis://two/3")

    assert caches["sessions"]["LOCATION"] == "redis://one/0"
    assert caches["default"]["LOCATION"] == "redis://two/3"


@pytest.mark.parametrize("alias", ["default", "sessions"])
def test_no_value_is_pickled_and_every_wait_has_a_limit(alias):
    options = redis.caches("redis://host")[alias]["OPTIONS"]

    assert options["SERIALIZER"] == "django_redis.serializers.json.JSONSerializer"
    assert 0 < options["CONNECTION_POOL_KWARGS"]["socket_timeout"] <= 2
    assert 0 < options["CONNECTION_POOL_KWARGS"]["socket_connect_timeout"] <= 2
    assert "IGNORE_EXCEPTIONS" not in options


SENTINELS = redis.Sentinels(
    ["one:26379", "two:26380", "[::1]:26381"],
    master_name="main",
    username="site",
    password="secret",
    sentinel_password="ask",
    tls=True,
)


@pytest.mark.parametrize("alias", ["default", "sessions"])
def test_with_sentinels_sessions_and_cache_use_the_primary(alias):
    cache = redis.caches("unix:///ignored.sock", sentinels=SENTINELS)[alias]

    options = cache["OPTIONS"]
    assert cache["LOCATION"] == f"redis://main/{0 if alias == 'sessions' else 1}"
    assert options["CONNECTION_FACTORY"] == "django_redis.pool.SentinelConnectionFactory"
    assert "CLIENT_CLASS" not in options  # django-redis's SentinelClient reads from replicas
    assert options["SENTINELS"] == [("one", 26379), ("two", 26380), ("::1", 26381)]
    pool, asking = options["CONNECTION_POOL_KWARGS"], options["SENTINEL_KWARGS"]
    assert (pool["username"], pool["password"], pool["ssl"]) == ("site", "secret", True)
    assert (asking["password"], asking["ssl"]) == ("ask", True)
    assert 0 < asking["socket_timeout"] <= 1
    assert 0 < asking["socket_connect_timeout"] <= 1


def test_a_separate_cache_does_not_use_the_sentinels():
    caches = redis.caches("unix:///x", "redis://cache/3", sentinels=SENTINELS)

    assert caches["default"]["LOCATION"] == "redis://cache/3"
    assert "SENTINELS" not in caches["default"]["OPTIONS"]
    assert "password" not in caches["default"]["OPTIONS"]["CONNECTION_POOL_KWARGS"]


def test_without_passwords_no_password_is_sent():
    plain = redis.Sentinels(["one:1"], master_name="main")

    options = redis.caches("", sentinels=plain)["sessions"]["OPTIONS"]

    assert not {"username", "password", "ssl"} & set(options["CONNECTION_POOL_KWARGS"])
    assert not {"password", "ssl"} & set(options["SENTINEL_KWARGS"])


CLUSTER = redis.Cluster(["one:7000", "[::1]:7001"], username="site", password="secret", tls=True)


def test_with_a_cluster_only_the_sessions_are_there():
    caches = redis.caches("unix:///ignored.sock", "redis://cache/3", cluster=CLUSTER)

    options = caches["sessions"]["OPTIONS"]
    pool = options["CONNECTION_POOL_KWARGS"]
    assert caches["default"]["LOCATION"] == "redis://cache/3"
    assert "CLUSTER" not in caches["default"]["OPTIONS"]
    assert caches["sessions"]["LOCATION"] == "rediss://one:7000/0"
    assert options["CLUSTER"] == [("one", 7000), ("::1", 7001)]
    assert (pool["username"], pool["password"], pool["ssl"]) == ("site", "secret", True)
    assert pool["retry"].get_retries() == 0
    assert "password" not in caches["default"]["OPTIONS"]["CONNECTION_POOL_KWARGS"]


def test_a_cluster_without_a_password_and_tls_sends_none():
    made = redis.caches("", "redis://cache", cluster=redis.Cluster(["[::1]:7001"]))["sessions"]

    assert made["LOCATION"] == "redis://[::1]:7001/0"
    assert not {"username", "password", "ssl"} & set(made["OPTIONS"]["CONNECTION_POOL_KWARGS"])


def test_a_cluster_leaves_the_caches_to_the_sentinels():
    caches = redis.caches("", sentinels=SENTINELS, cluster=CLUSTER)

    assert "SENTINELS" not in caches["sessions"]["OPTIONS"]
    assert caches["default"]["OPTIONS"]["SENTINELS"] == SENTINELS.hosts


def test_a_cluster_without_a_place_for_the_caches_is_refused():
    with pytest.raises(ImproperlyConfigured, match="Name another Redis in REDIS_CACHE_URL"):
        redis.caches("redis://ignored", cluster=CLUSTER)


@pytest.mark.parametrize("address", ["one", "one:", ":7000", "one:x", "redis://one:7000/0", ""])
def test_a_malformed_node_is_refused_by_name_of_the_setting(address):
    with pytest.raises(ImproperlyConfigured, match="REDIS_CLUSTER"):
        redis.caches("", "redis://cache", cluster=redis.Cluster([address]))


@pytest.mark.parametrize("address", ["one", "one:", ":26379", "one:x", "redis://one:26379/0", ""])
def test_a_malformed_sentinel_is_refused_by_name_of_the_setting(address):
    with pytest.raises(ImproperlyConfigured, match="REDIS_SENTINELS"):
        redis.caches("", sentinels=redis.Sentinels([address], master_name="main"))


def test_redis_py_does_not_retry():
    """`accounts.store.outage` retries already; retries inside its retries would multiply."""
    for sentinels in (None, SENTINELS):
        options = redis.caches("redis://host", sentinels=sentinels)["sessions"]["OPTIONS"]

        assert options["CONNECTION_POOL_KWARGS"]["retry"].get_retries() == 0
        assert not sentinels or options["SENTINEL_KWARGS"]["retry"].get_retries() == 0


@pytest.mark.parametrize(
    ("url", "keeps_alive"), [("redis://host", True), ("unix:///run/redis.sock", False)]
)
def test_a_unix_socket_has_no_keepalive(url, keeps_alive):
    pool = redis.caches(url)["sessions"]["OPTIONS"]["CONNECTION_POOL_KWARGS"]

    assert pool.get("socket_keepalive", False) is keeps_alive


# tests/cluster has a real primary with replicas and Sentinels. Here one Sentinel shows that the
# settings find the primary.


@pytest.fixture
@starts_processes
def primary(tmp_path):
    """Start a Redis, and a Sentinel that knows it as `main`; both require a password."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server")
    first = free_ports(2)
    (tmp_path / "sentinel.conf").write_text(
        f"port {first + 1}\nbind 127.0.0.1\ndir {tmp_path}\nrequirepass ask\n"
        f"sentinel monitor main 127.0.0.1 {first} 1\nsentinel auth-pass main secret\n"
    )
    password = ["--requirepass", "secret", "--masterauth", "secret", "--save", ""]
    commands = [
        [program, "--port", str(first), "--bind", "127.0.0.1", "--dir", str(tmp_path), *password],
        [program, str(tmp_path / "sentinel.conf"), "--sentinel"],
    ]
    log = (tmp_path / "log").open("w")
    started = [processes.start(command, stdout=log) for command in commands]
    for number, process in enumerate(started):
        wait_until(partial(accepts, first + number, process), "Redis and its Sentinel listen")
    yield redis.Sentinels(
        [f"127.0.0.1:{first + 1}"],
        master_name="main",
        password="secret",
        sentinel_password="ask",
    )
    for process in started:
        process.kill()
        process.wait(20)
    log.close()


def test_sessions_bell_and_limits_find_the_primary_by_its_sentinel(primary, settings):
    before = settings.CACHES
    settings.CACHES = redis.caches("", sentinels=primary)
    try:
        store = SessionStore()
        store["a"] = 1
        store.create()
        bell = _listen()
        caches["default"].set("limit", 1, 60)

        assert SessionStore(store.session_key)["a"] == 1
        assert bell is not None
        assert caches["default"].get("limit") == 1
        assert get_redis_connection("sessions").dbsize() == 1  # not in the cache's database
        bell.close()
    finally:
        settings.CACHES = before


@pytest.mark.parametrize("cut", ["/", "?", "#"])
@pytest.mark.parametrize("which", ["sessions", "cache"])
def test_an_unreadable_redis_url_is_refused_without_showing_its_password(cut, which):
    broken = f"redis://:begin{cut}ending@localhost:port/0"
    sound = "redis://localhost:6379/0"
    urls = (broken, "") if which == "sessions" else (sound, broken)

    with pytest.raises(ImproperlyConfigured) as raised:
        redis.caches(*urls)

    assert "Percent-encode its password" in str(raised.value)
    assert "begin" not in str(raised.value)
    assert "ending" not in str(raised.value)
    assert raised.value.__suppress_context__
