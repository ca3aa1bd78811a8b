"""Define the cells of the first table, and the servers to measure."""

import sys
from dataclasses import dataclass, replace

from bench import loads
from bench.environment import Ports
from bench.installing import P1_PYTHON, site_packages
from bench.loads import Load
from bench.measuring import CONNECTIONS


@dataclass(frozen=True)
class Cell:
    key: str
    name: str
    server: str
    load: Load
    base: str
    """The key of the cell that the column `x base` divides by."""
    connections: int = CONNECTIONS
    times_as_long: int = 1

    @property
    def tokens_of(self) -> str:
        """Return the app whose tokens the requests carry.

        The bare server and the hash alone get ours and ignore them.
        """
        return "p1" if self.server == "p1" else "ours"


USER0 = "user0@example.com"
PAGE = (USER0, "</html>")
LOGIN = '{"email":"{1}","password":"{2}"}'
SLOW = {"connections": 4, "times_as_long": 2}
"""A hash takes a core for 20 ms. What is in flight at the end of a cell costs CPU and is not counted."""
BARE = loads.bearer("/", status=204)
CELLS = [
    Cell("p1", "P1 `GET /me`, Bearer", "p1", loads.bearer("/me", has=(USER0,)), "p1"),
    Cell(
        "verify",
        "ours `GET /api/verify`, Bearer",
        "ours",
        loads.bearer("/api/verify", status=204),
        "p1",
    ),
    Cell(
        "no-sql",
        "ours, a DRF view, Bearer, no SQL",
        "ours",
        loads.bearer("/api/bench/sub/", has=('"sub"',)),
        "p1",
    ),
    Cell("me", "ours `GET /api/me/`, Bearer", "ours", loads.bearer("/api/me/", has=(USER0,)), "p1"),
    Cell("bare", "bare WSGI under Granian (limit)", "hello", BARE, "p1"),
    Cell(
        "p1-refresh",
        "P1 refresh",
        "p1",
        loads.refresh("/token/refresh/", has=('"refresh"',)),
        "p1-refresh",
    ),
    Cell(
        "refresh",
        "ours `POST /api/token/refresh/`",
        "ours",
        loads.refresh("/api/token/refresh/", has=('"refresh"',)),
        "p1-refresh",
    ),
    Cell(
        "p1-session",
        "P1 `GET /session`, session cookie",
        "p1",
        loads.cookie("/session", "sessionid", has=(USER0,)),
        "p1-session",
    ),
    Cell(
        "verify-session",
        "ours `GET /api/verify`, session cookie",
        "ours",
        loads.cookie("/api/verify", "session", status=204),
        "p1",
    ),
    Cell(
        "session",
        "ours `GET /api/me/`, session cookie",
        "ours",
        loads.cookie("/api/me/", "session", has=(USER0,)),
        "p1-session",
    ),
    Cell(
        "stock-page",
        "the page `/accounts/` on stock sessions and gunicorn",
        "stock",
        replace(loads.cookie("/accounts/", "session", has=PAGE), tokens="stock-sessions"),
        "stock-page",
    ),
    Cell(
        "page",
        "ours `GET /accounts/`, a page, session cookie",
        "ours",
        loads.cookie("/accounts/", "session", has=PAGE),
        "stock-page",
    ),
    Cell("hash", "a password's hash alone (limit)", "hash", BARE, "hash", **SLOW),
    Cell(
        "login",
        "ours `POST /api/token/`, password",
        "ours",
        loads.post("/api/token/", "logins", LOGIN, has=('"refresh"',)),
        "hash",
        **SLOW,
    ),
]
OURS = [cell for cell in CELLS if cell.server == "ours"]


def command(server: str, ports: Ports) -> list[str]:
    """Return the command of a server: one worker, and for Granian the flags of `serve`."""
    granian = [sys.executable, "-u", "-m", "bench.ours.serve"]
    match server:
        case "p1":
            gunicorn = [str(P1_PYTHON), "-m", "gunicorn", "--workers=1", "--log-level=error"]
            return [*gunicorn, f"--bind=127.0.0.1:{ports.p1}", "bench.p1.wsgi:application"]
        case "ours":
            return [*granian, "bench.ours.wsgi"]
        case "hash":
            return ["env", f"PORT={ports.hash}", *granian, "bench.ours.hashing"]
        case "stock":
            stock = [sys.executable, "-m", "bench.stock.serve", site_packages("p1")]
            gunicorn = ["--workers=1", "--log-level=error", f"--bind=127.0.0.1:{ports.stock}"]
            return [*stock, *gunicorn, "django.core.wsgi:get_wsgi_application()"]
        case _:
            return ["env", f"PORT={ports.hello}", *granian, "bench.ours.hello"]
