"""Lose one node of a cluster after the other: what `/readyz`, `/livez` and the doctor say in each state."""

from contextlib import ExitStack, contextmanager

import pytest

from config import redis as addresses
from doctor import cluster as checks
from doctor import running
from tests.kit import redis_servers
from tests.kit.rings import starts_processes
from tests.kit.valkey_cluster import PASSWORD
from tests.kit.waiting import wait_until

READY = (200, {"status": "ok", "parts": {"database": "ok", "redis": "ok"}})
NOT_READY = (503, {"status": "unavailable", "parts": {"database": "ok", "redis": "failed"}})


@pytest.fixture(scope="module")
@starts_processes
def cache(tmp_path_factory):
    with redis_servers.redis_server(tmp_path_factory.mktemp("cache")) as port:
        yield f"redis://127.0.0.1:{port}/1"


@pytest.fixture
def nodes(cluster, settings, cache):
    """Name all nodes to the site."""
    before = settings.CACHES
    every = addresses.Cluster(cluster.addresses, password=PASSWORD)
    settings.CACHES = addresses.caches("", cache, cluster=every)
    settings.REDIS_IS_EMBEDDED, settings.SESSION_STORE_DEADLINE_SECONDS = False, 6.0
    yield cluster
    settings.CACHES = before


@pytest.fixture
def probed(client, db):
    """Return a function that asks `/readyz`, and `/livez`, which always says the same."""

    def run():
        live, ready = client.get("/livez"), client.get("/readyz")
        assert (live.status_code, live.json()) == (200, {"status": "ok"})
        return ready.status_code, ready.json()

    return run


def faults():
    """Return what the doctor finds wrong, by the name of the check."""
    lines = running.examine([checks.area()], seconds=20)
    return {
        line.name.removeprefix("cluster "): (str(line.level), line.found)
        for line in lines
        if str(line.level) not in {"ok", "skipped"}
    }


@contextmanager
def time_outs(nodes, milliseconds):
    """Let no node take another one for dead before this time."""
    with ExitStack() as stack:
        for node in nodes:
            before = node.client.config_get("cluster-node-timeout")["cluster-node-timeout"]
            node.client.config_set("cluster-node-timeout", milliseconds)
            stack.callback(node.client.config_set, "cluster-node-timeout", before)
        yield


def refused(*nodes):
    return "; ".join(
        f"{each.address} (Error 111 connecting to {each.address}. Connection refused.)"
        for each in nodes
    )


def test_a_cluster_that_loses_one_node_after_the_other(nodes, probed, settings):
    first, second, _ = nodes.primaries()
    (heir,) = nodes.replicas_of(first)
    (other,) = nodes.replicas_of(second)
    assert probed() == READY
    assert faults() == {}

    # A primary is dead, and no replica leads yet. The time-out stands for the seconds until then.
    settings.SESSION_STORE_DEADLINE_SECONDS = 60.0
    with time_outs([each for each in nodes.nodes if each is not first], 50_000):
        first.kill()
        wait_until(lambda: not _is_linked(heir))
        assert probed() == READY
        assert faults() == {
            "cluster": ("warning", f"5 of 6 configured nodes answer: not {first.address}"),
            "slots": (
                "error",
                f"{first.address} has slots and doesn't answer: some people can't sign in",
            ),
            "nodes": (
                "error",
                f"not reachable from here: {refused(first)}; {heir.address} doesn't follow its primary",
            ),
        }

    # Its replica leads.
    wait_until(heir.leads, seconds=60)
    living = [each for each in nodes.nodes if each is not first]
    wait_until(lambda: all(each.sees_dead(first) and each.sees_all_slots() for each in living))
    assert probed() == READY
    assert faults() == {
        "cluster": ("warning", f"5 of 6 configured nodes answer: not {first.address}"),
        "replicas": ("error", f"of its replicas, {heir.address} has 0"),
        "nodes": ("error", f"not reachable from here: {refused(first)}"),
    }

    # A third of the slots has no node. Another server of the site would not have one, either.
    heir.kill()
    living.remove(heir)
    wait_until(lambda: all(each.sees_dead(heir) for each in living), seconds=60)
    assert probed() == READY
    found = faults()
    served = found.pop("slots")
    assert served[0] == "error"
    assert served[1].endswith(" of 16384 slots are served: some people can't sign in")
    assert found.keys() == {"cluster", "replicas", "nodes"}

    # Most primaries are dead: the others refuse every command.
    second.kill()
    other.kill()
    wait_until(lambda: not any(each.says_it_works() for each in nodes.nodes), seconds=60)
    assert probed() == NOT_READY
    assert faults()["slots"] == (
        "error",
        "the cluster says that it is down: nobody can sign in",
    )

    # All nodes are dead.
    nodes.stop()
    assert probed() == NOT_READY
    reason = f"Error 111 connecting to {nodes.addresses[0]}. Connection refused."
    assert faults() == {
        "cluster": ("error", f"none of {', '.join(nodes.addresses)} answers: {reason}")
    }

    nodes.start()
    assert probed() == READY
    assert faults() == {}


def _is_linked(replica):
    return replica.client.info("replication").get("master_link_status") == "up"
