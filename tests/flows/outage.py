"""Redis goes away: for this process, or truly. And whoever waits meanwhile."""

import signal
import subprocess
import threading
import time
from contextlib import contextmanager

from django.db import connection
from redis import Redis
from redis.exceptions import RedisError

from config import embedded

PATIENCE = 20
"""Seconds until a test gives up waiting for what has to come."""


@contextmanager
def without_redis(settings):
    """Every connection of this process is refused, until the block ends."""
    before = settings.CACHES
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2
    # Django forgets its cache connections whenever this setting changes.
    settings.CACHES = {
        alias: options | {"LOCATION": "redis://127.0.0.1:9/0"} for alias, options in before.items()
    }
    try:
        yield
    finally:
        settings.CACHES = before


class RedisServer:
    """A Redis on a unix socket, with or without replicas."""

    def __init__(self, directory, *options):
        self.directory, self.options = directory, options
        self.socket = embedded.socket_path(directory)
        self.process = None

    def start(self):
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [*embedded.command(self.directory), *self.options], stdin=subprocess.DEVNULL
        )
        wait_until(self.answers)

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


def wait_until(is_so, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_somebody_waiting():
    """For a lock of the database."""
    if connection.vendor == "sqlite":
        return True  # by polling, which nobody sees
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


class Asking:
    """A thread that makes one call; what came of it, and how long it took."""

    def __init__(self, call):
        self.call = call
        self.outcome = self.seconds = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        began = time.monotonic()
        try:
            self.outcome = self.call()
        except Exception as error:
            self.outcome = error
        self.seconds = time.monotonic() - began

    def result(self):
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        return self.outcome
