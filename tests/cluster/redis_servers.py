"""Run three Redis servers, one of them primary, and three Sentinels, by `deploy/redis/node.sh`."""

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config import embedded
from tests.kit.ports import free_ports
from tests.kit.processes import ROOT, Process
from tests.kit.waiting import wait_until

HOST = "127.0.0.1"
PASSWORD = "password-of-the-servers"
SENTINEL_PASSWORD = "password-of-the-sentinels"
MASTER = "munjigi"
STALLING_BYTES = 32 * 1024 * 1024
"""More than the kernel buffers for one connection, less than Redis buffers for a replica."""


class Node(Process):
    def __init__(self, directory: Path, role: str, number: int, port: int, primary: int) -> None:
        data = directory / f"{role}-{number}"
        data.mkdir()
        super().__init__(
            data.name,
            ["sh", ROOT / "deploy" / "redis" / "node.sh", role, HOST, str(port)],
            directory,
            env={
                "PATH": f"{embedded.binary().parent}:{os.environ['PATH']}",
                "REDIS_DATA": str(data),
                "REDIS_PASSWORD": PASSWORD,
                "SENTINEL_PASSWORD": SENTINEL_PASSWORD,
                "REDIS_PRIMARY": f"{HOST}:{primary}",
            },
        )
        self.port, self.data = port, data
        self._password = SENTINEL_PASSWORD if role == "sentinel" else PASSWORD

    def connect(self) -> redis.Redis:
        return redis.Redis(
            host=HOST,
            port=self.port,
            password=self._password,
            decode_responses=True,
            socket_timeout=2,
            retry=Retry(NoBackoff(), 0),
        )

    def replication(self) -> dict[str, object]:
        """Return `INFO replication`, empty if the server does not answer."""
        if self.is_running:
            with contextlib.suppress(redis.RedisError), self.connect() as client:
                return client.info("replication")
        return {}


class RedisServers:
    """One primary, two replicas and three Sentinels, which agree after `start()`."""

    def __init__(self, directory: Path) -> None:
        ports = [free_ports() for _ in range(6)]
        self.servers = [
            Node(directory, "server", number, ports[number], ports[0]) for number in range(3)
        ]
        self.sentinels = [
            Node(directory, "sentinel", number, ports[3 + number], ports[0]) for number in range(3)
        ]
        self.env = {
            "REDIS_URL": "",
            "REDIS_SENTINELS": ",".join(f"{HOST}:{node.port}" for node in self.sentinels),
            "REDIS_MASTER_NAME": MASTER,
            "REDIS_PASSWORD": PASSWORD,
            "SENTINEL_PASSWORD": SENTINEL_PASSWORD,
        }

    @property
    def nodes(self) -> list[Node]:
        return [*self.servers, *self.sentinels]

    def env_of(self, number: int) -> dict[str, str]:
        """Return the environment of this server of the site: the Redis that is nearest to it."""
        return {
            "CLUSTER_NEAREST_REDIS": f"redis://:{PASSWORD}@{HOST}:{self.servers[number].port}/0"
        }

    def start(self) -> None:
        """Start every node that does not run, the first primary first; wait until all are healthy."""
        for node in self.nodes:
            if not node.is_running:
                node.start()
        wait_until(self.is_well, "one primary, two replicas, Sentinels agree", seconds=60)

    def stop(self) -> None:
        for node in reversed(self.nodes):
            node.stop()

    def primary(self) -> Node:
        """Return the server that the Sentinels name as primary."""
        with self.sentinels[0].connect() as client:
            _, port = client.sentinel_get_master_addr_by_name(MASTER)
        return next(node for node in self.servers if node.port == int(port))

    def replicas(self) -> list[Node]:
        primary = self.primary()
        return [node for node in self.servers if node is not primary]

    def is_well(self) -> bool:
        try:
            primaries = {self._watched_by(sentinel) for sentinel in self.sentinels}
        except (redis.RedisError, KeyError):
            return False
        if len(primaries) != 1 or None in primaries:
            return False
        primary = next(node for node in self.servers if node.port in primaries)
        states = [node.replication() for node in self.servers if node is not primary]
        leads = primary.replication()
        return (
            leads.get("role") == "master"
            and leads.get("min_slaves_good_slaves") == 2
            and all(
                state.get("master_link_status") == "up" and state.get("master_port") == primary.port
                for state in states
            )
        )

    def _watched_by(self, sentinel: Node) -> int | None:
        """Return the primary's port if this Sentinel sees all nodes healthy, else None."""
        with sentinel.connect() as client:
            state = client.sentinel_masters()[MASTER]
        sees_all = state["num-slaves"] == 2 and state["num-other-sentinels"] == 2
        return int(state["port"]) if state["flags"] == "master" and sees_all else None

    def stall_replication(self) -> None:
        """Stop replication without the primary noticing: its later writes reach no replica.

        Freezing the replicas is not enough, because they would find later writes in their sockets.
        So this fills the sockets first, and later writes wait in the primary's memory.
        """
        primary, replicas = self.primary(), self.replicas()
        for node in replicas:
            node.tell(signal.SIGSTOP)
        with primary.connect() as client:
            client.set("bulk", b"x" * STALLING_BYTES, ex=20)

    def resume_replication(self) -> None:
        for node in self.servers:
            node.tell(signal.SIGCONT)

    def wait_for_new_primary(self, old: Node) -> float:
        """Wait until the Sentinels name another primary; return the seconds."""
        started = time.monotonic()
        wait_until(lambda: self.primary() is not old, "a new primary", seconds=60)
        return time.monotonic() - started


def is_installed() -> bool:
    return shutil.which("redis-server") is not None
