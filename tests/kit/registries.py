"""Install packages of npm and PyPI for one test run, apart from ours.

That needs the network, so it happens only where `TEST_REQUIRE` has `node`: in CI.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def npm(directory: Path, *packages: str) -> None:
    """Install these packages of npm below the directory. Skips the test without `TEST_REQUIRE=node`."""
    _require()
    quiet = ("--fetch-retries=5", "--no-audit", "--no-fund", "--silent")
    _run("npm", "install", *packages, "--prefix", str(directory), *quiet)


def pip(directory: Path, *packages: str) -> None:
    """Install these packages of PyPI into the directory. Skips the test without `TEST_REQUIRE=node`."""
    _require()
    quiet = ("--quiet", "--disable-pip-version-check", "--target", str(directory))
    _run(sys.executable, "-m", "pip", "install", *quiet, *packages)


def _require() -> None:
    if "node" not in os.environ.get("TEST_REQUIRE", "").replace(",", " ").split():
        pytest.skip("it would ask a registry: TEST_REQUIRE=node runs this test")


def _run(*command: str) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    except FileNotFoundError:
        pytest.fail(f"{command[0]} isn't installed (apt-get install nodejs npm)")
    assert done.returncode == 0, f"{command[:3]} failed: {done.stderr[-300:]}"
