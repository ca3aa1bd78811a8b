"""Compare our speed with other apps: `python -m bench`, or `make bench`.

The first table stands beside a plain DRF + SimpleJWT app (P1), the second beside five libraries that
people would pick instead (the peers).
"""

import argparse
import os
import shutil
import subprocess
import sys

from bench import lasting, p1_table, size, streams
from bench.environment import prepare
from bench.installing import NotInstalledError
from bench.loads import WrongAnswerError
from bench.peers import table as peers_table
from bench.peers.catalogue import ROWS
from bench.running import LOAD_CPU, Bench, is_pinned, output, say
from config.processes import ChildDiedError, Children, Stopped


def main() -> int:
    options = _options()
    if options.what == "streams":
        return streams.main(options.streams)
    if missing := [name for name in ("wrk", "taskset") if shutil.which(name) is None]:
        say(f"{' and '.join(missing)} not found. On Debian: apt-get install wrk util-linux")
        return 2
    if is_pinned():
        # PostgreSQL, Redis and wrk inherit this core; `taskset` moves the apps to the other one.
        os.sched_setaffinity(0, {LOAD_CPU})
    try:
        with Children() as children:
            _run(children, options)
    except Stopped:
        say("Stopped.")
        return 130
    except (
        ChildDiedError,
        NotInstalledError,
        WrongAnswerError,
        subprocess.SubprocessError,
    ) as exc:
        say(f"FAILED: {exc}")
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=["requests", "streams", "size", "memory", "lines"],
        default="requests",
        help="`streams` measures /events instead, and needs no wrk. `size` compares a small database "
        "with a large one. `memory` watches a worker's memory over many requests. `lines` counts the lines of code "
        "that one request runs: ours, functions, files, and lines of libraries.",
    )
    parser.add_argument(
        "--users", type=int, default=size.MANY, help="Users of the large database of `size`."
    )
    parser.add_argument(
        "--requests", type=int, default=lasting.REQUESTS, help="Requests of `memory`."
    )
    parser.add_argument("--streams", type=int, default=1000, help="Idle streams to open.")
    parser.add_argument("--only", choices=["p1", "peers"], help="Print only this table.")
    parser.add_argument(
        "--row",
        choices=[*ROWS],
        action="append",
        help="Measure only this row beside the peers. Name it again for more rows.",
    )
    parser.add_argument(
        "--seconds",
        type=int,
        help=f"Seconds of a cell in a round. Default: {p1_table.SECONDS} beside P1, "
        f"{peers_table.SECONDS} beside the peers.",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--quick", action="store_true", help="Only test that it runs: one round of one second."
    )
    options = parser.parse_args()
    if options.row:
        options.only = "peers"
    if options.quick:
        options.seconds = options.rounds = 1
    return options


def _run(children: Children, options: argparse.Namespace) -> None:
    say("Starting PostgreSQL and Redis …")
    root, ports = prepare(children)
    bench = Bench(children, root, ports, rounds=options.rounds, seconds=options.seconds)
    if options.what == "size":
        size.run(bench, users=options.users)
        return
    if options.what == "memory":
        lasting.run(bench, requests=options.requests)
        return
    if options.what == "lines":
        print(output([sys.executable, "-m", "bench.ours.lines"], LOG_LEVEL="INFO"))  # noqa: T201 - the table
        return
    ours = None if options.only == "peers" else p1_table.run(bench)
    if options.only != "p1":
        peers_table.run(bench, ours=ours, rows=options.row)


if __name__ == "__main__":
    sys.exit(main())
