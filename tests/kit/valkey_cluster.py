"""Run a cluster of Redis or Valkey: three primaries, a replica of each, on loopback."""

import contextlib
import signal
from collections.abc import Iterable
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config import embedded
from tests.kit.ports import free_ports
from tests.kit.processes import ROOT, Process
from tests.kit.waiting import wait_until

HOST = "127.0.0.1"
PASSWORD = "password-of-the-cluster"
PRIMARIES = 3
SLOTS = 16_384
KEYS_AT_ONCE = 50


class Node(Process):
    def __init__(self, directory: Path, number: int, program: Path) -> None:
        self.port, self.bus = free_ports(), free_ports()
        data = directory / f"node-{number}"
        data.mkdir()
        options = {
            "dir": data,
            "port": self.port,
            "bind": HOST,
            "cluster-port": self.bus,
            "requirepass": PASSWORD,
            "masterauth": PASSWORD,
        }
        command = [program, ROOT / "deploy" / "redis" / "cluster.conf"]
        command += [str(part) for name, value in options.items() for part in (f"--{name}", value)]
        super().__init__(data.name, command, directory)
        self.client = redis.Redis(
            host=HOST,
            port=self.port,
            password=PASSWORD,
            decode_responses=True,
            socket_timeout=2,
            retry=Retry(NoBackoff(), 0),
        )

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def tell_it(self, *command: object) -> object:
        return self.client.execute_command(*command)

    def answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self.client.ping())
        return False

    def freeze(self) -> None:
        self.tell(signal.SIGSTOP)

    def thaw(self) -> None:
        self.tell(signal.SIGCONT)

    def leads(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return self.client.role()[0] == "master"
        return False

    def follows(self, primary: "Node") -> bool:
        with contextlib.suppress(redis.RedisError):
            return self.client.info("replication").get("master_port") == primary.port
        return False

    def followers(self) -> int:
        """Return the number of replicas that are online."""
        with contextlib.suppress(redis.RedisError):
            found = self.client.info("replication")
            states = [found.get(f"slave{n}", {}) for n in range(int(found["connected_slaves"]))]
            return sum(state.get("state") == "online" for state in states)
        return 0

    def sees_all(self, count: int) -> bool:
        """Return True if this node sees so many nodes, none of them failing, and all slots served."""
        with contextlib.suppress(redis.RedisError):
            state, rows = self.tell_it("CLUSTER INFO"), self.rows()
            is_whole = (state["cluster_state"], state["cluster_slots_ok"]) == ("ok", str(SLOTS))
            return is_whole and len(rows) == count and not any("fail" in r["flags"] for r in rows)
        return False

    def sees_pairs(self) -> bool:
        """Return True if this node knows one replica of each primary. News of a change comes late."""
        with contextlib.suppress(redis.RedisError):
            rows = self.rows()
            leaders = sorted(row["node_id"] for row in rows if row["slots"])
            return sorted(row["master_id"] for row in rows if row["master_id"] != "-") == leaders
        return False

    def rows(self) -> list[dict]:
        return list(self.tell_it("CLUSTER NODES").values())


class ValkeyCluster:
    """Call `start()` once. `start()` again starts the nodes that do not run."""

    def __init__(self, directory: Path, program: Path | None = None) -> None:
        directory.mkdir(exist_ok=True)
        program = program or embedded.binary()
        self.nodes = [Node(directory, number, program) for number in range(2 * PRIMARIES)]
        self._has_met = False

    @property
    def addresses(self) -> list[str]:
        return [node.address for node in self.nodes]

    def start(self) -> None:
        for node in self.nodes:
            if not node.is_running:
                node.start()
        wait_until(
            lambda: all(node.answers() for node in self.nodes), "all nodes answer", seconds=60
        )
        if not self._has_met:
            self._meet()
        wait_until(self.is_well, "the cluster is whole", seconds=90)

    def _meet(self) -> None:
        first, *others = self.nodes
        for node in others:
            first.tell_it("CLUSTER MEET", HOST, node.port, node.bus)
        share = SLOTS // PRIMARIES
        for number, node in enumerate(self.nodes[:PRIMARIES]):
            last = SLOTS - 1 if number == PRIMARIES - 1 else (number + 1) * share - 1
            node.tell_it("CLUSTER ADDSLOTSRANGE", number * share, last)
        count = len(self.nodes)
        wait_until(
            lambda: all(node.sees_all(count) for node in self.nodes), "all have met", seconds=60
        )
        for leader, node in zip(self.nodes[:PRIMARIES], self.nodes[PRIMARIES:], strict=True):
            node.tell_it("CLUSTER REPLICATE", leader.tell_it("CLUSTER MYID"))
        self._has_met = True

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()

    def primaries(self) -> list[Node]:
        return [node for node in self.nodes if node.leads()]

    def replicas_of(self, primary: Node) -> list[Node]:
        return [node for node in self.nodes if node.follows(primary)]

    def is_well(self) -> bool:
        leaders = self.primaries()
        return (
            len(leaders) == PRIMARIES
            and all(node.followers() == 1 for node in leaders)
            and all(node.sees_all(len(self.nodes)) and node.sees_pairs() for node in self.nodes)
        )

    def primary_of(self, slot: int) -> Node:
        """Return the primary of this slot, as another node says."""
        for node in self.nodes:
            with contextlib.suppress(redis.RedisError):
                for first, last, primary, *_ in _slots(node):
                    if first <= slot <= last:
                        return self._at(int(primary[1]))
        raise AssertionError(f"no node knows who has slot {slot}")

    def slots_of(self, primary: Node) -> list[int]:
        return [
            slot
            for first, last, node, *_ in _slots(primary)
            if int(node[1]) == primary.port
            for slot in range(first, last + 1)
        ]

    def begin_move(self, slot: int, source: Node, target: Node) -> None:
        target.tell_it("CLUSTER SETSLOT", slot, "IMPORTING", source.tell_it("CLUSTER MYID"))
        source.tell_it("CLUSTER SETSLOT", slot, "MIGRATING", target.tell_it("CLUSTER MYID"))

    def move_keys(self, slot: int, source: Node, target: Node) -> None:
        while keys := source.tell_it("CLUSTER GETKEYSINSLOT", slot, KEYS_AT_ONCE):
            source.tell_it(
                "MIGRATE", HOST, target.port, "", 0, 5000, "AUTH", PASSWORD, "KEYS", *keys
            )

    def end_move(self, slot: int, source: Node, target: Node) -> None:
        leader = target.tell_it("CLUSTER MYID")
        others = [node for node in self.primaries() if node not in (source, target)]
        for node in (target, source, *others):
            node.tell_it("CLUSTER SETSLOT", slot, "NODE", leader)

    def move(self, slots: Iterable[int], source: Node, target: Node) -> None:
        for slot in slots:
            self.begin_move(slot, source, target)
            self.move_keys(slot, source, target)
            self.end_move(slot, source, target)

    def _at(self, port: int) -> Node:
        return next(node for node in self.nodes if node.port == port)


def _slots(node: Node) -> list[list]:
    """Return the ranges as the node sends them: redis-py would parse them."""
    connection = node.client.connection_pool.get_connection()
    try:
        connection.send_command("CLUSTER", "SLOTS")
        return connection.read_response()
    finally:
        node.client.connection_pool.release(connection)
