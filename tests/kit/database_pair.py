"""A PostgreSQL primary and a standby, which a test promotes after it has killed the primary."""

import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.kit.postgres import Postgres, binaries
from tests.kit.waiting import wait_until

STREAMS = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = %s"


class Databases:
    """A primary whose commits wait for its standby. The site's URL names both.

    `fail_over` kills the primary, and `rejoin` makes the killed one the standby of the other.
    """

    def __init__(self, directory: Path) -> None:
        directory.chmod(0o711)
        places = [directory / name for name in ("database-0", "database-1")]
        for place in places:
            place.mkdir()
        self.servers = [Postgres(place) for place in places]
        self.primary, self.standby = self.servers
        self.is_synchronous = True
        hosts = ",".join(urlsplit(each.url).netloc.rpartition("@")[2] for each in self.servers)
        self.url = f"postgres://postgres@{hosts}/postgres?target_session_attrs=read-write"

    @property
    def is_running(self) -> bool:
        return self.primary.is_running

    def start(self) -> None:
        """Start the primary; make the standby if there is none."""
        if not self.primary.is_running:
            self.primary.start()
        if not self.standby.is_running:
            self.rejoin()

    def heal(self) -> None:
        """Start what doesn't run. After a fail-over, make the killed server the standby."""
        self.start()
        if not (self.is_synchronous and self.is_followed()):
            self.rejoin()

    def rejoin(self, *, synchronous: bool = True) -> None:
        """Copy the primary to the other server and start that as its standby.

        Without `synchronous` a commit doesn't wait for the standby.
        """
        self.is_synchronous = synchronous
        self._wait_for_standbys("")
        self.standby.stop(signal.SIGQUIT)
        shutil.rmtree(self.standby.data)
        programs = binaries()
        assert programs is not None
        port = str(urlsplit(self.primary.url).port)
        copy = [programs / "pg_basebackup", "-h", "127.0.0.1", "-p", port, "-U", "postgres"]
        account = self.standby.account
        parent = self.standby.data.parent
        if account:
            shutil.chown(parent, account)
        subprocess.run(
            [*copy, "-D", self.standby.data, "-R", "-X", "stream", "-c", "fast"],
            user=account,
            cwd="/",
            check=True,
            timeout=60,
            stdout=subprocess.DEVNULL,
        )
        self.standby.start()
        self._wait_for_standbys("*" if synchronous else "")
        wait_until(self.is_followed, "the standby streams", seconds=60, tail=self.standby.tail)

    def is_followed(self) -> bool:
        kind = "sync" if self.is_synchronous else "async"
        with psycopg.connect(self.primary.url, autocommit=True) as client:
            return client.execute(STREAMS, [kind]).fetchone() == (1,)

    def cut_off(self) -> None:
        """Stop replication: the standby gets no later write, even if it was sent before."""
        with psycopg.connect(self.standby.url, autocommit=True) as client:
            client.execute("ALTER SYSTEM SET primary_conninfo = ''")
            client.execute("SELECT pg_reload_conf()")

        def receives() -> bool:
            with psycopg.connect(self.standby.url, autocommit=True) as client:
                found = client.execute("SELECT count(*) FROM pg_stat_wal_receiver").fetchone()
                return found != (0,)

        wait_until(lambda: not receives(), "the standby receives nothing")

    def fail_over(self, *, after_seconds: float = 0) -> None:
        """Kill the primary and all its processes at once, and promote the standby."""
        time.sleep(after_seconds)
        self.primary.kill()
        self.primary, self.standby = self.standby, self.primary
        with psycopg.connect(self.primary.url, autocommit=True) as client:
            assert client.execute("SELECT pg_promote(wait_seconds => 30)").fetchone() == (True,)

    def crash(self) -> None:
        self.primary.crash()

    def stop(self) -> None:
        for server in self.servers:
            server.stop(signal.SIGQUIT)

    def cpu_seconds(self) -> float:
        return sum(server.cpu_seconds() for server in self.servers)

    def _wait_for_standbys(self, names: str) -> None:
        """Set for which standbys a commit waits: `*` for any one, or '' for none."""
        with psycopg.connect(self.primary.url, autocommit=True) as client:
            client.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
            client.execute("SELECT pg_reload_conf()")

            def is_set() -> bool:
                return client.execute("SHOW synchronous_standby_names").fetchone() == (names,)

            wait_until(is_set, "synchronous_standby_names is set")
