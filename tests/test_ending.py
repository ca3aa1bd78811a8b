"""Test that a suite that is ended in the middle of a test leaves no process behind."""

import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from tests.kit import postgres, processes
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.servers
ENDLESS = "tests/kit/endless.py"
SECONDS = 300
"""Time in which a busy machine starts the whole suite."""


@pytest.fixture
def directory():
    """Make a directory that PostgreSQL's own account can read."""
    with tempfile.TemporaryDirectory(prefix="munjigi-ending-") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path


@contextlib.contextmanager
def heeding_ctrl_c():
    """Handle Ctrl-C, which a shell makes its background processes and their children ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def everything(directory, arguments):
    """Start the suite and wait until its test runs; yield its process and all descendants."""
    note, log = directory / "note", directory / "log"
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    own = {"TEST_ENDLESS": str(note), "TMPDIR": str(directory)}
    if postgres.binaries() is not None:
        own["TEST_DATABASE"] = "postgres"
    with log.open("w") as output, heeding_ctrl_c():
        suite = processes.start(
            [sys.executable, *arguments],
            env=inherited | own,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def runs():
        assert suite.poll() is None, log.read_text()
        return note.exists()

    started = {}
    try:
        wait_until(runs, "the test runs", seconds=SECONDS, tail=log.read_text)
        started = processes.descendants(suite.pid)
        yield suite, started
    finally:
        for pid in processes.living(started):
            os.kill(pid, signal.SIGKILL)
        suite.kill()
        suite.wait()


@pytest.mark.parametrize("how", ["SIGTERM", "Ctrl-C", "SIGKILL"])
@pytest.mark.parametrize(
    ("arguments", "least"),
    [
        (["-m", "pytest", "-q", "-n", "1", ENDLESS], 4),
        (["-m", "tests", "rest", ENDLESS, "-n", "1"], 5),
    ],
    ids=["pytest", "make"],
)
def test_no_process_is_left(directory, arguments, least, how):
    with everything(directory, arguments) as (suite, started):
        assert len(started) >= least

        if how == "Ctrl-C":
            os.killpg(suite.pid, signal.SIGINT)
        else:
            suite.send_signal(signal.Signals[how])
        suite.wait(SECONDS)

        wait_until(
            lambda: not processes.living(started),
            "all gone",
            seconds=SECONDS,
            tail=lambda: "\n".join(processes.living(started).values()),
        )
        if how != "SIGKILL":
            assert list(directory.glob("munjigi-tests-*")) == []
