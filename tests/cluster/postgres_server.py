"""A PostgreSQL that a test stops and starts again."""

import signal
from pathlib import Path

import psycopg

from tests import postgres
from tests.cluster.process import Process, wait_until
from tests.ports import free_ports


class Postgres(Process):
    def __init__(self, directory: Path) -> None:
        programs = postgres.binaries()
        assert programs is not None, "PostgreSQL isn't installed (apt-get install postgresql)"
        data = directory / "postgres"
        data.mkdir()
        account = postgres._unprivileged(directory, data)
        postgres._run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"],
            account,
        )
        port = free_ports()
        self.url = f"postgres://postgres@127.0.0.1:{port}/postgres"
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
        options = [part for setting in settings for part in ("-c", setting)]
        super().__init__(
            "postgres",
            [programs / "postgres", "-D", data, "-p", str(port), *options],
            directory,
            account=account,
        )

    def start(self) -> None:
        super().start()
        wait_until(self._answers, "PostgreSQL answers", tail=self.tail)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def crash(self) -> None:
        """Every connection is cut; the next start recovers from the log."""
        self.stop(signal.SIGQUIT)
