"""Everything `make run` starts, on free ports, and a real Chromium in front of it."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Site:
    """Where the running site is, and its demo accounts by role."""

    url: str
    frontend: str
    accounts: dict[str, dict[str, str]]


def free_ports(count: int) -> int:
    """The first of `count` free ports in a row."""
    # Anywhere, so that two runs beside each other don't try the same ones.
    for first in random.sample(range(20000, 60000, count), 100):
        probes = []
        try:
            for port in range(first, first + count):
                probe = socket.socket()
                probes.append(probe)
                probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        else:
            return first
        finally:
            for probe in probes:
                probe.close()
    raise RuntimeError("no free ports")


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """`manage.py serve` under DEMO=1, as `make run` calls it, in a directory of its own."""
    first = free_ports(4)
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
        }
        manage = [sys.executable, "manage.py"]
        log = Path(directory) / "serve.log"
        with log.open("w") as output:
            server = subprocess.Popen(
                [*manage, "serve"], cwd=ROOT, env=env, stdout=output, stderr=output
            )
        try:
            wait_for_banner(server, log)
            accounts = json.loads(
                subprocess.check_output([*manage, "seed_demo", "--json"], cwd=ROOT, env=env)
            )
            yield Site(
                url=f"http://localhost:{first}",
                frontend=f"http://localhost:{first + 1}",
                accounts={account["role"]: account for account in accounts},
            )
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(10)


def wait_for_banner(server: subprocess.Popen[bytes], log: Path) -> None:
    """Its last line says "Next:"."""
    deadline = time.monotonic() + START_SECONDS
    while "Next:" not in log.read_text():
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="en-US")
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab that must stay free of script errors and of violations of the page's own policy."""
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: (
            problems.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield page
    assert problems == []
