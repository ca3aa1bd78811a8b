"""Test the checks of Redis with a real server, healthy and with each fault."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from doctor import redis_server
from tests.doctor.reports import version_line
from tests.kit import redis_servers, sites
from tests.kit.rings import starts_processes
from tests.kit.waiting import wait_until

NTP = "Run NTP (chrony, systemd-timesyncd) on both machines."


@pytest.fixture(scope="module")
@starts_processes
def port(tmp_path_factory):
    with redis_servers.redis_server(tmp_path_factory.mktemp("redis")) as port:
        yield port


@pytest.fixture
def at(settings):
    """Point the site to this Redis: sessions in database 0, the cache in 1."""
    before = settings.CACHES

    def run(sessions: str, cache: str = "") -> None:
        settings.REDIS_IS_EMBEDDED = False
        settings.CACHES = {
            "sessions": before["sessions"] | {"LOCATION": f"redis://{sessions}/0"},
            "default": before["default"] | {"LOCATION": f"redis://{cache or f'{sessions}/1'}"},
        }

    yield run
    settings.CACHES = before


@pytest.fixture
def here(at, port, public):
    """Point a public site to the healthy Redis."""
    at(f"127.0.0.1:{port}")


@contextmanager
def configured(port, **directives):
    """Change the configuration by `CONFIG SET` inside the block."""
    redis = redis_servers.client(port)
    named = {name.replace("_", "-"): value for name, value in directives.items()}
    before = {name: redis.config_get(name)[name] for name in named}
    redis.config_set(*(part for pair in named.items() for part in pair))
    try:
        yield
    finally:
        redis.config_set(*(part for pair in before.items() for part in pair))
        redis.close()


def test_a_healthy_redis(told, here, port):
    server = redis_servers.client(port).info("server")
    assert told(redis_server.area()) == {
        "redis": ("ok", f"127.0.0.1:{port} answers in N ms", ""),
        "redis version": version_line(server),
        "redis persistence": ("ok", "append-only file, fsync everysec", ""),
        "redis eviction": ("ok", "noeviction", ""),
        "redis memory": ("ok", "N MiB used, N% of the machine's memory (maxmemory isn't set)", ""),
        "redis replicas": (
            "ok",
            "none: if this machine is lost, all browsers must sign in again",
            "",
        ),
        "redis clock": ("ok", "0.0 s apart from this machine's clock", ""),
        "redis databases": ("ok", "sessions in 0, cache in 1", ""),
    }


def test_the_checks_write_nothing(told, here, port):
    told(redis_server.area())

    assert redis_servers.client(port).dbsize() == redis_servers.client(port, db=1).dbsize() == 0


def test_the_embedded_redis_on_a_public_site_is_a_warning(told, here, port, settings):
    settings.REDIS_IS_EMBEDDED = True

    assert told(redis_server.area())["redis"] == (
        "warning",
        f"127.0.0.1:{port} answers in N ms: the embedded server, which serves one machine only",
        "Set REDIS_URL for any other use.",
    )


def test_a_dead_address_is_an_error_and_the_rest_is_skipped(told, at):
    at("127.0.0.1:9")

    lines = told(redis_server.area())

    assert lines.pop("redis") == (
        "error",
        "127.0.0.1:9 doesn't answer: Error 111 connecting to 127.0.0.1:9. Connection refused.",
        "Start it, or correct REDIS_URL: until then nobody can sign in.",
    )
    assert len(lines) == 7
    assert set(lines.values()) == {("skipped", "not checked, see redis", "")}


def test_a_missing_embedded_redis_names_the_command(told, settings, caches_as):
    settings.REDIS_IS_EMBEDDED = True
    caches_as(LOCATION="unix:///nowhere/redis.sock?db=0")

    level, found, advice = told(redis_server.area())["redis"]

    assert (level, advice) == ("error", "`manage.py serve` starts it.")
    assert found.startswith("/nowhere/redis.sock doesn't answer: ")


@pytest.mark.slow
def test_a_silent_server_gets_its_own_error(told, at):
    with sites.silent() as port:
        at(f"127.0.0.1:{port}")

        level, found, _ = told(redis_server.area())["redis"]

    assert (level, found) == (
        "error",
        f"127.0.0.1:{port} doesn't answer: Timeout reading from socket",
    )


@pytest.mark.servers
def test_a_wrong_password_is_reported_and_not_shown(told, at, tmp_path):
    with redis_servers.redis_server(
        tmp_path / "r", "--requirepass", redis_servers.PASSWORD
    ) as port:
        at(f":wrong-password@127.0.0.1:{port}")
        wrong = told(redis_server.area())["redis"]

        at(f":{redis_servers.PASSWORD}@127.0.0.1:{port}")
        right = told(redis_server.area())["redis"]

    assert (wrong[0], wrong[2]) == ("error", "Correct REDIS_URL.")
    assert wrong[1].startswith(f"127.0.0.1:{port}: ")
    assert "wrong-password" not in wrong[1]
    assert right == ("ok", f"127.0.0.1:{port} answers in N ms", "")


@pytest.mark.servers
def test_a_redis_user_without_rights_is_a_warning(told, at, tmp_path):
    with redis_servers.redis_server(tmp_path / "r") as port:
        redis_servers.client(port).acl_setuser(
            "site", enabled=True, nopass=True, keys=["*"], categories=["+@all"], commands=["-info"]
        )
        at(f"site:any@127.0.0.1:{port}")

        level, found, advice = told(redis_server.area())["redis version"]

    assert (level, advice) == ("warning", "Let the site's Redis user run PING, INFO and TIME.")
    assert found.startswith("the server refuses to tell: ")


def test_a_replica_instead_of_a_primary_is_an_error(told, at, port, tmp_path):
    with redis_servers.redis_server(tmp_path / "r", "--replicaof", f"127.0.0.1 {port}") as replica:
        at(f"127.0.0.1:{replica}")

        found = told(redis_server.area())["redis"]

    assert found == (
        "error",
        f"127.0.0.1:{replica} answers in N ms, but it is a replica: nobody can sign in",
        "Set REDIS_URL to the address of the primary.",
    )


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("6.0.16", ("error", "6.0.16 is too old", "Upgrade to 7.2 or newer.")),
        (
            "6.2.14",
            (
                "warning",
                "6.2.14: its makers no longer patch this series",
                "Upgrade to 7.2 or newer, unless your distribution still patches it.",
            ),
        ),
        ("7.2.4", ("ok", "7.2.4", "")),
        ("8.2.1", ("ok", "8.2.1", "")),
    ],
)
def test_an_old_version_is_reported(number, expected):
    server = redis_server.Server()
    server.info = {"redis_version": number}

    found = redis_server.version(server)

    assert (str(found.level), found.found, found.advice) == expected


def test_valkey_is_called_by_its_name():
    server = redis_server.Server()
    server.info = {"redis_version": "7.2.4", "valkey_version": "8.1.1"}

    assert redis_server.version(server).found == "Valkey 8.1.1"


@pytest.mark.parametrize(("where", "level"), [("public", "error"), ("laptop", "warning")])
def test_a_redis_without_persistence_is_reported(told, at, port, request, where, level):
    request.getfixturevalue(where)
    at(f"127.0.0.1:{port}")
    with configured(port, appendonly="no"):
        found = told(redis_server.area())["redis persistence"]

    assert found == (
        level,
        "no append-only file: a restart signs everybody out",
        "Set `appendonly yes` (deploy/redis/redis.conf).",
    )


def test_persistence_without_fsync_is_a_warning(told, here, port):
    with configured(port, appendfsync="no"):
        found = told(redis_server.area())["redis persistence"]

    assert found == (
        "warning",
        "append-only file, but no fsync: a crash of the machine loses the last sign-ins",
        "Set `appendfsync everysec`.",
    )


def test_a_failed_write_of_the_file_is_an_error():
    server = redis_server.Server()
    server.info = {"aof_enabled": 1, "aof_last_write_status": "err"}

    found = redis_server.persistence(server)

    assert (str(found.level), found.found) == ("error", "aof_last_write_status is err")


def test_eviction_is_an_error(told, here, port):
    with configured(port, maxmemory_policy="allkeys-lru"):
        found = told(redis_server.area())["redis eviction"]

    assert found == (
        "error",
        "allkeys-lru: when memory is full, Redis drops sessions and so signs users out",
        "Set `maxmemory-policy noeviction`.",
    )


@pytest.fixture
def filled(port):
    """Fill Redis with so much data that the memory of connections does not matter."""
    redis = redis_servers.client(port)
    redis.setrange("filler", 64 * 2**20, "x")
    yield redis.info("memory")["used_memory"]
    redis.delete("filler")


@pytest.mark.parametrize(("share", "level"), [(0.95, "error"), (0.8, "warning"), (0.3, "ok")])
def test_nearly_full_memory_is_reported(told, here, port, filled, share, level):
    with configured(port, maxmemory=str(int(filled / share))):
        found = told(redis_server.area())["redis memory"]

    advice = "" if level == "ok" else "Raise maxmemory: when memory is full, nobody can sign in."
    assert found == (level, "N MiB used, N% of maxmemory", advice)


def test_too_few_replicas_for_the_awaited_writes_are_an_error(told, here, port, settings, tmp_path):
    settings.REDIS_REPLICA_ACKS = 1
    alone = told(redis_server.area())["redis replicas"]
    with redis_servers.redis_server(tmp_path / "r", "--replicaof", f"127.0.0.1 {port}"):
        redis = redis_servers.client(port)
        wait_until(lambda: redis.info("replication").get("slave0", {}).get("state") == "online")
        together = told(redis_server.area())["redis replicas"]

    assert alone == (
        "error",
        "0 online, but writes wait for 1",
        "Start replicas, or lower REDIS_REPLICA_ACKS.",
    )
    assert together == ("ok", "1 online", "")


def test_a_replica_that_still_copies_is_a_warning():
    server = redis_server.Server()
    server.info = {"connected_slaves": 1, "slave0": {"state": "wait_bgsave"}}

    found = redis_server.replicas(server)

    assert (str(found.level), found.found) == ("warning", "0 of 1 online")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (1, ("ok", "1.0 s apart from this machine's clock", "")),
        (10, ("warning", "10.0 s apart from this machine's clock", NTP)),
        (
            -60,
            (
                "error",
                "60.0 s apart from this machine's clock: tokens and time-outs end too early or too late",
                NTP,
            ),
        ),
    ],
)
def test_a_wrong_clock_is_reported(told, here, seconds, expected):
    """Moves our clock, because the doctor cannot know which of the two is right."""
    with time_machine.travel(timezone.now() + timedelta(seconds=seconds)):
        found = told(redis_server.area())["redis clock"]

    level, text, advice = found
    assert (level, text.split(" s ", 1)[1], advice) == (
        expected[0],
        expected[1].split(" s ", 1)[1],
        expected[2],
    )
    assert abs(float(text.split()[0]) - abs(seconds)) < 0.9


def test_one_database_for_both_is_an_error_by_any_host_name(told, at, port):
    at(f"127.0.0.1:{port}", cache=f"localhost:{port}/0")

    assert told(redis_server.area())["redis databases"] == (
        "error",
        "sessions and cache share database 0: clearing the cache signs everybody out",
        "Name another database in REDIS_CACHE_URL, or leave it empty.",
    )


def test_two_servers_may_use_the_same_database_number(told, at, port, tmp_path):
    with redis_servers.redis_server(tmp_path / "r") as other:
        at(f"127.0.0.1:{port}", cache=f"127.0.0.1:{other}/0")

        found = told(redis_server.area())["redis databases"]

    assert found == ("ok", "sessions and cache on two servers", "")


def test_a_cache_that_is_down_is_a_separate_error(told, at, port):
    at(f"127.0.0.1:{port}", cache="127.0.0.1:9/1")

    lines = told(redis_server.area())

    assert lines["redis"][0] == "ok"
    assert lines["redis databases"] == (
        "error",
        (
            "the cache at 127.0.0.1:9 doesn't answer: "
            "Error 111 connecting to 127.0.0.1:9. Connection refused."
        ),
        "Start it, or correct REDIS_CACHE_URL: rate limits are kept there.",
    )
