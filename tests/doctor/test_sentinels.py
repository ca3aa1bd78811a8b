"""Test the checks of fail-over with a real primary, a replica and three Sentinels, each missing."""

import json
import os
from contextlib import ExitStack, contextmanager
from itertools import count

import pytest

from doctor import redis_server, sentinels
from tests.doctor.deployment import doctor
from tests.kit import redis_servers
from tests.kit.rings import starts_processes
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.sweep  # each fault needs a slow fail-over
NUMBERS = count()


class Group:
    """A primary, a replica and three Sentinels, any of which a test may stop.

    The replica is never promoted, because a pause of the machine would otherwise change the roles.
    """

    def __init__(self, directory, stack):
        self.name = f"group{next(NUMBERS)}"
        self.stack = stack
        self.stops = {}
        self.primary = self.start("primary", redis_servers.redis_server(directory / "primary"))
        options = ["--replicaof", f"127.0.0.1 {self.primary}", "--replica-priority", "0"]
        self.replica = self.start(
            "replica",
            redis_servers.redis_server(directory / "replica", *options),
        )
        # A Sentinel asks a primary for its replicas at once, and then every ten seconds.
        wait_until(self.is_linked)
        self.sentinels = [
            self.start(f"sentinel {n}", redis_servers.sentinel(directory, self.name, self.primary))
            for n in range(3)
        ]
        wait_until(self.is_settled, "all Sentinels are connected", seconds=60)

    def start(self, name, context):
        stack = self.stack.enter_context(ExitStack())
        self.stops[name] = stack.close
        return stack.enter_context(context)

    def is_linked(self):
        link = redis_servers.client(self.replica).info("replication")["master_link_status"]
        return link == "up"

    def is_settled(self):
        return self.is_linked() and all(self._knows_all(number) for number in range(3))

    def _knows_all(self, number):
        """Return True if this Sentinel is connected to the replica and both others, not only told of them."""
        sentinel = redis_servers.client(self.sentinels[number])
        others = sentinel.sentinel_sentinels(self.name)
        replicas = sentinel.sentinel_slaves(self.name)
        states = [row["flags"] for row in [*others, *replicas]]
        return states == ["sentinel", "sentinel", "slave"]

    def ask(self, number):
        return redis_servers.client(self.sentinels[number]).sentinel_master(self.name)


@contextmanager
def behind(settings, group, name=""):
    """Set the settings of a site that finds its Redis by these Sentinels."""
    before = settings.CACHES
    settings.REDIS_IS_EMBEDDED, settings.REDIS_REPLICA_ACKS = False, 1
    settings.CACHES = {
        alias: before[alias]
        | {
            "LOCATION": f"redis://{name or group.name}/{number}",
            "OPTIONS": before[alias]["OPTIONS"]
            | {
                "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
                "SENTINELS": [("127.0.0.1", port) for port in group.sentinels],
                "SENTINEL_KWARGS": {"socket_timeout": 2, "socket_connect_timeout": 2},
            },
        }
        for number, alias in enumerate(("sessions", "default"))
    }
    try:
        yield
    finally:
        settings.CACHES = before


@pytest.fixture(scope="module")
@starts_processes
def shared(tmp_path_factory):
    """A group for tests that stop no server."""
    with ExitStack() as stack:
        yield Group(tmp_path_factory.mktemp("group"), stack)


@pytest.fixture
@starts_processes
def own(tmp_path):
    """A group for one test, which may stop its servers."""
    with ExitStack() as stack:
        yield Group(tmp_path, stack)


