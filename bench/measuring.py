"""Measure one cell once: send requests with wrk and read the CPU time of the server."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.environment import HERE
from bench.loads import Load
from bench.running import Started

CONNECTIONS = 16


@dataclass(frozen=True)
class Sample:
    rate: float
    p50: float
    """Median duration of a request, in milliseconds. `p99` is in milliseconds as well."""
    p99: float
    cpu: float
    """Microseconds of CPU time that the server's processes spend on one request."""
    bad: int
    requests: int = 0


def measure(
    load: Load, server: Started, *, seconds: int, tokens: Path, connections: int = CONNECTIONS
) -> Sample:
    """Send the requests of this cell for this time."""
    before = cpu_seconds(server.pid)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(HERE / "load.lua")]
    command.append(f"http://127.0.0.1:{server.port}{load.path}")
    finished = subprocess.run(  # noqa: S603
        command,
        env=os.environ | load.environment(tokens),
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
    )
    return sample(finished.stdout, cpu_seconds(server.pid) - before)


def sample(output: str, cpu: float) -> Sample:
    """Read the result that `load.lua` prints. `cpu` is in seconds, for all requests."""
    line = next(one for one in output.splitlines() if one.startswith("RESULT "))
    result: dict[str, int] = json.loads(line.removeprefix("RESULT "))
    requests = max(1, result["requests"])
    return Sample(
        rate=result["requests"] / (result["microseconds"] / 1e6),
        p50=result["p50"] / 1000,
        p99=result["p99"] / 1000,
        cpu=cpu / requests * 1e6,
        bad=result["bad"],
        requests=result["requests"],
    )


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of this process and its descendants."""
    return sum(_ticks(each) for each in _tree(pid)) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Return the memory of the largest of this process and its descendants, in bytes: the worker."""
    pages = (int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in _tree(pid))
    return max(pages) * os.sysconf("SC_PAGE_SIZE")


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:  # the list grows during the loop
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def _ticks(pid: int) -> int:
    # Split after the name in brackets, which may contain spaces. User and system time are
    # fields 14 and 15 of the line.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
