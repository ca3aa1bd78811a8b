"""Run several child processes together: start, watch and stop them."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Self

STOP_SECONDS = 4.0
"""Seconds that children may take to stop before `Children.stop` kills them."""
POLL_SECONDS = 0.1
PR_SET_PDEATHSIG = 1


class PortTakenError(RuntimeError):
    """Another program listens on a port that we need."""


class ChildDiedError(RuntimeError):
    """A child stopped by itself, or didn't become ready in time."""


class Stopped(Exception):  # noqa: N818 - not an error: the user asked for it
    """SIGINT or SIGTERM arrived."""


def require_free(ports: Sequence[tuple[str, int]]) -> None:
    """Raise `PortTakenError` with all ports that are taken. `ports` has pairs of setting and port."""
    taken = [(variable, port) for variable, port in ports if not _is_free(port)]
    if taken:
        numbers = ", ".join(str(port) for _variable, port in taken)
        others = " ".join(f"{variable}=…" for variable in dict.fromkeys(pair[0] for pair in taken))
        raise PortTakenError(
            f"In use by another program: port {numbers}. Stop it, or choose other ports: make run {others}"
        )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


class Children:
    """Named child processes. On Linux they end with their parent, even if the parent is killed."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _raise_stopped)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self.stop()

    def start(self, name: str, command: Sequence[str], **env: str) -> None:
        """Start a child in its own process group.

        Then Ctrl-C reaches only the parent, which stops the children in order.
        """
        self._running[name] = subprocess.Popen(  # noqa: S603 - our own command lines
            command,
            env=os.environ | env,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )

    def wait_until(self, is_ready: Callable[[], bool], *, name: str, seconds: float) -> None:
        """Wait until `is_ready()` returns True.

        Raises `ChildDiedError` if any child dies meanwhile.

        Also raises it after `seconds`, with the `name` of the child that was not ready.
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            self.check()
            if time.monotonic() > deadline:
                message = f"{name} was not ready after {seconds:.0f} s."
                raise ChildDiedError(message)
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Raise `ChildDiedError` if any child has ended."""
        for name, process in self._running.items():
            if (code := process.poll()) is not None:
                message = f"{name} stopped by itself (exit status {code})."
                raise ChildDiedError(message)

    def watch(self) -> None:
        """Wait for the end: raises `ChildDiedError` if a child dies, `Stopped` after a signal."""
        while True:
            self.check()
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Stop the children in reverse order; kill those that remain after `STOP_SECONDS`."""
        deadline = time.monotonic() + STOP_SECONDS
        children = list(reversed(self._running.values()))
        for process in children:
            _signal_group(process, signal.SIGTERM)
        for process in children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            _signal_group(process, signal.SIGKILL)
            process.wait()
        self._running.clear()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _raise_stopped(number: int, frame: FrameType | None) -> None:
    raise Stopped


def _die_with_parent() -> None:
    """Ask Linux to send this process SIGTERM when its parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