def test_a_healthy_group(told, settings, public, shared):
    redis_servers.client(shared.primary).config_set("min-replicas-to-write", 1)
    with behind(settings, shared):
        lines = told(sentinels.area()) | told(redis_server.area())
    redis_servers.client(shared.primary).config_set("min-replicas-to-write", 0)

    del lines["redis version"]
    assert lines == {
        "sentinels": (
            "ok",
            f"{shared.name} is 127.0.0.1:{shared.primary}, and all 3 Sentinels agree",
            "",
        ),
        "sentinel quorum": ("ok", "3 of 3 Sentinels reach one another, quorum 2", ""),
        "sentinel replicas": ("ok", "1 follow, with append-only files", ""),
        "sentinel writes": ("ok", "min-replicas-to-write 1, writes wait for 1", ""),
        "redis": ("ok", f"{shared.name} (by Sentinel) answers in N ms", ""),
        "redis persistence": ("ok", "append-only file, fsync everysec", ""),
        "redis eviction": ("ok", "noeviction", ""),
        "redis memory": ("ok", "N MiB used, N% of the machine's memory (maxmemory isn't set)", ""),
        "redis replicas": ("ok", "1 online", ""),
        "redis clock": ("ok", "0.0 s apart from this machine's clock", ""),
        "redis databases": ("ok", "sessions in 0, cache in 1", ""),
    }


def test_a_name_unknown_to_the_sentinels_is_an_error(told, settings, shared):
    with behind(settings, shared, name="other"):
        lines = told(sentinels.area()) | told(redis_server.area())

    addresses = ", ".join(sorted(f"127.0.0.1:{port}" for port in shared.sentinels))
    assert lines["sentinels"] == (
        "error",
        f"{addresses} doesn't know 'other': No such master with that name",
        (
            "Set REDIS_MASTER_NAME to the name after `sentinel monitor` in sentinel.conf, and "
            "SENTINEL_PASSWORD to the Sentinels' password."
        ),
    )
    assert lines["sentinel quorum"] == ("skipped", "not checked, see sentinels", "")
    assert lines["redis"] == (
        "error",
        "other (by Sentinel) doesn't answer: no Sentinel that answers knows 'other'",
        ("Start it, or correct REDIS_SENTINELS and its password: until then nobody can sign in."),
    )


def test_a_primary_that_accepts_writes_alone_is_a_warning(told, settings, shared):
    with behind(settings, shared):
        found = told(sentinels.area())["sentinel writes"]

    assert found == (
        "warning",
        (
            "min-replicas-to-write is 0: a primary without connection to its replicas accepts "
            "sign-ins, and a fail-over loses them"
        ),
        "Set `min-replicas-to-write 1` on every node.",
    )


def test_a_primary_that_requires_missing_replicas_is_an_error(told, settings, shared):
    redis = redis_servers.client(shared.primary)
    redis.config_set("min-replicas-to-write", 2)
    with behind(settings, shared):
        found = told(sentinels.area())["sentinel writes"]
    redis.config_set("min-replicas-to-write", 0)

    assert found == (
        "error",
        "min-replicas-to-write is 2, but only 1 follow: Redis refuses all writes",
        "Start replicas.",
    )


@pytest.mark.parametrize(
    ("directive", "faulty", "fault"),
    [
        ("appendonly", "no", "has no append-only file"),
        ("maxmemory-policy", "allkeys-lru", "has maxmemory-policy allkeys-lru"),
    ],
)
def test_a_replica_that_would_lose_sign_ins_is_an_error(
    told, settings, shared, directive, faulty, fault
):
    redis = redis_servers.client(shared.replica)
    sound = redis.config_get(directive)[directive]
    redis.config_set(directive, faulty)
    with behind(settings, shared):
        found = told(sentinels.area())["sentinel replicas"]
    redis.config_set(directive, sound)

    assert found == (
        "error",
        f"127.0.0.1:{shared.replica} {fault}",
        "Configure it like the primary: as a primary it would lose sign-ins.",
    )


def test_the_environment_alone_configures_the_sentinels(shared, tmp_path):
    """Uses the caches that the settings build from `REDIS_SENTINELS`."""
    done = doctor(
        "--json",
        env=os.environ
        | {
            "VAR_DIR": str(tmp_path),
            "SITE_URL": "http://localhost:8000",
            "REDIS_URL": "",
            "REDIS_SENTINELS": ",".join(f"127.0.0.1:{port}" for port in shared.sentinels),
            "REDIS_MASTER_NAME": shared.name,
        },
    )

    found = {check["name"]: check["level"] for check in json.loads(done.stdout)["checks"]}
    assert {name: found[name] for name in found if name.startswith(("redis", "sentinel"))} == {
        "redis": "ok",
        "redis version": found["redis version"],
        "redis persistence": "ok",
        "redis eviction": "ok",
        "redis memory": "ok",
        "redis replicas": "ok",
        "redis clock": "ok",
        "redis databases": "ok",
        "sentinels": "ok",
        "sentinel quorum": "ok",
        "sentinel replicas": "ok",
        "sentinel writes": "warning",
    }


