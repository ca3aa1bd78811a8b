"""One site, one Chromium and one album for the whole walk."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.gallery import album
from tests.gallery.album import PICTURES
from tests.gallery.tabs import SETTINGS
from tests.kit import demo_site
from tests.kit.demo_site import Site
from tests.kit.processes import ROOT
from tests.kit.rings import starts_processes

PACKAGES = ROOT / "var" / "npm" / "node_modules"


@pytest.fixture(scope="session")
@starts_processes
def site() -> Iterator[Site]:
    """A demo whose static files are those of production, filled with people."""
    with demo_site.running(**SETTINGS) as site:
        subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.gallery.fill"],
            cwd=ROOT,
            env=site.env,
            check=True,
        )
        yield site


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with demo_site.chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def pictures() -> Iterator[Path]:
    """The directory of the pictures. The last of several processes indexes all of them."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    yield PICTURES
    album.write(PICTURES)


@pytest.fixture(scope="session")
def packages() -> Path:
    """What npm installed for the gallery."""
    assert (PACKAGES / "axe-core").is_dir(), f"no axe-core in {PACKAGES}: run `make gallery`"
    os.environ.setdefault("CHROME_PATH", shutil.which("chromium") or "")
    return PACKAGES
