"""Start processes that end when the process that started them ends."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 10
PR_SET_PDEATHSIG = 1
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
SETPRIV = shutil.which("setpriv")
"""Part of util-linux, which is on every Debian."""


def tied(command: Sequence[str | Path], *, by: signal.Signals = signal.SIGTERM) -> list[str | Path]:
    """Return a command whose process gets a signal when the thread that started it ends."""
    return [*([SETPRIV, "--pdeathsig", by.name.removeprefix("SIG")] if SETPRIV else []), *command]


def start(
    command: Sequence[str | Path], *, by: signal.Signals = signal.SIGTERM, **options: object
) -> subprocess.Popen:
    """Start a process that reads nothing and ends with this one."""
    options = {"stdin": subprocess.DEVNULL, "cwd": ROOT} | options
    return subprocess.Popen(tied(command, by=by), **options)


def tie() -> None:
    """Let this process end when the thread that started it ends. Does nothing except on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def descendants(pid: int) -> dict[int, int]:
    """Return the pids of all descendants, with the ticks at which they started.

    Compare the ticks as well, because the system uses pids again.
    """
    stats = _stats()
    below: dict[int, int] = {}
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        children = {each: began for each, (above, began, _) in stats.items() if above == parent}
        below |= children
        waiting += children
    return below


def living(pids: dict[int, int]) -> dict[int, str]:
    """Return the command lines of the `descendants` that still run. Leaves out zombies."""
    stats = _stats()
    lines = {}
    for pid, began in pids.items():
        if pid in stats and stats[pid][1] == began:
            with contextlib.suppress(OSError):
                lines[pid] = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return {pid: line for pid, line in lines.items() if line}


def _stats() -> dict[int, tuple[int, int, int]]:
    """Return each process's parent, the tick at which it started, and the ticks that it has used."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The process's name, in brackets, may contain spaces.
            fields = stat.read_text().rpartition(")")[2].split()
            used = int(fields[11]) + int(fields[12])
            found[int(stat.parent.name)] = (int(fields[1]), int(fields[19]), used)
    return found


class Process:
    """Start, kill, freeze and restart a process, together with its children."""

    by = signal.SIGTERM
    """The signal that the process gets if the tests end without stopping it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        directory: Path,
        *,
        env: dict[str, str] | None = None,
        account: str | None = None,
    ) -> None:
        self.name, self.command, self.account = name, command, account
        self.env = os.environ | (env or {})
        self.log = directory / f"{name}.log"
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def start(self) -> None:
        assert not self.is_running
        with self.log.open("ab") as log:
            self._running = start(
                self.command,
                by=self.by,
                env=self.env,
                user=self.account,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the process and its children."""
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, number)

    def tell_parent(self, number: signal.Signals) -> None:
        if self.is_running:
            self._running.send_signal(number)

    def kill(self) -> None:
        """Kill the process and its children at once, as a power cut does."""
        self.tell(signal.SIGKILL)
        self._ended()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process to end, and kill it after `STOP_SECONDS`. Does nothing if it has ended."""
        self.tell(signal.SIGCONT)
        self.tell_parent(number)
        if self._running is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._running.wait(STOP_SECONDS)
        self.kill()

    def _ended(self) -> None:
        if self._running is not None:
            self._running.wait()
            self._running = None

    def cpu_seconds(self) -> float:
        """Return the CPU time that the process and its children have used."""
        if not self.is_running:
            return 0.0
        ours = {self._running.pid, *descendants(self._running.pid)}
        return sum(ticks for pid, (_, _, ticks) in _stats().items() if pid in ours) / TICKS

    def resident(self) -> int:
        """Return the memory of the largest of the process and its children, in bytes."""
        sizes = [0]
        if self.is_running:
            for pid in (self._running.pid, *descendants(self._running.pid)):
                with contextlib.suppress(OSError):
                    sizes.append(int(Path(f"/proc/{pid}/statm").read_text().split()[1]))
        return max(sizes) * PAGE

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""
