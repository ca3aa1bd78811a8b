"""Everything that `make run` starts, on free ports, and a Chromium to look at it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
from playwright.sync_api import Browser, BrowserType, expect, sync_playwright

from tests.kit import processes
from tests.kit.ports import free_ports
from tests.kit.processes import ROOT
from tests.kit.waiting import wait_until

PAGE_MILLISECONDS = 20_000
START_SECONDS = 120
STOP_SECONDS = 20
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MANAGE = [sys.executable, "manage.py"]
EVENTS_OFFSET = 5
"""From the port of the site to that of its streams: `config.settings.live` chooses it."""


@dataclass(frozen=True)
class Site:
    """Where the running site is, its demo accounts by role, its environment, and its process."""

    url: str
    port: int
    frontend: str
    standins: dict[str, str]
    accounts: dict[str, dict[str, str]]
    env: dict[str, str]
    pid: int

    def run(self, code: str) -> bytes:
        """Run Python code in the site's shell and return its output."""
        return subprocess.check_output([*MANAGE, "shell", "-c", code], cwd=ROOT, env=self.env)


@contextlib.contextmanager
def running(**more: str) -> Iterator[Site]:
    """Run `manage.py serve` under DEMO=1, as `make run` does, in a directory of its own."""
    first = free_ports(6)
    with tempfile.TemporaryDirectory(prefix="munjigi-e2e-") as directory:
        env = {
            "PATH": os.environ["PATH"],
            "DEMO": "1",
            "PORT": str(first),
            "DEMO_PORT": str(first + 1),
            "VAR_DIR": directory,
            **{
                name: os.environ[name]
                for name in ("ENV_FILE", "SECRET_KEY", "SESSION_ID_KEY", "DATA_ENCRYPTION_KEYS")
            },
        } | more
        log = Path(directory) / "serve.log"
        with log.open("w") as output:
            server = processes.start([*MANAGE, "serve"], env=env, stdout=output, stderr=output)

        def is_ready() -> bool:
            """Say whether it has printed the banner, whose last line says "Next:"."""
            assert server.poll() is None, log.read_text()
            return "Next:" in log.read_text()

        try:
            wait_until(is_ready, "all started", seconds=START_SECONDS, tail=log.read_text)
            accounts = json.loads(
                subprocess.check_output([*MANAGE, "seed_demo", "--json"], cwd=ROOT, env=env)
            )
            yield Site(
                url=f"http://localhost:{first}",
                port=first,
                frontend=f"http://localhost:{first + 1}",
                standins={
                    name: f"http://localhost:{port}"
                    for port, name in enumerate(("google", "kakao", "naver"), start=first + 2)
                },
                accounts={account["role"]: account for account in accounts},
                env=env,
                pid=server.pid,
            )
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(STOP_SECONDS)


@dataclass(frozen=True)
class SecondServer:
    """Another server of a running site, with the same address, database and Redis, and its ports."""

    port: int
    events_port: int

    def rule(self, site: Site) -> str:
        """Return the argument with which Chromium finds this server at the site's address."""
        own, streams = site.port, site.port + EVENTS_OFFSET
        return (
            f"--host-resolver-rules=MAP localhost:{own} 127.0.0.1:{self.port},"
            f"MAP localhost:{streams} 127.0.0.1:{self.events_port}"
        )


@contextlib.contextmanager
def second_server(site: Site) -> Iterator[SecondServer]:
    """Run another server of this site and another process of `/events`, as behind a load balancer."""
    first = free_ports(2)
    server = SecondServer(port=first, events_port=first + 1)
    commands = {
        server.port: [
            *(sys.executable, "-m", "granian", "--interface=wsgi", "--workers=1"),
            *("--host=127.0.0.1", f"--port={server.port}", "--blocking-threads=8"),
            *("--workers-kill-timeout=3", "--no-ws", "--log-level=error"),
            "config.wsgi:application",
        ],
        server.events_port: [*MANAGE, "events", f"--port={server.events_port}"],
    }
    with contextlib.ExitStack() as stack:
        for port, command in commands.items():
            process = processes.start(command, env=site.env, start_new_session=True)
            stack.callback(_end, process)
            wait_until(
                lambda port=port, process=process: _is_alive(port, process),
                f"{command[2]} answers",
                seconds=START_SECONDS,
            )
        yield server


def _is_alive(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None
    with contextlib.suppress(OSError):
        return requests.get(f"http://127.0.0.1:{port}/livez", timeout=5).ok
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(STOP_SECONDS)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium, or the one that Playwright has installed."""
    expect.set_options(timeout=PAGE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        yield browser
        browser.close()


def launch(kind: BrowserType, *more: str) -> Browser:
    return kind.launch(executable_path=shutil.which("chromium"), args=[*ARGUMENTS, *more])
