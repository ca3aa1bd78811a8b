"""A report is compared line by line: level, what was found, what to do."""

import pytest

from doctor import running
from doctor.findings import Area
from tests.doctor.reports import steady


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
