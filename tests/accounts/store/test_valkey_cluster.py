"""Show what a cluster of Valkey refuses today, and that a shard tag makes it work (decision 0120).

The product doesn't support a cluster. These tests hold the facts of the decision.
"""

import tempfile
from pathlib import Path

import pytest
import redis
from redis.cluster import key_slot

from accounts.store import index
from config import embedded
from tests.kit import processes
from tests.kit.ports import free_ports
from tests.kit.rings import starts_processes
from tests.kit.waiting import wait_until

SLOTS = [(0, 5460), (5461, 10922), (10923, 16383)]
OLD, NEW, SID = "session:{ab}:old", "session:{ab}:new", "sid:{ab}:7"
OPTIONS = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--save", "", "--bind"]


class Nodes:
    """Three primaries, then the replica of each in the same order."""

    def __init__(self, directory: Path) -> None:
        self.processes, self.clients, self.buses = [], [], []
        for _ in range(6):
            port, bus = free_ports(), free_ports()
            place = directory / str(port)
            place.mkdir()
            command = [embedded.bundled(), "--port", str(port), *OPTIONS, "127.0.0.1"]
            command += ["--cluster-port", str(bus)]
            log = ["--dir", place, "--logfile", place / "log"]
            self.processes.append(processes.start([*command, *log]))
            self.clients.append(redis.Redis(port=port, decode_responses=True))
            self.buses.append(bus)

    def join(self) -> None:
        first = self.clients[0]
        wait_until(lambda: all(map(_answers, self.clients)), "all nodes answer", seconds=60)
        for client, bus in zip(self.clients[1:], self.buses[1:], strict=True):
            port = client.connection_pool.connection_kwargs["port"]
            first.execute_command("CLUSTER", "MEET", "127.0.0.1", port, bus)
        for client, (least, most) in zip(self.clients, SLOTS, strict=False):
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", least, most)
        wait_until(lambda: all(map(_knows_six, self.clients)), "all nodes have met", seconds=60)
        for client, leader in zip(self.clients[3:], self.clients[:3], strict=True):
            client.execute_command("CLUSTER", "REPLICATE", leader.execute_command("CLUSTER MYID"))
        wait_until(lambda: all(map(_is_followed, self.clients[:3])), "all follow", seconds=60)

    def number_of(self, key: str) -> int:
        slot = key_slot(key.encode())
        return next(n for n, (least, most) in enumerate(SLOTS) if least <= slot <= most)

    def of(self, key: str) -> redis.Redis:
        return self.clients[self.number_of(key)]

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


def _answers(client):
    try:
        return client.ping()
    except redis.ConnectionError:
        return False


def _knows_six(client):
    found = client.execute_command("CLUSTER INFO")
    return (found["cluster_state"], found["cluster_known_nodes"]) == ("ok", "6")


def _is_followed(client):
    found = client.info("replication")
    return found.get("slave0", {}).get("state") == "online"


@pytest.fixture(scope="module")
@starts_processes
def nodes():
    with tempfile.TemporaryDirectory(prefix="munjigi-tests-") as directory:
        made = Nodes(Path(directory))
        try:
            made.join()
            yield made
        finally:
            made.stop()


def test_a_tag_keeps_a_sign_in_in_one_slot_through_a_fail_over(nodes):
    number = nodes.number_of(OLD)
    node, replica = nodes.clients[number], nodes.clients[number + 3]
    node.set(OLD, "former", ex=100)

    pipe = node.pipeline(transaction=False)
    pipe.eval(index.RENEW, 2, OLD, NEW, "value", "1000")
    pipe.set(SID, "new", ex=100)
    pipe.execute_command("WAIT", 1, 2000)
    assert pipe.execute() == ["OK", True, 1]

    listener = nodes.clients[number - 1].pubsub()
    listener.subscribe("bell")
    assert listener.get_message(timeout=10)["type"] == "subscribe"
    node.publish("bell", "ring")
    assert listener.get_message(timeout=10)["data"] == "ring"  # plain messages reach all nodes

    nodes.processes[number].kill()
    nodes.processes[number].wait()
    wait_until(lambda: _leads(replica), "the replica leads and the cluster is whole", seconds=60)

    assert replica.mget(OLD, NEW, SID) == [None, "value", "new"]
    assert 0 < replica.ttl(NEW) <= 100


def _leads(client):
    found = client.execute_command("CLUSTER INFO")
    return client.role()[0] == "master" and found["cluster_state"] == "ok"
