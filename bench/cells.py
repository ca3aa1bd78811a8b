"""Define the cells of the table, and start the servers to measure."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.environment import P1_PYTHON, Ports
from config.processes import Children

APP_CPU, LOAD_CPU = 0, 1


@dataclass(frozen=True)
class Cell:
    key: str
    name: str
    server: str
    path: str
    base: str
    """The key of the cell that the column `x base` divides by."""
    carrier: str = "bearer"
    """How a request carries its token: `bearer`, `refresh`, or the name of a session cookie."""

    @property
    def tokens_of(self) -> str:
        """Return the app whose tokens the requests carry.

        The bare server gets ours and ignores them.
        """
        return "p1" if self.server == "p1" else "ours"


CELLS = [
    Cell("p1", "P1 `GET /me`, Bearer", "p1", "/me", "p1"),
    Cell("verify", "ours `GET /api/verify`, Bearer", "ours", "/api/verify", "p1"),
    Cell("no-sql", "ours, a DRF view, Bearer, no SQL", "ours", "/api/bench/sub/", "p1"),
    Cell("me", "ours `GET /api/me/`, Bearer", "ours", "/api/me/", "p1"),
    Cell("bare", "bare WSGI under Granian (limit)", "hello", "/", "p1"),
    Cell("p1-refresh", "P1 refresh", "p1", "/token/refresh/", "p1-refresh", carrier="refresh"),
    Cell(
        "refresh",
        "ours `POST /api/token/refresh/`",
        "ours",
        "/api/token/refresh/",
        "p1-refresh",
        carrier="refresh",
    ),
    Cell(
        "p1-session",
        "P1 `GET /session`, session cookie",
        "p1",
        "/session",
        "p1-session",
        carrier="sessionid",
    ),
    Cell(
        "session",
        "ours `GET /api/me/`, session cookie",
        "ours",
        "/api/me/",
        "p1-session",
        carrier="session",
    ),
]


def is_pinned() -> bool:
    return (os.cpu_count() or 1) > 1


def commands(ports: Ports) -> dict[str, list[str]]:
    """Return the command of each server: one worker, and for Granian the flags of `serve`."""
    ours = [sys.executable, "-u", "-m", "bench.ours.serve"]
    p1 = [str(P1_PYTHON), "-m", "gunicorn", "--workers=1", "--log-level=error"]
    return {
        "p1": [*p1, f"--bind=127.0.0.1:{ports.p1}", "bench.p1.wsgi:application"],
        "ours": [*ours, "bench.ours.wsgi"],
        "hello": ["env", f"PORT={ports.hello}", *ours, "bench.ours.hello"],
    }


def start(children: Children, name: str, command: list[str], log: Path) -> int:
    """Start a server on the apps' core, with its log in a file. Returns its process id."""
    pin = ["taskset", "-c", str(APP_CPU)] if is_pinned() else []
    to_file = ["sh", "-c", 'exec "$@" >>"$0" 2>&1', str(log)]
    children.start(name, [*to_file, *pin, *command])
    return children._running[name].pid  # noqa: SLF001
