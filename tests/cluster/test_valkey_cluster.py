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
from tests.cluster.cluster import Cluster
from tests.cluster.rows import NO_DAMAGE, SIGN_INS, SIGN_OUTS
from tests.cluster.valkey_servers import ValkeyServers
from tests.kit.rings import starts_processes

pytestmark = pytest.mark.cluster

REPLACED_AFTER_SECONDS = 2
FROZEN_SECONDS = 5
"""Longer than `cluster-node-timeout`, so that a replica takes over."""
MOVED_SLOTS = 1000


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


EVENTS = {
    "cluster: nothing": nothing,
    "cluster: kill -9 a primary, back 2 s after the fail-over": kill,
    "cluster: … whose replica was 1 s behind": kill_with_a_lagging_replica,
    "cluster: kill -9 a primary, start it again at once": kill_and_start_at_once,
    f"cluster: freeze a primary for {FROZEN_SECONDS} s": freeze,
    f"cluster: move {MOVED_SLOTS} slots": move,
}


@pytest.mark.parametrize("name", EVENTS)
def test_the_cluster_loses_no_sign_in(own, measured, name):
    row = measured(own, name, lambda: EVENTS[name](own.redis))

    assert row.sign_ins >= SIGN_INS
    assert row.sign_outs >= SIGN_OUTS
    assert row.damage == NO_DAMAGE, row.details
    if EVENTS[name] is nothing or EVENTS[name] is move:
        assert row.unavailable == 0


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
