"""Processes of the tests, which end when the process that started them ends."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 10
TICKS = os.sysconf("SC_CLK_TCK")
SETPRIV = shutil.which("setpriv")
"""From util-linux, which every Debian has."""


def tied(command: Sequence[str | Path], *, by: signal.Signals = signal.SIGTERM) -> list[str | Path]:
    """Make a command whose process gets a signal as soon as the thread that starts it has ended."""
    return [*([SETPRIV, "--pdeathsig", by.name.removeprefix("SIG")] if SETPRIV else []), *command]


def start(
    command: Sequence[str | Path], *, by: signal.Signals = signal.SIGTERM, **options: object
) -> subprocess.Popen:
    """Start a process that reads nothing and ends with this one."""
    options = {"stdin": subprocess.DEVNULL, "cwd": ROOT} | options
    return subprocess.Popen(tied(command, by=by), **options)


class Process:
    """A process that a test starts, kills, freezes and starts again, with its children."""

    by = signal.SIGTERM
    """What the process gets when the tests end without a word."""

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
