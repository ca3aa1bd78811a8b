"""Run a Redis primary and its replica on free ports, for the time of a `with` block."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from bench.environment import free_ports
from config import embedded

SECONDS = 20


@contextmanager
def running_pair() -> Iterator[str]:
    """Context manager: start both, wait until the replica follows, and yield the primary's URL."""
    ports = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="munjigi-bench-redis-") as root:
        nodes = [_start(port, Path(root)) for port in ports]
        try:
            primary = Redis(port=ports[0])
            _wait_until(lambda: bool(primary.ping()))
            _wait_until(lambda: bool(Redis(port=ports[1]).replicaof("127.0.0.1", ports[0])))
            _wait_until(lambda: primary.execute_command("WAIT", 1, 100) == 1)
            yield f"redis://127.0.0.1:{ports[0]}/0"
        finally:
            for node in nodes:
                node.terminate()
                node.wait(SECONDS)


def _start(port: int, root: Path) -> "subprocess.Popen[bytes]":
    directory = root / str(port)
    directory.mkdir()
    options = f"--port {port} --bind 127.0.0.1 --dir {directory} --appendonly yes --save".split()
    command = [embedded.binary(), *options, "", "--repl-diskless-sync-delay", "0"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except RedisError:
            pass
        time.sleep(0.05)
    raise TimeoutError("Redis and its replica did not start")
