"""Keep the sessions in a cluster of three primaries and three replicas, and the limits on a plain server."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from redis.crc import key_slot

from config import embedded
from tests.cluster.redis_servers import STALLING_BYTES
from tests.kit import networks
from tests.kit.networks import Network
from tests.kit.ports import free_ports
from tests.kit.processes import Process
from tests.kit.valkey_cluster import HOST, PASSWORD, Node, ValkeyCluster
from tests.kit.waiting import wait_until


class ValkeyServers:
    """As `RedisServers`: the nodes, the environment of the site, `start()` and `stop()`.

    Where the tests may, each node is at an address of its own, and so is each of the site's servers, so that
    `split` can cut them off.
    """

    def __init__(self, directory: Path) -> None:
        self.network = Network() if networks.is_allowed() else None
        self.valkey = ValkeyCluster(directory / "valkey", network=self.network)
        port = free_ports()
        options = ["--port", str(port), "--bind", HOST, "--requirepass", PASSWORD, "--save", ""]
        command = [embedded.binary(), *options, "--dir", directory]
        self._cache = Process("cache", command, directory)
        self.env = {
            "REDIS_URL": "",
            "REDIS_SENTINELS": "",
            "REDIS_CLUSTER": ",".join(self.valkey.addresses[:3]),
            "REDIS_PASSWORD": PASSWORD,
            "REDIS_CACHE_URL": f"redis://:{PASSWORD}@{HOST}:{port}/0",
        }

    @property
    def servers(self) -> list[Node]:
        return self.valkey.nodes

    @property
    def nodes(self) -> list[Process]:
        return [*self.servers, self._cache]

    def env_of(self, number: int) -> dict[str, str]:
        """Return the environment of this server of the site."""
        return {"CLUSTER_SOURCE": self._source(number)} if self.network else {}

    def _source(self, number: int) -> str:
        assert self.network is not None
        return self.network.address(2 + number)

    @contextmanager
    def split(self, node: Node, *, from_sites: Sequence[int]) -> Iterator[None]:
        """Cut this node off from all other nodes and from these servers of the site, inside the block."""
        assert node.place is not None
        lost = [each.host for each in self.servers if each is not node]
        lost += [self._source(number) for number in from_sites]
        node.place.cut_off(lost)
        try:
            yield
        finally:
            node.place.join(lost)

    def start(self) -> None:
        """Start every node that does not run, and wait until all are healthy."""
        for node in self.nodes:
            if not node.is_running:
                node.start()
        self.valkey.start()

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()
        if self.network:
            self.network.close()

    def primary(self) -> Node:
        return self.valkey.primaries()[0]

    def stall_replication(self, primary: Node) -> Node:
        """Freeze the replica and fill its socket, so that later writes don't reach it. Return it."""
        (replica,) = self.valkey.replicas_of(primary)
        slots = set(self.valkey.slots_of(primary))
        name = next(name for name in map(str, range(999)) if key_slot(name.encode()) in slots)
        replica.tell(signal.SIGSTOP)
        primary.client.set(name, b"x" * STALLING_BYTES, ex=20)
        return replica

    def wait_for_fail_over(self, old: Node) -> float:
        """Wait until three other nodes lead; return the seconds."""
        started = time.monotonic()
        rest = [node for node in self.valkey.nodes if node is not old]
        wait_until(lambda: sum(node.leads() for node in rest) == 3, "a new primary", seconds=60)
        return time.monotonic() - started
