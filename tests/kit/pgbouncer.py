"""Run a PgBouncer in transaction mode in front of a PostgreSQL of the tests."""

import atexit
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.kit.ports import free_ports
from tests.kit.processes import Process
from tests.kit.waiting import wait_until

SERVERS = 8
"""PostgreSQL's connections for each database. The tests have more threads than that in the races."""
PREPARES_FROM = (1, 21)
SETTINGS = """
[databases]
* = host=127.0.0.1 port={server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {size}
min_pool_size = {size}
max_client_conn = 500
{more}; Each transaction gets the connection that has waited longest, so two in a row never share one.
server_round_robin = 1
"""


def program() -> Path | None:
    found = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    return Path(found) if found else None


def prepares() -> bool:
    """Return True if this PgBouncer (1.21 or newer) keeps prepared statements from one connection to the next."""
    binary = program()
    if binary is None:
        return False
    told = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)\.(\d+)", told)
    return found is not None and (int(found[1]), int(found[2])) >= PREPARES_FROM


def start(root: Path, url: str) -> str:
    """Start a PgBouncer in front of `url`, and return its own URL. It stops with this process."""
    pooler = PgBouncer(root, url)
    atexit.register(pooler.stop, signal.SIGQUIT)
    pooler.start()
    return pooler.url


class PgBouncer(Process):
    """A PgBouncer that gives each transaction another connection of PostgreSQL, if it can."""

    def __init__(self, directory: Path, url: str, *, name: str = "pgbouncer") -> None:
        binary = program()
        if binary is None:
            raise RuntimeError("PgBouncer isn't installed (Debian: apt-get install pgbouncer)")
        port = free_ports()
        users, settings = directory / f"{name}.users", directory / f"{name}.ini"
        users.write_text('"postgres" ""\n')
        settings.write_text(
            SETTINGS.format(
                server=urlsplit(url).port,
                port=port,
                users=users,
                size=SERVERS,
                # PgBouncer 1.18 doesn't start with a setting that it doesn't know.
                more="max_prepared_statements = 200\n" if prepares() else "",
            )
        )
        for file in (users, settings):
            file.chmod(0o644)
        # PgBouncer refuses to run as root, as PostgreSQL does.
        account = "postgres" if os.geteuid() == 0 else None
        super().__init__(name, [binary, settings], directory, account=account)
        self.url = url.replace(f":{urlsplit(url).port}/", f":{port}/")

    def start(self) -> None:
        super().start()
        wait_until(self._answers, "PgBouncer answers", seconds=30, tail=self.tail)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
