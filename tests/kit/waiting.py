"""Wait for other threads, processes and database connections."""

import threading
import time
from collections.abc import Callable

from django.db import connection, connections

PATIENCE = 20.0
"""Seconds until a test gives up."""


def wait_until(
    is_so: Callable[[], object],
    what: str = "what was waited for",
    *,
    seconds: float = PATIENCE,
    every: float = 0.01,
    tail: Callable[[], str] = str,
) -> None:
    """Call `is_so` until it returns true. Raises AssertionError with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"after {seconds:.0f} s: not {what}\n{tail()}"
        time.sleep(every)


def is_somebody_waiting() -> bool:
    """Return True if another connection waits for a lock that this thread's connection has."""
    if connection.vendor == "sqlite":
        return True  # SQLite waits by polling, which no other connection can see
    with connection.cursor() as cursor:
        # The server has other databases, whose tests run at the same time.
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        return cursor.fetchone()[0] > 0


class Asking:
    """Make one call in a thread. Keep its result or error, and its seconds."""

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
        connections.close_all()  # this thread's
        self.seconds = time.monotonic() - began

    def result(self):
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        return self.outcome
