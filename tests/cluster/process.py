"""One process that a test starts, kills, freezes and starts again."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 10
TICKS = os.sysconf("SC_CLK_TCK")
# From util-linux, which every Debian has: whoever kills pytest takes its processes along.
TIED = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []


class Process:
    """With the children it starts. Start it from the main thread: it ends with that thread."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        directory: Path,
        *,
        env: dict[str, str] | None = None,
        account: str | None = None,
    ) -> None:
        self.name, self.command, self.account = name, [*TIED, *command], account
        self.env = os.environ | (env or {})
        self.log = directory / f"{name}.log"
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def start(self) -> None:
        assert not self.is_running
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.env,
                user=self.account,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def tell(self, number: signal.Signals) -> None:
        """To the process and its children."""
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, number)

    def tell_parent(self, number: signal.Signals) -> None:
        if self.is_running:
            self._running.send_signal(number)

    def kill(self) -> None:
        """As a power cut does: no time to say anything."""
        self.tell(signal.SIGKILL)
        self._ended()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end; kill what is left after `STOP_SECONDS`. Does nothing to what has ended."""
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
        """Used so far by the process and its children."""
        if not self.is_running:
            return 0.0
        parents, used = {}, {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                # The name, in brackets, may hold blanks.
                fields = stat.read_text().rpartition(")")[2].split()
                pid = int(stat.parent.name)
                parents[pid], used[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
        total = 0
        for pid, ticks in used.items():
            ancestor = pid
            while ancestor and ancestor != self._running.pid:
                ancestor = parents.get(ancestor, 0)
            total += ticks if ancestor else 0
        return total / TICKS

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""


def wait_until(
    is_so: Callable[[], bool], what: str, *, seconds: float = 30, tail: Callable[[], str] = str
) -> None:
    """Ask until it is so; an `AssertionError` after `seconds` that says what wasn't."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"after {seconds:.0f} s: not {what}\n{tail()}"
        time.sleep(0.05)
