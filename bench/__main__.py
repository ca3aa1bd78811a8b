"""Compare our application with a plain DRF + SimpleJWT app: `python -m bench`, or `make bench`."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

from bench import cells, report, streams
from bench.environment import P1_PYTHON, Ports, install, prepare
from bench.measuring import Sample, measure
from bench.redis_pair import running_pair
from bench.seeding import Plan
from config.processes import ChildDiedError, Children, Stopped

USERS = 1000
WARM_UP_SECONDS = 1
REFRESHES_PER_SECOND = {"p1": 400, "ours": 2000}
"""Refresh tokens to make for each second: more than the app can answer, as each is used once.

If the tokens run out, the app refuses the requests and the report marks the cell as invalid.
"""


def main() -> int:
    options = _options()
    if options.what == "streams":
        return streams.main(options.streams)
    if missing := [name for name in ("wrk", "taskset") if shutil.which(name) is None]:
        say(f"{' and '.join(missing)} not found. On Debian: apt-get install wrk util-linux")
        return 2
    install()
    if cells.is_pinned():
        # PostgreSQL, Redis and wrk inherit this core; `taskset` moves the apps to the other one.
        os.sched_setaffinity(0, {cells.LOAD_CPU})
    try:
        with Children() as children:
            _run(children, options)
    except Stopped:
        say("Stopped.")
        return 130
    except (ChildDiedError, subprocess.SubprocessError) as exc:
        say(f"FAILED: {exc}")
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        choices=["requests", "streams"],
        default="requests",
        help="`streams` measures /events instead, and needs no wrk.",
    )
    parser.add_argument("--streams", type=int, default=1000, help="Idle streams to open.")
    parser.add_argument("--seconds", type=int, default=5, help="Seconds of a cell in a round.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--quick", action="store_true", help="Only test that it runs: one round of one second."
    )
    options = parser.parse_args()
    if options.quick:
        options.seconds = options.rounds = 1
    return options


def _run(children: Children, options: argparse.Namespace) -> None:
    say("Starting PostgreSQL and Redis …")
    root, ports = prepare(children)
    plans = {name: _seed(name, root, options) for name in ("p1", "ours")}
    pids = _start_servers(children, root, ports)
    samples: report.Samples = {cell.key: [] for cell in cells.CELLS}
    for number in range(options.rounds + 1):
        # Round 0 warms up. Each round starts with another cell.
        turn = number % len(cells.CELLS)
        for cell in cells.CELLS[turn:] + cells.CELLS[:turn]:
            plan = plans[cell.tokens_of]
            sample = measure(
                f"http://127.0.0.1:{getattr(ports, cell.server)}{cell.path}",
                pid=pids[cell.server],
                seconds=options.seconds if number else WARM_UP_SECONDS,
                tokens=plan.file_for(cell.carrier, number),
                carrier=cell.carrier,
            )
            children.check()
            if number:
                samples[cell.key].append(sample)
                _progress(f"round {number} of {options.rounds}", cell, sample)
            else:
                _progress("warm-up", cell, sample)
    say("Measuring a worker's memory …")
    memory = json.loads(_output([sys.executable, "-m", "bench.ours.memory"]))
    statements = {name: plan.facts()["statements"] for name, plan in plans.items()}
    lines = [*report.table(samples), "", *report.aims(samples, statements, memory)]
    sys.stdout.write("\n".join(["", *lines, "", ""]))

    say("Comparing session engines …")
    with running_pair() as url:
        engines = _output([sys.executable, "-m", "bench.ours.engines"], REDIS_URL=url)
    sys.stdout.write(engines)


def _seed(name: str, root: Path, options: argparse.Namespace) -> Plan:
    say(f"Making users and tokens ({name}) …")
    directory = root / f"tokens-{name}"
    directory.mkdir()
    amount = REFRESHES_PER_SECOND[name] * options.seconds
    plan = Plan(directory, users=USERS, files=options.rounds + 1, tokens_per_file=amount)
    python = str(P1_PYTHON) if name == "p1" else sys.executable
    _output([python, "-m", f"bench.{name}.seed", *plan.arguments])
    return plan


def _start_servers(children: Children, root: Path, ports: Ports) -> dict[str, int]:
    pids = {}
    for name, command in cells.commands(ports).items():
        say(f"Starting {name} …")
        pids[name] = cells.start(children, name, command, root / f"{name}.log")
        port = getattr(ports, name)
        try:
            children.wait_until(partial(_answers, port), name=name, seconds=30)
        except ChildDiedError:
            say((root / f"{name}.log").read_text()[-2000:])
            raise
    return pids


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _output(command: list[str], **env: str) -> str:
    finished = subprocess.run(  # noqa: S603
        command,
        env=os.environ | {"LOG_LEVEL": "WARNING"} | env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return finished.stdout


def _progress(round_: str, cell: cells.Cell, sample: Sample) -> None:
    bad = f", {sample.bad} BAD" if sample.bad else ""
    say(f"{round_}: {cell.name}: {sample.rate:.0f} req/s, {sample.cpu:.0f} µs{bad}")


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


if __name__ == "__main__":
    sys.exit(main())
