"""Wait for what another thread, process or database connection does."""

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
    """Ask until it is so; after `seconds`, an `AssertionError` that says what isn't."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"after {seconds:.0f} s: not {what}\n{tail()}"
        time.sleep(every)


def is_somebody_waiting() -> bool:
    """Say whether another connection waits for a lock of the database."""
    if connection.vendor == "sqlite":
        return True  # by polling, which nobody sees
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


class Asking:
    """Make one call in a thread; keep its outcome and its seconds."""

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
