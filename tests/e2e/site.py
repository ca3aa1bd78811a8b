"""The running site as the tests see it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.kit import processes
from tests.kit.ports import free_ports
from tests.kit.processes import ROOT
from tests.kit.waiting import wait_until

PAGE_MILLISECONDS = 20_000
START_SECONDS = 60
STOP_SECONDS = 20


@dataclass(frozen=True)
class Site:
    """Where the running site is, and its demo accounts by role."""

    url: str
    frontend: str
    accounts: dict[str, dict[str, str]]


@contextmanager
def running_site(**settings: str) -> Iterator[Site]:
    """`manage.py serve` under DEMO=1, as `make run` calls it, in a directory of its own."""
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
            **settings,
        }
        manage = [sys.executable, "manage.py"]
        log = Path(directory) / "serve.log"
        with log.open("w") as output:
            server = processes.start([*manage, "serve"], env=env, stdout=output, stderr=output)

        def is_ready() -> bool:
            """Say whether it has printed the banner, whose last line says "Next:"."""
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
            )
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(STOP_SECONDS)
