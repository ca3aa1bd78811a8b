"""Read the map of a real cluster, of which some nodes are down, cut off or gone."""

import pytest
from redis import ConnectionPool, Redis

from accounts.store import nodes, slots
from tests.kit import redis_servers
from tests.kit.ports import free_ports
from tests.kit.rings import starts_processes
from tests.kit.valkey_cluster import PASSWORD
from tests.kit.waiting import Asking, wait_until


def client(address):
    host, _, port = address.rpartition(":")
    pool = ConnectionPool(host=host, port=int(port), password=PASSWORD, socket_timeout=2)
    return Redis.from_pool(pool)


@pytest.fixture(scope="module")
@starts_processes
def down(tmp_path_factory):
    """Return the address of a node that has a few slots only, so that it says that the cluster is down."""
    words = ["--cluster-enabled", "yes", "--cluster-port", str(free_ports())]
    words += ["--requirepass", PASSWORD]
    with redis_servers.redis_server(tmp_path_factory.mktemp("down"), *words) as port:
        redis_servers.client(port, password=PASSWORD).execute_command("CLUSTER ADDSLOTSRANGE 0 9")
        yield f"127.0.0.1:{port}"


def test_the_map_has_the_primary_of_each_slot(cluster):
    found = slots.SlotMap(cluster.addresses[:1], client)

    assert found.read()
    assert found.trouble == ""
    assert len(found.layout()) == slots.SLOTS
    leaders = {node.address for node in cluster.primaries()}
    assert {*found.layout()} == leaders
    assert found.addresses() == {*cluster.addresses}
    assert all(found.leads(address) for address in leaders)
    assert not found.leads("")


def test_a_node_that_says_that_the_cluster_is_down_tells_no_map(cluster, down):
    """Such as a primary that is cut off from the majority: it still takes itself for the primary of its slots."""
    for _ in range(20):
        found = slots.SlotMap([down, cluster.nodes[0].address], client)

        assert found.read()
        assert down not in found.layout()


def test_if_all_say_that_the_cluster_is_down_the_map_stays(cluster, down):
    found = slots.SlotMap([cluster.nodes[0].address], client)
    found.read()
    before = found.layout()
    found._seeds, found._leaders, found._replicas, found._teller = [down], {""}, [], ""

    assert not found.read()
    assert found.trouble == "the nodes of the cluster that answer say that it is down"
    assert found.layout() == before


def test_at_the_start_a_map_of_a_cluster_that_is_down_is_better_than_none(down):
    found = slots.SlotMap([down], client)

    assert not found.read()
    assert found.primary(9) == down
    assert found.primary(10) == ""
    assert found.leads("")


def test_every_configured_node_is_asked_in_time(cluster):
    closed = [f"127.0.0.1:{free_ports()}" for _ in range(2 * slots.MOST_ASKED)]
    found = slots.SlotMap([*closed, cluster.nodes[0].address], client)

    wait_until(found.read, "the one that answers was asked")


def test_while_one_node_answers_the_map_is_known(cluster):
    only, closed = cluster.nodes[0].address, f"127.0.0.1:{free_ports()}"
    gone = False
    found = slots.SlotMap([only], lambda at: client(closed if gone and at != only else at))
    found.read()
    gone = True

    assert all(found.read() for _ in range(30))


def test_nobody_waits_for_a_thread_that_asks_dead_nodes(cluster):
    servers = nodes.of_sessions()
    servers.ping()
    with servers._map._lock:
        outcome = Asking(lambda: servers.failed(OSError("gone"), "")).result()

    assert outcome is None


@pytest.mark.parametrize(
    ("host", "asked", "address"),
    [
        ("10.0.0.1", "10.0.0.2:7000", "10.0.0.1:7001"),
        ("cache.example.com", "10.0.0.2:7000", "cache.example.com:7001"),
        ("::1", "10.0.0.2:7000", "[::1]:7001"),
        ("", "10.0.0.2:7000", "10.0.0.2:7001"),
        ("", "[::1]:7000", "[::1]:7001"),
    ],
)
def test_a_node_without_a_host_has_that_of_the_one_that_names_it(host, asked, address):
    assert slots.address_of(host, 7001, asked=asked) == address
