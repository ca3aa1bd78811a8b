"""The suite ends in the middle of a test: no process is left behind."""

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
SECONDS = 60


@pytest.fixture
def directory():
    """Where PostgreSQL's own account may go."""
    with tempfile.TemporaryDirectory(prefix="munjigi-ending-") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path


def everything(directory, arguments):
    """Start the suite; once its test runs, the process and all that are below it."""
    note = directory / "note"
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    own = {"TEST_ENDLESS": str(note), "TMPDIR": str(directory)}
    if postgres.binaries() is not None:
        own["TEST_DATABASE"] = "postgres"
    with (directory / "log").open("w") as log:
        suite = processes.start(
            [sys.executable, *arguments],
            env=inherited | own,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def runs():
        assert suite.poll() is None, (directory / "log").read_text()
        return note.exists()

    wait_until(runs, "the test runs", seconds=SECONDS, tail=(directory / "log").read_text)
    return suite, processes.descendants(suite.pid)


@pytest.mark.parametrize("how", ["SIGTERM", "Ctrl-C", "SIGKILL"])
@pytest.mark.parametrize(
    ("arguments", "least"),
    [(["-m", "pytest", "-q", "-n", "2", ENDLESS], 5), (["-m", "tests", "rest", ENDLESS], 6)],
    ids=["pytest", "make"],
)
def test_nothing_is_left(directory, arguments, least, how):
    suite, started = everything(directory, arguments)
    assert len(started) >= least

    if how == "Ctrl-C":
        os.killpg(suite.pid, signal.SIGINT)
    else:
        suite.send_signal(signal.Signals[how])
    suite.wait(SECONDS)

    try:
        wait_until(
            lambda: not processes.living(started),
            "all gone",
            seconds=SECONDS,
            tail=lambda: "\n".join(processes.living(started).values()),
        )
    finally:
        for pid in processes.living(started):
            os.kill(pid, signal.SIGKILL)
    if how != "SIGKILL":
        assert list(directory.glob("munjigi-tests-*")) == []
