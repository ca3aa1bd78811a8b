"""A PostgreSQL of our own for the tests, in a temporary directory."""

import atexit
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from tests.ports import free_ports

DEBIAN = Path("/usr/lib/postgresql")


def binaries() -> Path | None:
    """Where `initdb` and `pg_ctl` are; None where PostgreSQL isn't installed."""
    if found := shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    versions = sorted(DEBIAN.glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[4]))
    return versions[-1].parent if versions else None


def start(root: Path, *, certificate: Path | None = None) -> str:
    """Make and start a cluster; its address as a `DATABASE_URL`. It stops with this process.

    With a certificate, whose key `privkey.pem` lies beside it, the cluster speaks TLS.
    """
    programs = binaries()
    if programs is None:
        raise RuntimeError("PostgreSQL isn't installed (Debian: apt-get install postgresql)")
    data = root / "postgres"
    data.mkdir()
    account = _unprivileged(root, data)
    port = free_ports()
    _run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"],
        account,
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    if certificate is not None:
        for name, source in (("server.crt", certificate), ("server.key", _key_of(certificate))):
            (data / name).write_bytes(source.read_bytes())
            (data / name).chmod(0o600)
            if account:
                shutil.chown(data / name, account)
        options += " -c ssl=on"
    log = data / "log"
    _run([programs / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start"], account)
    atexit.register(
        _run, [programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], account
    )
    return f"postgres://postgres@127.0.0.1:{port}/postgres"


def _key_of(certificate: Path) -> Path:
    return certificate.parent / "privkey.pem"


def _unprivileged(root: Path, data: Path) -> str | None:
    """PostgreSQL refuses to run as root: its own account then owns the directory."""
    if os.geteuid() != 0:
        return None
    account = pwd.getpwnam("postgres")
    root.chmod(0o711)
    os.chown(data, account.pw_uid, account.pw_gid)
    return account.pw_name


def _run(command: list[str | Path], account: str | None) -> None:
    subprocess.run(command, user=account, cwd="/", check=True, stdout=subprocess.DEVNULL)
