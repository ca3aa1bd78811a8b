"""Test `Children`: it names a taken port, notices a dead child and leaves no process behind."""

import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from config import processes
from config.processes import ChildDiedError, Children, PortTakenError, require_free

pytestmark = pytest.mark.servers

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = (
    "import signal, sys, time; signal.signal(15, signal.SIG_IGN);"
    "open(sys.argv[1], 'w').write('ready'); time.sleep(60)"
)


@pytest.fixture(autouse=True)
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def taken():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def wait_for(note, children):
    """Wait until a child has written this file; return the text."""
    children.wait_until(lambda: note.exists() and note.read_text(), name="it", seconds=20)
    return note.read_text()


def test_a_taken_port_is_named_with_the_cure(taken):
    with pytest.raises(PortTakenError) as caught:
        require_free([("PORT", taken)])

    assert str(caught.value) == (
        f"In use by another program: port {taken}. Stop it, or choose other ports: make run PORT=…"
    )


def test_all_taken_ports_are_named_at_once(taken):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(PortTakenError) as caught:
            require_free([("PORT", taken), ("DEMO_PORT", port), ("DEMO_PORT", port)])

    assert f"port {taken}, {port}, {port}." in str(caught.value)
    assert str(caught.value).endswith("make run PORT=… DEMO_PORT=…")


@pytest.mark.parametrize("port", [70_000, -1])
def test_an_impossible_port_is_refused_in_one_line(port):
    with pytest.raises(PortTakenError):
        require_free([("DEMO_PORT", port)])


def test_free_ports_are_accepted():
    require_free([("PORT", 0)])


def test_a_child_that_dies_is_named_with_its_status():
    with Children() as children, pytest.raises(ChildDiedError, match=r"The worker .*exit status 3"):
        children.start("The worker", [sys.executable, "-c", "raise SystemExit(3)"])
        children.watch()


def test_a_child_that_never_answers_is_named():
    with (
        Children() as children,
        pytest.raises(ChildDiedError, match="Redis was not ready after 0 s"),
    ):
        children.start("Redis", SLEEP)
        children.wait_until(lambda: False, name="Redis", seconds=0.2)


def test_leaving_the_block_stops_every_child():
    with Children() as children:
        for name in ("one", "two"):
            children.start(name, SLEEP)
        running = [process.pid for process in children._running.values()]

    assert not [pid for pid in running if psutil.pid_exists(pid)]


def test_a_stubborn_child_is_killed(monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.3)
    note = tmp_path / "note"
    with Children() as children:
        children.start("stubborn", [sys.executable, "-c", STUBBORN, str(note)])
        stubborn = children._running["stubborn"]
        wait_for(note, children)

    assert stubborn.returncode == -signal.SIGKILL


def test_grandchildren_are_stopped_as_well(tmp_path):
    code = (
        "import subprocess, sys, time;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "open(sys.argv[1], 'w').write(str(p.pid)); time.sleep(60)"
    )
    note = tmp_path / "grandchild"
    with Children() as children:
        children.start("parent", [sys.executable, "-c", code, str(note)])
        pid = int(wait_for(note, children))

    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"


def test_a_child_gets_additional_variables(tmp_path):
    note = tmp_path / "note"
    with Children() as children:
        children.start(
            "child",
            [
                sys.executable,
                "-c",
                f"import os; open({str(note)!r}, 'w').write(os.environ['EXTRA'])",
            ],
            EXTRA="yes",
        )
        children._running["child"].wait(20)

    assert note.read_text() == "yes"


def test_a_signal_stops_the_parent_and_its_children(tmp_path):
    code = (
        "import sys; from config.processes import Children, Stopped\n"
        "try:\n"
        "    with Children() as children:\n"
        "        children.start('child', [sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "        print(children._running['child'].pid, flush=True)\n"
        "        children.watch()\n"
        "except Stopped:\n"
        "    print('stopped')\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())

    parent.send_signal(signal.SIGTERM)
    output, _ = parent.communicate(timeout=20)

    assert output == "stopped\n"
    assert not psutil.pid_exists(pid)
