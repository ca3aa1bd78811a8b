"""Start everything that `make run` starts, on free ports, and open it in a real Chromium."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e.site import PAGE_MILLISECONDS, Site
from tests.kit import processes
from tests.kit.ports import free_ports
from tests.kit.processes import ROOT
from tests.kit.rings import starts_processes
from tests.kit.waiting import wait_until

START_SECONDS = 60
STOP_SECONDS = 20
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
@starts_processes
def site() -> Iterator[Site]:
    """Run `manage.py serve` under DEMO=1, as `make run` does, in a temporary directory."""
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
        }
        manage = [sys.executable, "manage.py"]
        log = Path(directory) / "serve.log"
        with log.open("w") as output:
            server = processes.start([*manage, "serve"], env=env, stdout=output, stderr=output)

        def is_ready() -> bool:
            """Return True if the server has printed the banner, which ends with the line "Next:"."""
            assert server.poll() is None, log.read_text()
            return "Next:" in log.read_text()

        try:
            wait_until(is_ready, "all started", seconds=START_SECONDS, tail=log.read_text)
            accounts = json.loads(
                subprocess.check_output([*manage, "seed_demo", "--json"], cwd=ROOT, env=env)
            )
            yield Site(
                url=f"http://localhost:{first}",
                frontend=f"http://localhost:{first + 1}",
                accounts={account["role"]: account for account in accounts},
                run=lambda code: subprocess.check_output(
                    [*manage, "shell", "-c", code], cwd=ROOT, env=env
                ),
            )
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(STOP_SECONDS)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PAGE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="en-US")
    context.set_default_timeout(PAGE_MILLISECONDS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Open a tab. The test fails if the page has a script error or violates its own policy."""
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
