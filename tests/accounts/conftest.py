"""Threads can't share SQLite's in-memory database: these tests get a file."""

import pytest
from django.conf import settings as django_settings
from django.db import connections

from tests.flows.outage import without_redis

if connections["default"].vendor == "sqlite":
    connections["default"].settings_dict["TEST"]["NAME"] = str(
        django_settings.VAR_DIR / "test.sqlite3"
    )


@pytest.fixture
def dead_redis(settings):
    """Nothing answers where Redis was."""
    with without_redis(settings):
        yield
