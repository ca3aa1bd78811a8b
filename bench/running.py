"""Start servers and programs of the bench, and print what it does."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.environment import Ports
from config.processes import ChildDiedError, Children

APP_CPU, LOAD_CPU = 0, 1
START_SECONDS = 30


def is_pinned() -> bool:
    return (os.cpu_count() or 1) > 1


@dataclass(frozen=True)
class Started:
    """A server that runs: its process id and port."""

    pid: int
    port: int


@dataclass(frozen=True)
class Bench:
    """One run of the bench: its child processes, its temporary directory, and how long it measures."""

    children: Children
    root: Path
    ports: Ports
    rounds: int = 1
    seconds: int | None = None
    """Seconds of a cell in a round. None means each table's own number."""

    def start(
        self, name: str, command: list[str], *, port: int, env: Mapping[str, str] | None = None
    ) -> Started:
        """Start a server on the apps' core, with its log in a file, and wait for its first answer.

        Raises `ChildDiedError` if it ends or does not answer. Then the other servers go on.
        """
        pin = ["taskset", "-c", str(APP_CPU)] if is_pinned() else []
        log = self.root / f"{name}.log"
        to_file = ["sh", "-c", 'exec "$@" >>"$0" 2>&1', str(log)]
        self.children.start(name, [*to_file, *pin, *command], **(env or {}))
        process = self.children._running[name]  # noqa: SLF001 - the only way to it
        try:
            self.children.wait_until(partial(answers, port), name=name, seconds=START_SECONDS)
        except ChildDiedError:
            say(log.read_text()[-2000:])
            self.drop(name)
            raise
        return Started(process.pid, port)

    def drop(self, name: str) -> None:
        """End a server, so that its failure does not end the bench."""
        process = self.children._running.pop(name)  # noqa: SLF001 - only the bench goes on without one
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def output(command: list[str], **env: str) -> str:
    finished = subprocess.run(  # noqa: S603
        command,
        env=os.environ | {"LOG_LEVEL": "WARNING"} | env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return finished.stdout


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
