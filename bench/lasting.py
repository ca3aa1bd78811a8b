"""Measure whether a worker's memory grows with its requests: `python -m bench memory`."""

import os
import sys
from itertools import count, cycle

from bench import cells, loads
from bench.loads import Load
from bench.measuring import measure, resident
from bench.running import Bench, output, say
from bench.seeding import Plan

REQUESTS = 1_000_000
MARKS = (0.1, 0.5, 1.0)
USERS, SECONDS, REFRESHES = 1000, 2, 5000
MOST_FILES, REQUESTS_A_FILE = 20, 20_000
AIM_PERCENT = 5
FEW = 4
"""Connections of a sign-in, whose hash fills a core."""
DOORS: dict[str, Load] = {
    "verify": loads.bearer("/api/verify", status=204),
    "verify-cookie": loads.cookie("/api/verify", "session", status=204),
    "me": loads.bearer("/api/me/"),
    "me-cookie": loads.cookie("/api/me/", "session"),
    "page": loads.cookie("/accounts/", "session"),
    "login": loads.post("/api/token/", "logins", '{"email":"{1}","password":"{2}"}'),
    "refresh": loads.refresh("/api/token/refresh/"),
}


def run(bench: Bench, *, requests: int) -> None:
    """Send this many requests to one worker, and print its memory at 10 %, 50 % and 100 %."""
    os.environ["SIGN_IN_NOTICES"] = "0"
    most = min(MOST_FILES, 1 + requests // REQUESTS_A_FILE)
    plan = Plan(bench.root / "memory", users=USERS, files=most, refreshes=REFRESHES)
    plan.directory.mkdir()
    say("Making users and tokens …")
    output([sys.executable, "-m", "bench.ours.seed", *plan.arguments])
    command = cells.command("ours", bench.ports)
    server = bench.start("ours", command, port=bench.ports.ours)
    for load in DOORS.values():
        load.check(server.port, plan.first(load))
    sent, bad, files = 0, 0, count()
    found: list[tuple[int, int]] = []
    for name, load in cycle(DOORS.items()):
        number = next(files) if load.is_once else 0
        if number >= most:
            continue  # all refresh tokens are used
        one = measure(
            load,
            server,
            seconds=SECONDS,
            tokens=plan.file_for(load, number),
            connections=FEW if name == "login" else 16,
        )
        sent, bad = sent + one.requests, bad + one.bad
        while len(found) < len(MARKS) and sent >= MARKS[len(found)] * requests:
            found.append((sent, resident(server.pid)))
        say(f"{sent:,} of {requests:,} requests, {_mb(resident(server.pid))}, {name}")
        if len(found) == len(MARKS):
            break
    sys.stdout.write("\n".join(["", *table(found, bad), ""]))
    sys.stdout.flush()


def table(found: list[tuple[int, int]], bad: int) -> list[str]:
    """Return the lines of the table. `found` has pairs of requests and bytes."""
    first = found[0][1]
    lines = [
        f"Memory of a worker; {bad} failed requests; load average {os.getloadavg()[0]:.1f}",
        "",
        f"| Requests | Memory | beside the first (aim: within {AIM_PERCENT} %) |",
        "| ---: | ---: | ---: |",
    ]
    for sent, size in found:
        lines.append(f"| {sent:,} | {_mb(size)} | {100 * (size / first - 1):+.1f} % |")
    return lines


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
