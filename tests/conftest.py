"""Give every test a clean Redis, a cheap password hash and the fixtures of `tests.kit`."""

from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.core.cache import caches
from django.db import connections

from accounts.bell import bell
from accounts.pages.remembered_users import remembered
from accounts.signins import revocations
from accounts.store import outage
from api.keys import ring
from tests.kit import rings

pytest_plugins = [
    "tests.kit.fixtures.people",
    "tests.kit.fixtures.sites",
    "tests.kit.fixtures.standins",
    "tests.kit.fixtures.stores",
]

# The database is a file, because threads can't share SQLite's in-memory database.
if connections["default"].vendor == "sqlite":
    connections["default"].settings_dict["TEST"]["NAME"] = str(
        django_settings.VAR_DIR / "test.sqlite3"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rings.mark(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    rings.enter(item)
    try:
        return (yield)
    finally:
        rings.leave()


@pytest.fixture(autouse=True)
def cheap_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def clean_redis() -> Iterator[None]:
    """Delete the sessions and rate limits of each test, so that the next one does not see them."""
    yield
    outage.forget()
    for alias in ("default", "sessions"):
        caches[alias].clear()


@pytest.fixture(autouse=True)
def feed_without_thread() -> Iterator[None]:
    """Make the feed read the database on each call: its thread could not see a test's transaction."""
    feed = revocations.feed
    feed.background = False
    yield
    feed.forget()
    bell.forget()


@pytest.fixture(autouse=True)
def nobody_remembered() -> None:
    """Clear the remembered users: ids differ between tests, but other keys that tests fake may not."""
    remembered.clear()


@pytest.fixture(autouse=True)
def forget_keys() -> None:
    ring.forget()
