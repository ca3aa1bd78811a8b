"""A report is compared line by line: level, what was found, what to do."""

import re

import pytest

from config.doctor import running
from config.doctor.findings import Area


def steady(text: str) -> str:
    """Without what differs from run to run."""
    text = re.sub(r"\d+(\.\d+)? ms", "N ms", text)
    return re.sub(r"\d+\.\d MiB used, \d+%", "N MiB used, N%", text)


def version_line(server: dict[str, str]) -> tuple[str, str, str]:
    """The doctor's line for the Redis or Valkey of this machine, by what `INFO server` says."""
    number = server["redis_version"]
    name = f"Valkey {server['valkey_version']}" if "valkey_version" in server else number
    if tuple(map(int, number.split(".")[:2])) >= (7, 2):
        return ("ok", name, "")
    return (
        "warning",
        f"{name}: upstream has ended that series",
        "Upgrade to 7.2 or newer, unless your distribution still mends it.",
    )


@pytest.fixture
def told():
    """Make the checks of an area; its lines by name."""

    def run(area: Area, *, seconds: float = 20) -> dict[str, tuple[str, str, str]]:
        return {
            line.name: (str(line.level), steady(line.found), line.advice)
            for line in running.examine([area], seconds=seconds)
        }

    return run


@pytest.fixture
def caches_as(settings):
    """Both caches with these options, until the test ends."""
    before = settings.CACHES

    def run(**options) -> None:
        settings.CACHES = {alias: cache | options for alias, cache in before.items()}

    yield run
    settings.CACHES = before


@pytest.fixture
def public(settings):
    """A site that everybody sees, safely configured."""
    settings.SITE_URL = "https://auth.example.com"
    settings.HTTPS = True
    settings.TRUSTED_PROXY_COUNT = 1


@pytest.fixture
def laptop(settings):
    settings.SITE_URL = "http://localhost:8000"
    settings.HTTPS = False
    settings.TRUSTED_PROXY_COUNT = 0