def test_a_replica_that_is_down_is_reported(told, settings, own):
    own.stops["replica"]()
    redis = redis_servers.client(own.primary)
    wait_until(lambda: redis.info("replication")["connected_slaves"] == 0)
    with behind(settings, own):
        lines = told(sentinels.area()) | told(redis_server.area())

    level, found, advice = lines["sentinel replicas"]
    assert (level, advice) == ("warning", "Start them, or let this machine connect to them.")
    assert found.startswith(f"not reachable from here: 127.0.0.1:{own.replica} (")
    assert lines["redis replicas"] == (
        "error",
        "0 online, but writes wait for 1",
        "Start replicas, or lower REDIS_REPLICA_ACKS.",
    )


def test_one_sentinel_that_is_down_is_a_warning_two_are_an_error(told, settings, own):
    own.stops["sentinel 2"]()
    wait_until(lambda: down(own) == 1)
    with behind(settings, own):
        one = told(sentinels.area())
    own.stops["sentinel 1"]()
    wait_until(lambda: down(own) == 2)
    with behind(settings, own):
        two = told(sentinels.area())

    silent = [f"127.0.0.1:{port}" for port in own.sentinels[1:]]
    here = f"{own.name} is 127.0.0.1:{own.primary}"
    assert one["sentinels"] == (
        "warning",
        f"{here}; {silent[1]} doesn't answer",
        "Start that Sentinel.",
    )
    assert one["sentinel quorum"] == (
        "error",
        "2 of 3 Sentinels reach one another: if one more fails, they can't promote a replica",
        "Run 3 or more, each on its own machine.",
    )
    assert two["sentinels"][1] == f"{here}; {', '.join(silent)} doesn't answer"
    level, found, advice = two["sentinel quorum"]
    assert (level, advice) == ("error", "Start more Sentinels: these can't promote a replica.")
    assert found.startswith("1 of 3 Sentinels reach one another: NOQUORUM ")


def down(group):
    peers = redis_servers.client(group.sentinels[0]).sentinel_sentinels(group.name)
    return sum(peer["is_sdown"] for peer in peers)


def test_no_sentinel_at_all_is_an_error(told, settings, shared):
    with behind(settings, shared):
        settings.CACHES["sessions"]["OPTIONS"]["SENTINELS"] = [("127.0.0.1", 9)]

        lines = told(sentinels.area())

    assert lines["sentinels"] == (
        "error",
        ("none of 127.0.0.1:9 answers: Error 111 connecting to 127.0.0.1:9. Connection refused."),
        "Start them, or correct the addresses: no new connection finds the primary.",
    )


def test_a_dead_primary_is_reported_until_another_is_found(told, settings, own):
    own.stops["primary"]()
    wait_until(lambda: all(own.ask(n)["is_sdown"] for n in range(3)))
    with behind(settings, own):
        found = told(sentinels.area())["sentinels"]

    addresses = ", ".join(f"127.0.0.1:{port}" for port in own.sentinels)
    assert found == (
        "error",
        f"{own.name} is 127.0.0.1:{own.primary}, which {addresses} can't reach",
        "Start it, or wait for the fail-over.",
    )


def test_sentinels_that_disagree_are_an_error(told, settings, own, tmp_path):
    with redis_servers.redis_server(tmp_path / "elsewhere") as elsewhere:
        stray = own.start("stray", redis_servers.sentinel(tmp_path, own.name, elsewhere))
        own.sentinels = [own.sentinels[0], stray]
        with behind(settings, own):
            found = told(sentinels.area())["sentinels"]

    primaries = ", ".join(sorted([f"127.0.0.1:{own.primary}", f"127.0.0.1:{elsewhere}"]))
    assert found == (
        "error",
        f"they name different primaries: {primaries}",
        "Read their logs: a fail-over is under way, or they can't reach one another.",
    )
