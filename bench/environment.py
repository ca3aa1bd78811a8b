"""Start the temporary PostgreSQL and Redis, and set the variables for all processes of the bench."""

import atexit
import os
import socket
import subprocess
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from cryptography.fernet import Fernet
from psycopg import sql

from config import embedded
from config.processes import Children
from tests.kit import postgres

HERE = Path(__file__).resolve().parent
ACCOUNT = "postgres" if os.geteuid() == 0 else None
"""User that runs PostgreSQL, which refuses to run as root. None means the current user."""


@dataclass(frozen=True)
class Ports:
    p1: int
    ours: int
    hello: int
    hash: int
    stock: int


def prepare(children: Children) -> tuple[Path, Ports]:
    """Start the servers that both apps need. They end with this process.

    Returns the temporary directory and the ports of the apps.
    """
    directory = tempfile.TemporaryDirectory(prefix="munjigi-bench-")
    atexit.register(directory.cleanup)
    root = Path(directory.name)
    (root / "static").mkdir()
    ports = Ports(*free_ports(len(fields(Ports))))
    children.start("Redis", embedded.command(root))
    redis = embedded.socket_path(root)
    children.wait_until(redis.exists, name="Redis", seconds=10)
    atexit.register(_stop_postgres, root / "postgres")
    database = postgres.start(root)
    _make_durable(root, database)
    os.environ |= {
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "bench" * 12,
        "SESSION_ID_KEY": "session-ids-of-bench" * 2,
        "DATA_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "PORT": str(ports.ours),
        "SITE_URL": f"http://127.0.0.1:{ports.ours}",
        "VAR_DIR": str(root),
        "STATIC_HASHED": "0",
        "EMAIL_URL": "memorymail://",
        "REDIS_URL": f"unix://{redis}?db=0",
        "DATABASE_URL": database,
    }
    for name in ("DEMO", "DEBUG", "LOG_LEVEL", "LOG_FORMAT", "DJANGO_SETTINGS_MODULE"):
        os.environ.pop(name, None)
    return root, ports


def stores_for(app: str, number: int) -> dict[str, str]:
    """Make a database for an app that is not ours. Returns its variables.

    `number` is its database in Redis. Ours has 0 to 3, our pages on stock sessions have 15.
    """
    database = os.environ["DATABASE_URL"]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(app)))
    return {
        "APP_DATABASE_URL": database.removesuffix("postgres") + app,
        "APP_REDIS_URL": os.environ["REDIS_URL"].replace("db=0", f"db={number}"),
    }


def _stop_postgres(data: Path) -> None:
    """Stop PostgreSQL, also after a Ctrl-C during its start. `postgres.start` stops it only later."""
    programs = postgres.binaries()
    if programs is not None and (data / "postmaster.pid").exists():
        subprocess.run(  # noqa: S603
            [programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"],
            user=ACCOUNT,
            cwd="/",
            check=False,
            stdout=subprocess.DEVNULL,
        )


def _make_durable(root: Path, database: str) -> None:
    """Restart PostgreSQL with `fsync` on, as in production. The tests' server has `fsync` off."""
    programs = postgres.binaries()
    if programs is None:
        raise RuntimeError("PostgreSQL isn't installed")
    data = root / "postgres"
    options = f"-p {urlsplit(database).port} -c listen_addresses=127.0.0.1 "
    options += "-c unix_socket_directories= -c fsync=on"
    subprocess.run(  # noqa: S603
        [programs / "pg_ctl", "-D", data, "-l", data / "log", "-w", "-o", options, "restart"],
        user=ACCOUNT,
        cwd="/",
        check=True,
        stdout=subprocess.DEVNULL,
    )


def free_ports(amount: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(amount)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
