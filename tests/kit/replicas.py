"""Set up a replica for one test: a real one, or a listener that counts who asks."""

import contextlib
import socket
import threading
from collections.abc import Iterator

from django.db import connections

from accounts import replica
from config import database


@contextlib.contextmanager
def replica_at(url: str) -> Iterator[None]:
    """Context manager: let `REPLICA_DATABASE_URL` be `url`."""
    made = connections.configure_settings(
        {"default": connections.settings["default"], replica.ALIAS: database.replica(url)}
    )
    connections.settings[replica.ALIAS] = made[replica.ALIAS]
    mine = connections[replica.ALIAS]

    def ensure_connection() -> None:
        """Connect. Django's own method refuses databases that a test has not named at its start."""
        if mine.connection is None:
            with mine.wrap_database_errors:
                mine.connect()

    mine.ensure_connection = ensure_connection
    replica.forget()
    try:
        yield
    finally:
        connections[replica.ALIAS].close()
        del connections[replica.ALIAS]
        del connections.settings[replica.ALIAS]
        replica.forget()


class Listener:
    """A port that counts connections and closes them at once."""

    def __init__(self) -> None:
        self.calls = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgres://nobody@127.0.0.1:{self._socket.getsockname()[1]}/nothing"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                self.calls += 1
                client.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)
