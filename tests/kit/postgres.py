"""Run a PostgreSQL for the tests, in a temporary directory."""

import atexit
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg

from tests.kit.ports import free_ports
from tests.kit.processes import Process, descendants
from tests.kit.waiting import wait_until

DEBIAN = Path("/usr/lib/postgresql")


def binaries() -> Path | None:
    """Return the directory of `initdb` and `postgres`, or None if PostgreSQL isn't installed."""
    if found := shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    versions = sorted(DEBIAN.glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[4]))
    return versions[-1].parent if versions else None


def start(root: Path, *, certificate: Path | None = None) -> str:
    """Create and start a cluster, and return its `DATABASE_URL`. It stops with this process.

    With a certificate, the cluster uses TLS. The key `privkey.pem` must lie beside the certificate.
    """
    server = Postgres(root, certificate=certificate)
    atexit.register(server.crash)
    server.start()
    return server.url


class Postgres(Process):
    """A PostgreSQL that a test stops and starts again."""

    by = signal.SIGQUIT

    def __init__(self, directory: Path, *, certificate: Path | None = None) -> None:
        programs = binaries()
        if programs is None:
            raise RuntimeError("PostgreSQL isn't installed (Debian: apt-get install postgresql)")
        self.data = directory / "postgres"
        self.data.mkdir()
        account = _unprivileged(directory, self.data)
        initdb = [programs / "initdb", "-D", self.data, "-U", "postgres"]
        subprocess.run(
            [*initdb, "-A", "trust", "-E", "UTF8", "-N"],
            user=account,
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,
        )
        port = free_ports()
        self.url = f"postgres://postgres@127.0.0.1:{port}/postgres"
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
        if certificate is not None:
            for name, source in (("server.crt", certificate), ("server.key", _key_of(certificate))):
                (self.data / name).write_bytes(source.read_bytes())
                (self.data / name).chmod(0o600)
                if account:
                    shutil.chown(self.data / name, account)
            settings.append("ssl=on")
        options = [part for setting in settings for part in ("-c", setting)]
        super().__init__(
            "postgres",
            [programs / "postgres", "-D", self.data, "-p", str(port), *options],
            directory,
            account=account,
        )

    def start(self) -> None:
        super().start()
        wait_until(self._answers, "PostgreSQL answers", seconds=30, tail=self.tail)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """Kill all processes of the server at once. Each has a process group of its own."""
        if self._running is not None:
            pids = [self._running.pid, *descendants(self._running.pid)]
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        super().kill()

    def crash(self) -> None:
        """Stop at once and cut every connection. The next start recovers from the log."""
        self.stop(signal.SIGQUIT)


def _key_of(certificate: Path) -> Path:
    return certificate.parent / "privkey.pem"


def _unprivileged(root: Path, data: Path) -> str | None:
    """Return the account to run PostgreSQL as, which then owns the directory, or None.

    PostgreSQL refuses to run as root.
    """
    if os.geteuid() != 0:
        return None
    account = pwd.getpwnam("postgres")
    root.chmod(0o711)
    os.chown(data, account.pw_uid, account.pw_gid)
    return account.pw_name
