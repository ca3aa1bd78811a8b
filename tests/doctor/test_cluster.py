"""Test the checks of a cluster with real nodes, healthy and with each fault."""

from contextlib import ExitStack, contextmanager

import pytest

from config import redis as addresses
from doctor import cluster
from doctor.management.commands import doctor
from tests.kit import redis_servers
from tests.kit.ports import free_ports
from tests.kit.rings import starts_processes
from tests.kit.valkey_cluster import PASSWORD
from tests.kit.waiting import wait_until


@pytest.fixture(scope="module")
@starts_processes
def cache(tmp_path_factory):
    with redis_servers.redis_server(tmp_path_factory.mktemp("cache")) as port:
        yield f"redis://127.0.0.1:{port}/1"


@pytest.fixture
def behind(settings):
    """Point the site to a cluster and to a cache."""
    before = settings.CACHES
    settings.REDIS_IS_EMBEDDED, settings.REDIS_REPLICA_ACKS = False, 1
    settings.SESSION_STORE_DEADLINE_SECONDS = 6.0

    def run(seeds, cache):
        of = addresses.Cluster(seeds, password=PASSWORD)
        settings.CACHES = addresses.caches("", cache, cluster=of)

    yield run
    settings.CACHES = before


@pytest.fixture
def whole(behind, valkey, cache):
    valkey.start()
    behind(valkey.addresses[:3], cache)
    return valkey


@contextmanager
def configured(node, name, value):
    before = node.client.config_get(name)[name]
    node.client.config_set(name, value)
    try:
        yield
    finally:
        node.client.config_set(name, before)


def test_a_healthy_cluster(told, whole, cache):
    lines = told(cluster.area())

    memory = lines.pop("cluster memory")
    assert memory[0] == "ok"
    assert lines == {
        "cluster": ("ok", "3 of 3 configured nodes answer", ""),
        "cluster slots": ("ok", "all 16384 are served by 3 primaries", ""),
        "cluster replicas": (
            "ok",
            "each primary has 1 or more, writes wait for 1; while one is away, its shard takes no sign-ins",
            "",
        ),
        "cluster nodes": ("ok", "6 answer, with append-only files", ""),
        "cluster writes": (
            "ok",
            "min-replicas-to-write is set on every node, writes wait for 1",
            "",
        ),
        "cluster coverage": ("ok", "a shard that is down stops no other", ""),
        "cluster time-out": ("ok", "a fail-over takes up to 4 s, and requests wait for 6 s", ""),
        "cluster caches": ("ok", f"caches and limits at {cache[8:-2]}", ""),
    }


def test_the_command_checks_the_cluster_instead_of_one_server(whole):
    names = [check.name for area in doctor._redis_areas() for check in area.checks]

    assert names[0] == "cluster"
    assert "redis" not in names


def test_one_silent_address_is_a_warning_and_all_are_an_error(told, behind, whole, cache):
    closed = f"127.0.0.1:{free_ports()}"
    behind([whole.addresses[0], closed], cache)
    some = told(cluster.area())["cluster"]
    behind([closed], cache)
    none = told(cluster.area())

    assert some[:2] == ("warning", f"1 of 2 configured nodes answer: not {closed}")
    assert none["cluster"][0] == "error"
    assert none["cluster"][1].startswith(f"none of {closed} answers: ")
    assert none["cluster slots"] == ("skipped", "not checked, see cluster", "")


@pytest.mark.parametrize(
    ("name", "value", "check", "level", "found"),
    [
        ("min-replicas-to-write", "0", "writes", "warning", "min-replicas-to-write is 0 at {at}: "),
        ("cluster-require-full-coverage", "yes", "coverage", "warning", "is yes: if one shard"),
        ("cluster-node-timeout", "9000", "time-out", "warning", "takes up to 11 s, and requests"),
        ("maxmemory-policy", "allkeys-lru", "nodes", "error", "{at} has maxmemory-policy allkeys"),
        ("appendonly", "no", "nodes", "error", "{at} has no append-only file"),
        ("maxmemory", "1000000", "memory", "error", ", at {at}"),
    ],
)
def test_each_wrong_setting_of_a_node_is_found(told, whole, name, value, check, level, found):
    node = whole.nodes[1]
    with configured(node, name, value):
        line = told(cluster.area())[f"cluster {check}"]

    assert line[0] == level
    assert found.format(at=node.address) in line[1]
    assert line[2]


