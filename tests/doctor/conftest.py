"""Fixtures that run the checks of one area and compare its lines: level, finding, advice."""

import pytest

from doctor import running
from doctor.findings import Area
from tests.doctor.reports import steady


@pytest.fixture
def told():
    """Run the checks of an area; return its lines by name."""

    def run(area: Area, *, seconds: float = 20) -> dict[str, tuple[str, str, str]]:
        return {
            line.name: (str(line.level), steady(line.found), line.advice)
            for line in running.examine([area], seconds=seconds)
        }

    return run


@pytest.fixture
def caches_as(settings):
    """Give both caches these options until the test ends."""
    before = settings.CACHES

    def run(**options) -> None:
        settings.CACHES = {alias: cache | options for alias, cache in before.items()}

    yield run
    settings.CACHES = before


@pytest.fixture
def public(settings):
    """Configure a public site safely."""
    settings.SITE_URL = "https://auth.example.com"
    settings.WEBAUTHN_RP_ID = "auth.example.com"
    settings.WEBAUTHN_ORIGINS = [settings.SITE_URL]
    settings.HTTPS = True
    settings.TRUSTED_PROXY_COUNT = 1


@pytest.fixture
def laptop(settings):
    settings.SITE_URL = "http://localhost:8000"
    settings.WEBAUTHN_RP_ID = "localhost"
    settings.WEBAUTHN_ORIGINS = [settings.SITE_URL]
    settings.HTTPS = False
    settings.TRUSTED_PROXY_COUNT = 0
