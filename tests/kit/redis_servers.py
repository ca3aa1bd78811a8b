"""Run Redis servers and Sentinels for a test."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis import Redis
from redis.exceptions import RedisError

from config import embedded
from tests.kit import processes
from tests.kit.ports import free_ports
from tests.kit.waiting import PATIENCE, wait_until

START_SECONDS = 30
PASSWORD = "a-password-of-redis"
needs_tls = pytest.mark.skipif(
    os.environ.get("TEST_STORE") == "valkey" or shutil.which("redis-server") is None,
    reason="the Valkey of the wheel is built without TLS",
)


class RedisServer:
    """Run a Redis on a unix socket, which tests kill, freeze and demote."""

    def __init__(self, directory, *options):
        self.directory, self.options = directory, options
        self.socket = embedded.socket_path(directory)
        self.process = None

    def start(self):
        self.socket.unlink(missing_ok=True)
        self.process = processes.start([*embedded.command(self.directory), *self.options])
        wait_until(self.answers, "Redis answers")

    def answers(self):
        try:
            return self.client.ping()
        except RedisError:
            return False

    def kill(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(PATIENCE)
            self.process = None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    @property
    def client(self):
        return Redis(unix_socket_path=str(self.socket))


@contextlib.contextmanager
def redis_server(directory: Path, *arguments: str, port: int = 0) -> Iterator[int]:
    """Run a Redis on a loopback port. It is as durable as the shipped one unless `arguments` change it."""
    port = port or free_ports()
    directory.mkdir(exist_ok=True)
    settings = ["--port", str(port), "--dir", str(directory), "--save", "", "--bind", "127.0.0.1"]
    settings += ["--repl-diskless-sync-delay", "0", "--appendonly", "yes"]
    command = [str(embedded.binary()), *settings, *arguments]
    with _running(command, port):
        yield port


@contextlib.contextmanager
def sentinel(directory: Path, group: str, primary: int, *, quorum: int = 2) -> Iterator[int]:
    port = free_ports()
    file = directory / f"sentinel-{port}.conf"
    file.write_text(
        f"port {port}\nbind 127.0.0.1\nsentinel monitor {group} 127.0.0.1 {primary} {quorum}\n"
        f"sentinel down-after-milliseconds {group} 2000\nsentinel failover-timeout {group} 3000\n"
    )
    with _running([str(embedded.binary()), str(file), "--sentinel"], port):
        yield port


@contextlib.contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = processes.start(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(lambda: accepts(port, process), "Redis listens", seconds=START_SECONDS)
        yield
    finally:
        process.kill()
        process.wait(START_SECONDS)


def accepts(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Return True if the process listens on this port."""
    assert process.poll() is None, "the server ended by itself"
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def client(port: int, **options) -> redis.Redis:
    return redis.Redis(port=port, decode_responses=True, **options)
