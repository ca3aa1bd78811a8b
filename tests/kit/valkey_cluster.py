"""Run a cluster of Redis or Valkey: three primaries, a replica of each, on loopback or in a network of its own."""

import contextlib
import signal
from collections.abc import Iterable
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

from config import embedded
from tests.kit.networks import Network, Place
from tests.kit.ports import free_ports
from tests.kit.processes import ROOT, Process
from tests.kit.waiting import PATIENCE, wait_until

HOST = "127.0.0.1"
PASSWORD = "password-of-the-cluster"
PRIMARIES = 3
SLOTS = 16_384
KEYS_AT_ONCE = 50


class Node(Process):
    def __init__(
        self, directory: Path, number: int, program: Path, place: Place | None = None
    ) -> None:
        self.host = place.address if place else HOST
        self.place = place
        self.port, self.bus = free_ports(), free_ports()
        data = directory / f"node-{number}"
        data.mkdir()
        options = {
            "dir": data,
            "port": self.port,
            "bind": self.host,
            "cluster-port": self.bus,
            "requirepass": PASSWORD,
            "masterauth": PASSWORD,
        }
        command = [program, ROOT / "deploy" / "redis" / "cluster.conf"]
        command += [str(part) for name, value in options.items() for part in (f"--{name}", value)]
        super().__init__(data.name, [*(place.entrance if place else []), *command], directory)
        self.client, self._patient = self._connect(2), self._connect(PATIENCE)

    def _connect(self, seconds: float) -> redis.Redis:
        return redis.Redis(
            host=self.host,
            port=self.port,
            password=PASSWORD,
            decode_responses=True,
            socket_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
        )

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def tell_it(self, *command: object) -> object:
        """Send a command, which a busy disk may delay. A new replica counts only after its first second."""
        answers: list[object] = []

        def is_taken() -> bool:
            try:
                answers.append(self._patient.execute_command(*command))
            except redis.ResponseError as error:
                if "NOREPLICAS" not in str(error):
                    raise
            return bool(answers)

        wait_until(is_taken, f"{command[0]} is taken", seconds=30)
        return answers[0]

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
            found = self.client.info("replication")
            return (found.get("master_host"), found.get("master_port")) == (
                primary.host,
                primary.port,
            )
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

    def sees_all_slots(self) -> bool:
        """Return True if each slot has a node that this one takes for alive. It hears of a new primary late."""
        with contextlib.suppress(redis.RedisError):
            return self.tell_it("CLUSTER INFO")["cluster_slots_ok"] == str(SLOTS)
        return False

    def is_linked(self) -> bool:
        """Return True if this node leads, or has what its primary has."""
        with contextlib.suppress(redis.RedisError):
            return self.client.info("replication").get("master_link_status", "up") == "up"
        return False

    def lists_all(self, ports: set[int]) -> bool:
        """Return True if `CLUSTER SLOTS` of this node lists these nodes. It leaves out a replica without data.

        News of another port comes late, too: a former port may stand for one of the nodes.
        """
        with contextlib.suppress(redis.RedisError):
            return {int(each[1]) for row in _slots(self) for each in row[2:]} == ports
        return False

    def sees_pairs(self) -> bool:
        """Return True if this node knows a replica of each primary. News of a change comes late."""
        with contextlib.suppress(redis.RedisError):
            rows = self.rows()
            leaders = {row["node_id"] for row in rows if row["slots"]}
            return {row["master_id"] for row in rows if row["master_id"] != "-"} == leaders
        return False

    def sees_replicas_of(self, primary: "Node") -> int:
        name = primary.tell_it("CLUSTER MYID")
        return sum(row["master_id"] == name for row in self.rows())

    def lists(self, other: "Node") -> bool:
        """Return True if this node knows the other one, or gets to know it now."""
        return other.address in self.tell_it("CLUSTER NODES")

    def sees_dead(self, other: "Node") -> bool:
        """Return True if this node knows that most primaries take the other one for dead."""
        row = self.tell_it("CLUSTER NODES").get(other.address)  # None: hasn't heard of it yet
        return row is not None and "fail" in row["flags"].split(",")

    def says_it_works(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return self.tell_it("CLUSTER INFO")["cluster_state"] == "ok"
        return False

    def rows(self) -> list[dict]:
        return list(self.tell_it("CLUSTER NODES").values())


class ValkeyCluster:
    """Call `start()` once. `start()` again starts the nodes that do not run.

    With a network, each node is at an address of its own there, as on a machine of its own.
    """

    def __init__(
        self, directory: Path, program: Path | None = None, *, network: Network | None = None
    ) -> None:
        directory.mkdir(exist_ok=True)
        self._directory, self._network = directory, network
        self._program = program or embedded.binary()
        self._made = 0
        self.nodes = [self._make() for _ in range(2 * PRIMARIES)]
        self._has_met = False

    def _make(self) -> Node:
        number = self._made
        self._made += 1
        place = self._network.place() if self._network else None
        return Node(self._directory, number, self._program, place)

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
        share = SLOTS // PRIMARIES
        for number, node in enumerate(self.nodes[:PRIMARIES]):
            last = SLOTS - 1 if number == PRIMARIES - 1 else (number + 1) * share - 1
            node.tell_it("CLUSTER ADDSLOTSRANGE", number * share, last)
        wait_until(lambda: self._have_joined(self.nodes[1:]), "all have met", seconds=60)
        for leader, node in zip(self.nodes[:PRIMARIES], self.nodes[PRIMARIES:], strict=True):
            node.tell_it("CLUSTER REPLICATE", leader.tell_it("CLUSTER MYID"))
        self._has_met = True

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()

    def add(self, *, replica_of: Node | None = None) -> Node:
        """Start one more node, without slots, and let it join: as a primary, or as a replica of this one."""
        node = self._make()
        node.start()
        wait_until(node.answers, "the new node answers")
        self.nodes.append(node)
        wait_until(lambda: self._have_joined([node]), "it has joined", seconds=60)
        if replica_of is not None:
            before = replica_of.sees_replicas_of(replica_of)
            node.tell_it("CLUSTER REPLICATE", replica_of.tell_it("CLUSTER MYID"))
            wait_until(
                lambda: (
                    replica_of.followers() > before
                    and all(each.sees_replicas_of(replica_of) > before for each in self.nodes)
                ),
                "it follows, and all know",
                seconds=60,
            )
        return node

    def _have_joined(self, newcomers: Iterable[Node]) -> bool:
        """Introduce these nodes to the first one until both sides know each other. Return True if all know all.

        A node forgets an introduction that is not over within `cluster-node-timeout`, and never tries again.
        """
        first = self.nodes[0]
        for node in newcomers:
            with contextlib.suppress(redis.RedisError):
                if not (first.lists(node) and node.lists(first)):
                    first.tell_it("CLUSTER MEET", node.host, node.port, node.bus)
        return all(node.sees_all(len(self.nodes)) for node in self.nodes)

    def remove(self, *gone: Node) -> None:
        """Take these nodes out, which have no slots, and stop them."""
        names = {node.tell_it("CLUSTER MYID") for node in gone}
        self.nodes = [node for node in self.nodes if node not in gone]
        for node in gone:
            node.kill()
        wait_until(lambda: self._have_forgotten(names), "all have forgotten them", seconds=60)
        wait_until(self.is_well, "the cluster is whole", seconds=60)

    def _have_forgotten(self, names: set[object]) -> bool:
        """Tell those that know these nodes to forget them. News of a node may arrive late, so ask again."""
        knowing = [
            (node, name)
            for node in self.nodes
            for name in names & {r["node_id"] for r in node.rows()}
        ]
        for node, name in knowing:
            node.tell_it("CLUSTER FORGET", name)
        return not knowing

    def primaries(self) -> list[Node]:
        return [node for node in self.nodes if node.leads()]

    def replicas_of(self, primary: Node) -> list[Node]:
        return [node for node in self.nodes if node.follows(primary)]

    def is_well(self) -> bool:
        leaders, ports = self.primaries(), {node.port for node in self.nodes}
        return (
            len(leaders) == PRIMARIES
            and all(node.followers() for node in leaders)
            and all(node.sees_all(len(self.nodes)) and node.sees_pairs() for node in self.nodes)
            and all(node.is_linked() and node.lists_all(ports) for node in self.nodes)
        )

    def primary_of(self, slot: int) -> Node:
        """Return the primary of this slot, as another node says."""
        for node in self.nodes:
            with contextlib.suppress(redis.RedisError):
                for first, last, primary, *_ in _slots(node):
                    if first <= slot <= last:
                        return self._at(int(primary[1]))
        raise AssertionError(f"no node knows who has slot {slot}")

    def primary_of_key(self, name: str) -> Node:
        return self.primary_of(key_slot(name.encode()))

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
                "MIGRATE", target.host, target.port, "", 0, 5000, "AUTH", PASSWORD, "KEYS", *keys
            )

    def end_move(self, slot: int, source: Node, target: Node) -> None:
        leader = target.tell_it("CLUSTER MYID")
        others = [node for node in self.primaries() if node not in (source, target)]
        for node in (target, source, *others):
            try:
                node.tell_it("CLUSTER SETSLOT", slot, "NODE", leader)
            except redis.ResponseError as error:
                # A primary whose last slot has left follows the new primary at once.
                if "only with masters" not in str(error):
                    raise

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