def test_nodes_that_announce_an_address_that_nobody_reaches(told, whole):
    """As behind a NAT. What nobody could ask is not called safe."""
    closed = free_ports()
    seed = whole.nodes[0]
    with announced(whole.nodes, closed):
        wait_until(lambda: len(_ports(seed)) == 1, "the nodes know of it")
        lines = told(cluster.area())

    assert lines["cluster"][0] == "ok"
    assert lines["cluster nodes"][0] == "error"
    assert lines["cluster nodes"][1].startswith(f"not reachable from here: 127.0.0.1:{closed} (")
    for name in ("memory", "writes", "coverage", "time-out"):
        assert lines[f"cluster {name}"] == ("skipped", "not checked, see cluster nodes", "")


@contextmanager
def announced(nodes, port):
    with ExitStack() as stack:
        for node in nodes:
            stack.enter_context(configured(node, "cluster-announce-port", port))
        yield


def _ports(node):
    return {row.split(":")[1].split("@")[0] for row in node.tell_it("CLUSTER NODES")}


def test_a_spare_replica_is_named(told, whole):
    primary = whole.primaries()[0]
    spare = whole.add(replica_of=primary)
    try:
        wait_until(lambda: whole.nodes[0].sees_replicas_of(primary) == 2)
        line = told(cluster.area())["cluster replicas"]
    finally:
        whole.remove(spare)

    assert line == (
        "ok",
        (
            f"each primary has 1 or more, writes wait for 1; {primary.address} has 2, "
            "so a split network may lose its newest sign-ins"
        ),
        "",
    )


def test_without_acks_writes_are_an_error(told, whole, settings):
    settings.REDIS_REPLICA_ACKS = 0

    assert told(cluster.area())["cluster writes"] == (
        "error",
        "REDIS_REPLICA_ACKS is 0: a fail-over loses the newest sign-ins",
        "Set it to 1.",
    )


def test_a_slot_on_its_way_is_a_warning(told, whole):
    source, target, _ = whole.primaries()
    slot = whole.slots_of(source)[0]
    whole.begin_move(slot, source, target)
    try:
        line = told(cluster.area())["cluster slots"]
    finally:
        whole.end_move(slot, source, source)
        target.tell_it("CLUSTER SETSLOT", slot, "STABLE")

    assert line[0] == "warning"
    assert line[1].startswith("all are served, and these move: ")
    assert {f"{slot} at {node.address}" for node in (source, target)} == set(
        line[1].removeprefix("all are served, and these move: ").split(", ")
    )


def test_a_lost_replica_and_then_its_primary_are_errors(told, whole):
    leader = whole.primaries()[0]
    (replica,) = whole.replicas_of(leader)
    others = [node for node in whole.nodes if node not in (leader, replica)]
    replica.kill()
    wait_until(lambda: all(node.sees_dead(replica) for node in (leader, *others)), seconds=30)
    lines = told(cluster.area())

    assert lines["cluster replicas"] == (
        "error",
        f"of its replicas, {leader.address} has 0",
        "Start replicas: a primary needs 1, for a fail-over and for each write.",
    )
    assert lines["cluster nodes"][:1] == ("error",)
    assert f"not reachable from here: {replica.address}" in lines["cluster nodes"][1]

    leader.kill()
    wait_until(lambda: all(node.sees_dead(leader) for node in others), seconds=30)
    line = told(cluster.area())["cluster slots"]

    assert line[0] == "error"
    assert line[1].endswith(" of 16384 slots are served: some people can't sign in")


def test_a_cache_that_is_away_or_in_the_cluster_is_an_error(told, behind, whole):
    closed = f"127.0.0.1:{free_ports()}"
    behind(whole.addresses[:1], f"redis://{closed}/0")
    away = told(cluster.area())["cluster caches"]
    behind(whole.addresses[:1], f"redis://:{PASSWORD}@{whole.addresses[0]}/0")
    inside = told(cluster.area())["cluster caches"]

    assert away[0] == inside[0] == "error"
    assert away[1].startswith(f"{closed} doesn't answer: ")
    assert inside[1] == f"{whole.addresses[0]} is a node of a cluster"
