"""Compare our speed with few users and with many: `python -m bench size`.

Two databases in one PostgreSQL, one worker for each, measured in turn by one connection.
"""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

import psycopg
from psycopg import sql

from bench import cells, loads
from bench.environment import free_ports
from bench.loads import Load
from bench.measuring import Sample, measure
from bench.running import Bench, Started, say
from bench.seeding import Plan
from config import embedded

FEW, MANY = 1000, 1_000_000
SECONDS, REFRESHES_PER_SECOND = 1, 1200
SIGN_INS, EVENTS = 3, 5
"""Sign-ins and events of the audit log for each user."""
AIM = 1.1
JSON_LOGIN = '{"email":"{1}","password":"{2}"}'
ROWS: dict[str, Load] = {
    "login": loads.post("/api/token/", "logins", JSON_LOGIN, has=('"refresh"',)),
    "refresh": loads.refresh("/api/token/refresh/", has=('"refresh"',)),
    "me": loads.bearer("/api/me/", has=('"email"',)),
    "page": loads.cookie("/accounts/", "session", has=("</html>",)),
    "devices": loads.cookie("/accounts/sessions/", "session", has=("</html>",)),
}


@dataclass(frozen=True)
class Site:
    """One of the two sites: its number of users, its tokens and its server."""

    users: int
    plan: Plan
    server: Started


def run(bench: Bench, *, users: int) -> None:
    """Seed both databases, measure, and print the table."""
    os.environ["SIGN_IN_NOTICES"] = "0"
    # Fill both first: access tokens live for an hour.
    filled = {number: _fill(bench, f"size{number}", number) for number in (FEW, users)}
    sites = [_site(bench, f"size{number}", number, env) for number, env in filled.items()]
    found: dict[tuple[str, int], list[Sample]] = {}
    for number in range(bench.rounds + 1):
        for name, load in ROWS.items():
            for site in sites if number % 2 else sites[::-1]:
                one = _sample(bench, load, site, number)
                if number:
                    found.setdefault((name, site.users), []).append(one)
                bad = f", {one.bad} BAD" if one.bad else ""
                say(f"round {number}: {name}, {site.users:,} users: {one.p50:.2f} ms{bad}")
    sys.stdout.write("\n".join(["", *table(found, users), ""]))
    sys.stdout.flush()


def table(found: dict[tuple[str, int], list[Sample]], users: int) -> list[str]:
    """Return the lines of the table: the medians of p50 in milliseconds, and their ratio."""
    lines = [
        f"p50 in ms, medians; load average {os.getloadavg()[0]:.1f}",
        "",
        f"| | {FEW:,} users | {users:,} users | ratio (aim ≤ {AIM}) |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name in ROWS:
        few, many = (found[name, number] for number in (FEW, users))
        if any(one.bad for one in (*few, *many)):
            lines.append(f"| {name} | | | a request failed |")
            continue
        low, high = (statistics.median(one.p50 for one in each) for each in (few, many))
        lines.append(f"| {name} | {low:.2f} | {high:.2f} | {high / low:.2f} |")
    return lines


def _fill(bench: Bench, name: str, users: int) -> dict[str, str]:
    """Make the stores of one site, with these users. Returns its variables."""
    env = _stores(bench, name)
    say(f"Filling a database with {users:,} users …")
    began = time.monotonic()
    counts = [f"--users={users}", f"--sign-ins={SIGN_INS * users}", f"--events={EVENTS * users}"]
    for command in (["migrate", "-v0"], ["seed_crowd", *counts]):
        _call([sys.executable, "manage.py", *command], env)
    say(f"… {time.monotonic() - began:.0f} s")
    return env


def _site(bench: Bench, name: str, users: int, env: dict[str, str]) -> Site:
    """Make its tokens and start its server."""
    directory = bench.root / f"{name}-tokens"
    directory.mkdir()
    seconds = bench.seconds or SECONDS
    files = bench.rounds + 1
    plan = Plan(directory, users=users, files=files, refreshes=REFRESHES_PER_SECOND * seconds)
    _call([sys.executable, "-m", "bench.ours.sized", *plan.arguments], env)
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    (port,) = free_ports(1)
    command = ["env", f"PORT={port}", *cells.command("ours", bench.ports)]
    server = bench.start(name, command, port=port, env=env | {"PORT": str(port)})
    site = Site(users, plan, server)
    for load in ROWS.values():
        load.check(port, plan.first(load))
    return site


def _stores(bench: Bench, name: str) -> dict[str, str]:
    """Make a database and start a Redis for one site. Returns its variables."""
    database = os.environ["DATABASE_URL"]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    directory = bench.root / name
    (directory / "static").mkdir(parents=True)
    bench.children.start(f"Redis of {name}", embedded.command(directory))
    redis = embedded.socket_path(directory)
    bench.children.wait_until(redis.exists, name="Redis", seconds=10)
    return {
        "DATABASE_URL": database.removesuffix("postgres") + name,
        "REDIS_URL": f"unix://{redis}?db=0",
        "VAR_DIR": str(directory),
    }


def _call(command: list[str], env: dict[str, str]) -> None:
    """Run a program, with its progress bar on our terminal."""
    subprocess.run(  # noqa: S603
        command,
        env=os.environ | {"LOG_LEVEL": "WARNING"} | env,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _sample(bench: Bench, load: Load, site: Site, number: int) -> Sample:
    tokens = site.plan.file_for(load, number)
    seconds = bench.seconds or SECONDS
    return measure(load, site.server, seconds=seconds, tokens=tokens, connections=1)
