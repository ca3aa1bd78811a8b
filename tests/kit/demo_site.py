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

from playwright.sync_api import Browser, expect, sync_playwright

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


@dataclass(frozen=True)
class Site:
    """Where the running site is, its demo accounts by role, its environment, and its process."""

    url: str
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
    first = free_ports(5)
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


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium, or the one that Playwright has installed."""
    expect.set_options(timeout=PAGE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        yield browser
        browser.close()
