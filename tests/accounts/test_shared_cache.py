"""Rate limits, locks and marks against replay, while Redis fails over."""

import time

import pytest
from django.core.cache import caches
from django.test import Client

from accounts import store_outage
from accounts.exceptions import StoreUnavailableError
from tests.conftest import CHROME
from tests.factories import PASSWORD
from tests.flows.outage import PATIENCE, Asking, wait_until


@pytest.fixture
def redis(make_redis, settings):
    """A server of this test's own under the alias `default`."""
    server = make_redis()
    before = settings.CACHES
    own = before["default"] | {"LOCATION": f"unix://{server.socket}?db=1"}
    settings.CACHES = before | {"default": own}
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    yield server
    settings.CACHES = before


def verbs():
    cache = caches["default"]
    return {
        "add": lambda: cache.add("a", 1, 60),
        "get": lambda: cache.get("a", "none"),
        "set": lambda: cache.set("a", 1, 60),
        "delete": lambda: cache.delete("a"),
    }


def fail_over(redis):
    """Let the cache find out that Redis is away, and that it is back."""
    redis.kill()
    asking = Asking(lambda: caches["default"].get("x"))
    wait_until(lambda: store_outage.cache.down_since)
    return asking


@pytest.mark.parametrize(
    ("verb", "answer"), [("add", True), ("get", "none"), ("set", True), ("delete", False)]
)
def test_each_verb_sits_an_outage_out(redis, verb, answer):
    redis.kill()
    asking = Asking(verbs()[verb])
    wait_until(lambda: store_outage.cache.down_since)

    redis.start()

    assert asking.result() == answer


def test_an_outage_beyond_patience_is_told(redis, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2
    redis.kill()

    with pytest.raises(StoreUnavailableError):
        verbs()["get"]()


def test_what_was_added_while_redis_failed_over_is_nobodys_for_sure(redis):
    asking = fail_over(redis)
    redis.start()
    asking.result()
    began, ended = store_outage.cache.last_outage
    caches["default"].set("lock", 1, 10)  # as a request did that is no more
    store_outage.cache.last_outage = began, time.monotonic()

    with pytest.raises(StoreUnavailableError):
        caches["default"].add("lock", 1, timeout=10)

    assert began < ended


def test_what_was_added_afterwards_is_refused_as_ever(redis):
    asking = fail_over(redis)
    redis.start()
    asking.result()
    assert caches["default"].add("lock", 1, timeout=10)

    assert caches["default"].add("lock", 1, timeout=10) is False


def test_what_was_added_long_before_is_refused_as_ever(redis):
    """A mark against replay isn't opened by an outage."""
    caches["default"].add("used", 1, timeout=600)
    asking = fail_over(redis)
    redis.start()
    asking.result()
    began, ended = store_outage.cache.last_outage
    store_outage.cache.last_outage = began + 10, ended + 10

    assert caches["default"].add("used", 1, timeout=600) is False


def test_without_an_outage_nothing_is_odd(redis):
    assert caches["default"].add("lock", 1, timeout=10)
    assert caches["default"].add("lock", 1, timeout=10) is False
    assert caches["default"].add("for ever", 1, timeout=None)
    assert caches["default"].add("default", 1)
    assert caches["default"].ttl("for ever") is None
    assert caches["default"].ttl("default") == 300


def test_a_sign_in_waits_for_a_fail_over_and_succeeds(redis, user, settings):
    """Its attempts are counted in the cache: the right password isn't told "too many attempts"."""
    redis.kill()
    browser = Client(headers={"user-agent": CHROME})
    redis_is_away = Asking(lambda: caches["default"].get("x"))
    wait_until(lambda: store_outage.cache.down_since)

    redis.start()
    response = browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})

    redis_is_away.result()
    assert response.status_code == 302
