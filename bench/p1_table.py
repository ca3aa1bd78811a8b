"""Measure the first table: ours beside P1, and what a worker and its session engine cost."""

import json
import sys

from bench import cells, report
from bench.environment import HERE, stores_for
from bench.installing import P1_PYTHON, python_packages
from bench.measuring import Sample, measure
from bench.redis_pair import running_pair
from bench.running import Bench, Started, output, say
from bench.seeding import Plan

SECONDS = 4
USERS = 1000
WARM_UP_SECONDS = 1
REFRESHES_PER_SECOND = {"p1": 400, "ours": 2000}
"""Refresh tokens to make for each second: more than the app can answer, as each is used once.

If the tokens run out, the app refuses the requests and the report marks the cell as invalid.
"""


def run(bench: Bench) -> Started:
    """Print the table. Returns our server, which still runs."""
    say("Installing P1's packages …")
    python_packages("p1", HERE / "requirements.lock")
    p1 = stores_for("p1", 4)
    plans = {
        "p1": _seed(bench, "p1", str(P1_PYTHON), p1),
        "ours": _seed(bench, "ours", sys.executable, {}),
    }
    output([sys.executable, "-m", "bench.stock.seed", *plans["ours"].arguments])
    servers = {}
    for name in ("p1", "ours", "hello", "hash", "stock"):
        say(f"Starting {name} …")
        command, port = cells.command(name, bench.ports), getattr(bench.ports, name)
        servers[name] = bench.start(name, command, port=port, env=p1 if name == "p1" else {})
    for cell in cells.CELLS:
        cell.load.check(servers[cell.server].port, plans[cell.tokens_of].first(cell.load))
    samples: report.Samples = {cell.key: [] for cell in cells.CELLS}
    for number in range(bench.rounds + 1):
        # Round 0 warms up. Each round starts with another cell.
        turn = number % len(cells.CELLS)
        for cell in cells.CELLS[turn:] + cells.CELLS[:turn]:
            sample = measure(
                cell.load,
                servers[cell.server],
                seconds=(_seconds(bench) if number else WARM_UP_SECONDS) * cell.times_as_long,
                tokens=plans[cell.tokens_of].file_for(cell.load, number),
                connections=cell.connections,
            )
            bench.children.check()
            if number:
                samples[cell.key].append(sample)
                _progress(f"round {number} of {bench.rounds}", cell, sample)
            else:
                _progress("warm-up", cell, sample)
    say("Measuring a worker's memory …")
    memory = json.loads(output([sys.executable, "-m", "bench.ours.memory"]))
    statements = {name: plan.facts()["statements"] for name, plan in plans.items()}
    lines = [*report.table(samples), "", *report.aims(samples, statements, memory)]
    sys.stdout.write("\n".join(["", *lines, "", ""]))

    say("Comparing session engines …")
    with running_pair() as url:
        engines = output([sys.executable, "-m", "bench.ours.engines"], REDIS_URL=url)
    sys.stdout.write(engines)
    sys.stdout.flush()
    return servers["ours"]


def _seconds(bench: Bench) -> int:
    return bench.seconds or SECONDS


def _seed(bench: Bench, name: str, python: str, env: dict[str, str]) -> Plan:
    say(f"Making users and tokens ({name}) …")
    directory = bench.root / f"tokens-{name}"
    directory.mkdir()
    amount = REFRESHES_PER_SECOND[name] * _seconds(bench)
    plan = Plan(directory, users=USERS, files=bench.rounds + 1, refreshes=amount)
    output([python, "-m", f"bench.{name}.seed", *plan.arguments], **env)
    return plan


def _progress(round_: str, cell: cells.Cell, sample: Sample) -> None:
    bad = f", {sample.bad} BAD" if sample.bad else ""
    say(f"{round_}: {cell.name}: {sample.rate:.0f} req/s, {sample.cpu:.0f} µs{bad}")
