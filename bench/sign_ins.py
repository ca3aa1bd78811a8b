"""Measure whether the sealing of the audit log slows sign-ins: `python -m bench.sign_ins`.

Signs in by `POST /api/token/`, in rounds with and without a process that seals. Then seals,
verifies and prunes a large log.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from itertools import count

from bench import cells
from bench.environment import prepare
from bench.measuring import cpu_seconds
from bench.running import LOAD_CPU, Bench, is_pinned, output, say
from config.processes import Children

USERS, THREADS, PASSWORD = 500, 8, "correct horse battery"
ROWS = 50_000
SEALING = [sys.executable, "-u", "-m", "bench.ours.sealing"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sign_ins", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="Seconds of a round.")
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    if is_pinned():
        os.sched_setaffinity(0, {LOAD_CPU})
    os.environ["SIGN_IN_NOTICES"] = "0"
    with Children() as children:
        root, ports = prepare(children)
        say("Making users …")
        output([*SEALING, "seed", str(USERS), PASSWORD])
        command = cells.command("ours", ports)
        pid = Bench(children, root, ports).start("ours", command, port=ports.ours).pid
        _load(ports.ours, 2)
        found: dict[str, list[tuple[float, float, float]]] = {"without": [], "with": []}
        for number in range(options.rounds):
            for name in ("without", "with") if number % 2 else ("with", "without"):
                sealer = subprocess.Popen([*SEALING, "seal"]) if name == "with" else None  # noqa: S603
                time.sleep(3 if sealer else 0)  # until it has started
                before = cpu_seconds(pid)
                took = _load(ports.ours, options.seconds)
                cpu = (cpu_seconds(pid) - before) / len(took) * 1000
                found[name].append((len(took) / options.seconds, statistics.median(took), cpu))
                if sealer:
                    sealer.terminate()
                    sealer.wait()
                say(f"round {number + 1}, {name}: {len(took) / options.seconds:.0f} sign-ins/s")
        large = output([*SEALING, "large", str(ROWS)])
    for name, samples in found.items():
        rate, p50, cpu = (statistics.median(column) for column in zip(*samples, strict=True))
        low, high = min(one[0] for one in samples), max(one[0] for one in samples)
        sys.stdout.write(
            f"{name} sealing: {rate:.1f} sign-ins/s ({low:.1f}-{high:.1f}), "
            f"p50 {p50 * 1000:.0f} ms, server CPU {cpu:.1f} ms\n"
        )
    sys.stdout.write(large)


def _load(port: int, seconds: int) -> list[float]:
    """Sign in for this time, and return the duration of each sign-in in seconds."""
    took: list[float] = []
    numbers, deadline = count(), time.monotonic() + seconds

    def run() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < deadline:
            body = {"email": f"user{next(numbers) % USERS}@example.com", "password": PASSWORD}
            began = time.monotonic()
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/api/token/", json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:  # noqa: PLR2004
                raise RuntimeError(f"{answer.status}: {text[:200]!r}")
            took.append(time.monotonic() - began)

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


if __name__ == "__main__":
    main()
