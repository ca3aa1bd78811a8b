"""Keep the sessions in a cluster, kill, freeze and move its nodes under load, and lose nothing.

Each row has as many sign-ins and sign-outs as those of `test_cluster.py`, checked in the same way.
"""

import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import parts
from tests.cluster.cluster import SERVERS, Cluster
from tests.cluster.rows import NO_DAMAGE, SIGN_INS, SIGN_OUTS
from tests.cluster.valkey_servers import ValkeyServers
from tests.kit import networks
from tests.kit.rings import starts_processes
from tests.kit.waiting import wait_until

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1", networks.RANGE]),
]

REPLACED_AFTER_SECONDS = 2
FROZEN_SECONDS = 5
"""Longer than `cluster-node-timeout`, so that a replica takes over."""
MOVED_SLOTS, SCALED_SLOTS = 1000, 300
SPLIT_SECONDS = 6
"""So long that a replica leads, and that the former primary has known for a while that it is cut off."""
STILL_CONNECTED = 0
"""The server of the site that is on the side of the primary that is cut off."""


@pytest.fixture(scope="module")
@starts_processes
def sharded() -> Iterator[Cluster]:
    parts.demand()
    with tempfile.TemporaryDirectory(prefix="munjigi-sharded-") as directory:
        cluster = Cluster(Path(directory), store=ValkeyServers)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def own(sharded):
    sharded.heal()
    sharded.serve("own")
    return sharded


def nothing(_servers):
    pass


def kill(servers):
    primary = servers.primary()
    primary.kill()
    servers.wait_for_fail_over(primary)
    time.sleep(REPLACED_AFTER_SECONDS)
    primary.start()  # its shard needs two nodes, or no write is confirmed


def kill_with_a_lagging_replica(servers):
    primary = servers.primary()
    replica = servers.stall_replication(primary)
    time.sleep(1)
    primary.kill()
    replica.tell(signal.SIGCONT)
    servers.wait_for_fail_over(primary)
    primary.start()


def kill_and_start_at_once(servers):
    primary = servers.primary()
    primary.kill()
    primary.start()


def freeze(servers):
    primary = servers.primary()
    primary.tell(signal.SIGSTOP)
    time.sleep(FROZEN_SECONDS)
    primary.tell(signal.SIGCONT)


def move(servers):
    source, target, _ = servers.valkey.primaries()
    servers.valkey.move(servers.valkey.slots_of(source)[:MOVED_SLOTS], source, target)


def split(servers):
    """Cut a primary off from all but one server of the site, then another one from the nodes alone."""
    for from_sites in ([each for each in range(SERVERS) if each != STILL_CONNECTED], []):
        primary = servers.primary()
        began = time.monotonic()
        with servers.split(primary, from_sites=from_sites):
            servers.wait_for_fail_over(primary)
            wait_until(lambda: not primary.says_it_works(), "it has noticed")  # noqa: B023
            assert primary.leads()
            time.sleep(max(0.0, began + SPLIT_SECONDS - time.monotonic()))
        wait_until(servers.valkey.is_well, "the cluster is whole again", seconds=60)
        assert not primary.leads()


def add_and_remove_a_shard(servers):
    cluster = servers.valkey
    source = cluster.primaries()[0]
    primary = cluster.add()
    replica = cluster.add(replica_of=primary)
    some = cluster.slots_of(source)[:SCALED_SLOTS]
    cluster.move(some, source, primary)
    time.sleep(1)
    cluster.move(some, primary, source)
    time.sleep(1)
    cluster.remove(primary, replica)


def kill_both_nodes_of_a_shard(servers):
    """One after the other: a spare replica of another shard takes the place of the first."""
    cluster = servers.valkey
    first, other, _ = cluster.primaries()
    (second,) = cluster.replicas_of(first)
    cluster.add(replica_of=other)
    first.kill()
    wait_until(lambda: any(cluster.replicas_of(second)), "the spare has moved", seconds=60)
    wait_until(second.followers, "it has a copy")
    (moved,) = cluster.replicas_of(second)
    second.kill()
    wait_until(moved.leads, "the spare leads", seconds=60)
    time.sleep(REPLACED_AFTER_SECONDS)
    first.start()
    second.start()


EVENTS = {
    "cluster: nothing": nothing,
    "cluster: kill -9 a primary, back 2 s after the fail-over": kill,
    "cluster: … whose replica was 1 s behind": kill_with_a_lagging_replica,
    "cluster: kill -9 a primary, start it again at once": kill_and_start_at_once,
    f"cluster: freeze a primary for {FROZEN_SECONDS} s": freeze,
    f"cluster: move {MOVED_SLOTS} slots": move,
    f"cluster: add a shard, move {SCALED_SLOTS} slots there and back, remove it": add_and_remove_a_shard,
}


@pytest.mark.parametrize("name", EVENTS)
def test_the_cluster_loses_no_sign_in(own, measured, name):
    row = measured(own, name, lambda: EVENTS[name](own.redis))

    assert row.sign_ins >= SIGN_INS
    assert row.sign_outs >= SIGN_OUTS
    assert row.damage == NO_DAMAGE, row.details
    if EVENTS[name] in (nothing, move, add_and_remove_a_shard):
        assert row.unavailable == 0


def test_a_split_network_loses_no_sign_in(own, measured, noted):
    if own.redis.network is None:
        noted("cluster: no split, because only root may make network namespaces")
        pytest.skip("only root may make network namespaces")

    row = measured(
        own, f"cluster: cut a primary off for {SPLIT_SECONDS} s, twice", lambda: split(own.redis)
    )

    assert row.sign_ins >= SIGN_INS
    assert row.sign_outs >= SIGN_OUTS
    assert row.damage == NO_DAMAGE, row.details


def test_without_waiting_for_a_replica_sign_ins_are_lost(sharded, measured):
    """Shows that the row above can fail."""
    sharded.heal()
    sharded.serve("own", REDIS_REPLICA_ACKS="0")

    row = measured(
        sharded,
        "cluster:   the same with REDIS_REPLICA_ACKS=0",
        lambda: kill_with_a_lagging_replica(sharded.redis),
    )

    assert row.sign_ins >= SIGN_INS
    assert row.lost > 0


def test_a_spare_replica_saves_a_shard_that_loses_both_nodes(own, measured):
    """The last row: the cluster keeps its seventh node."""
    row = measured(
        own,
        "cluster: kill -9 both nodes of a shard, with a spare replica elsewhere",
        lambda: kill_both_nodes_of_a_shard(own.redis),
    )

    assert row.sign_ins >= SIGN_INS
    assert row.sign_outs >= SIGN_OUTS
    assert row.damage == NO_DAMAGE, row.details
