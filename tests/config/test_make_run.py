"""Test `make run` on a machine with few tools, and that no process is left when it stops."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from config import embedded
from demo.accounts import ALL
from tests.kit import processes
from tests.kit.ports import free_ports
from tests.kit.rings import starts_processes

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ["make", "sh", "env", "touch"]
STOP_SECONDS = 20
MARK = "MUNJIGI_TEST_RUN"


class Run:
    """One `make run` with a small environment and a PATH without redis-server, uv and node."""

    def __init__(self, directory: Path, *arguments: str, **env: str) -> None:
        self.port = free_ports(6)
        self.mark = uuid4().hex
        tools = directory / "bin"
        tools.mkdir(exist_ok=True)
        for tool in TOOLS:
            if not (tools / tool).exists():
                (tools / tool).symlink_to(shutil.which(tool))
        self.var_dir = directory / "var"
        self.log = directory / f"{self.mark}.log"
        environment = {
            "PATH": str(tools),
            MARK: self.mark,
            "VAR_DIR": str(self.var_dir),
            **{
                name: os.environ[name]
                for name in ("ENV_FILE", "SECRET_KEY", "SESSION_ID_KEY", "DATA_ENCRYPTION_KEYS")
            },
            **env,
        }
        ports = [f"PORT={self.port}", f"DEMO_PORT={self.port + 1}"]
        with self.log.open("w") as log:
            self.process = processes.start(
                ["make", "run", *ports, *arguments],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self) -> str:
        return self.log.read_text()

    def wait_until_ready(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while "Next:" not in self.output():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.05)

    def processes(self) -> list[str]:
        """Return the command lines of all processes of this run that still exist."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (path / "environ").read_bytes():
                    found.append((path / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return found

    def wait_until_gone(self) -> None:
        """Wait until no process of this run is left."""
        deadline = time.monotonic() + STOP_SECONDS
        while left := self.processes():
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=20) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.fixture
@starts_processes
def make_run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def start(*arguments: str, **env: str) -> Run:
        runs.append(Run(tmp_path, *arguments, **env))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            os.killpg(run.process.pid, signal.SIGKILL)
            run.process.wait()


def test_make_run_serves_everything_and_keeps_its_data(make_run):
    first = make_run()
    first.wait_until_ready()

    output = first.output()
    for name in (
        "Site",
        "Admin",
        "API docs",
        "Caught mail",
        "Webhooks",
        "Demo frontend",
        "Stand-in Google",
        "Stand-in Kakao",
        "Stand-in Naver",
    ):
        address = re.search(rf"^  {name} +(http://localhost:\S+)$", output, re.MULTILINE).group(1)
        assert status(address) == (404 if "Stand-in" in name else 200), address
    for account in ALL:
        assert f"{account.email}  {account.password}" in output
    server = redis.Redis(unix_socket_path=str(embedded.socket_path(first.var_dir)))
    assert server.info("server")["valkey_version"].startswith("9.")  # the wheel's own
    server.set("kept", "yes")
    server.close()

    os.kill(first.process.pid, signal.SIGTERM)
    first.wait_until_gone()
    second = make_run()
    second.wait_until_ready()

    server = redis.Redis(unix_socket_path=str(embedded.socket_path(second.var_dir)))
    assert server.get("kept") == b"yes"
    server.close()
    os.killpg(second.process.pid, signal.SIGINT)  # a terminal sends Ctrl-C to the whole group
    second.wait_until_gone()


def test_children_do_not_outlive_a_killed_parent(make_run):
    run = make_run()
    run.wait_until_ready()

    os.killpg(run.process.pid, signal.SIGKILL)

    run.wait_until_gone()


def test_a_taken_port_prints_one_clear_line(make_run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = make_run(f"PORT={port}")
        run.process.wait(60)

    lines = [line for line in run.output().splitlines() if not line.startswith("make")]
    assert lines == [
        f"CommandError: In use by another program: port {port}. Stop it, or choose other ports: make run PORT=…"
    ]
    assert run.processes() == []


@pytest.mark.servers
def test_without_port_variables_the_default_ports_are_used(tmp_path):
    printed = subprocess.check_output(
        ["make", "-s", "-f", "-", "-f", "Makefile", "ports"],
        cwd=ROOT,
        input=b'ports:\n\t@echo "[$${PORT-unset}] [$${DEMO_PORT-unset}]"\n',
        env={"PATH": os.environ["PATH"]},
    )

    assert printed == b"[unset] [unset]\n"


def test_a_public_site_refuses_demo(make_run):
    run = make_run(SITE_URL="https://auth.example.com")
    run.process.wait(60)

    assert run.process.returncode != 0
    assert "accounts.E003" in run.output()
    assert run.processes() == []


def test_with_provider_keys_no_stand_in_runs(make_run):
    names = ("GOOGLE", "KAKAO", "NAVER")
    run = make_run(
        **{f"{name}_CLIENT_ID": "real" for name in names},
        **{f"{name}_CLIENT_SECRET": "secret" for name in names},
    )
    run.wait_until_ready()

    demo = [line for line in run.processes() if "demo." in line]
    assert len(demo) == 1
    assert "demo.frontend" in demo[0]
    assert "Stand-in" not in run.output()
    os.kill(run.process.pid, signal.SIGTERM)
    run.wait_until_gone()
