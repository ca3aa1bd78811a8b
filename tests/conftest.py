"""Give every test a clean Redis, a cheap password hash and the fixtures of `tests.kit`."""

import gc
from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.core.cache import caches
from django.db import connections
from django.utils import translation

from accounts import routes
from accounts.bell import bell
from accounts.factors.recovery_codes import codes
from accounts.signins import revocations
from accounts.store import clocks
from api.keys import ring
from tests.kit import rings

pytest_plugins = [
    "tests.kit.fixtures.database",
    "tests.kit.fixtures.people",
    "tests.kit.fixtures.sites",
    "tests.kit.fixtures.standins",
    "tests.kit.fixtures.stores",
    "tests.kit.fixtures.streams",
    "tests.kit.fixtures.valkey",
]

# The database is a file, because threads can't share SQLite's in-memory database.
if connections["default"].vendor == "sqlite":
    connections["default"].settings_dict["TEST"]["NAME"] = str(
        django_settings.VAR_DIR / "test.sqlite3"
    )


# Hashes of passwords and recovery codes take microseconds: a set of codes would take half a second.
django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
codes.TIME_COST, codes.MEMORY_COST = 1, 8


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rings.mark(items)


def pytest_collection_finish() -> None:
    """Let the garbage collector skip what all tests share: each full pass would look at it again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    rings.enter(item)
    try:
        return (yield)
    finally:
        rings.leave()


@pytest.fixture(autouse=True)
def clean_process_and_redis() -> Iterator[None]:
    """Let no test see the sessions, limits, users, keys, revocations, language and marked views of another one.

    The feed reads the database on each call: its thread could not see a test's transaction.
    """
    ring.forget()
    revocations.feed.background = False
    yield
    translation.deactivate()  # a request in Korean leaves its thread in Korean
    revocations.feed.forget()
    bell.forget()
    clocks.forget()
    routes.forget()
    for alias in ("default", "sessions"):
        caches[alias].clear()
