"""Keep rate limits, locks and used-token marks working while Redis fails over."""

import pytest
from django.core.cache import caches
from django.test import Client

from accounts.errors import StoreUnavailableError
from accounts.store import outage
from accounts.store.cache import SharedCache
from tests.kit.clients import CHROME
from tests.kit.factories import PASSWORD
from tests.kit.waiting import PATIENCE, Asking, wait_until


@pytest.fixture
def redis(make_redis, settings):
    """Start a Redis server for this test, and use it as the `default` cache."""
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


@pytest.mark.parametrize(
    ("verb", "answer"), [("add", True), ("get", "none"), ("set", True), ("delete", False)]
)
def test_each_call_waits_until_the_outage_ends(redis, verb, answer):
    redis.kill()
    asking = Asking(verbs()[verb])
    wait_until(lambda: outage.cache.down_since)

    redis.start()

    assert asking.result() == answer


def test_an_outage_beyond_the_deadline_raises(redis, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2
    redis.kill()

    with pytest.raises(StoreUnavailableError):
        verbs()["get"]()


@pytest.mark.slow
def test_a_dead_holders_lock_expires_before_the_next_caller_gives_up(user, client):
    """A killed server leaves allauth's lock behind, and the next request waits a second for it."""
    keys = []
    real = SharedCache.add

    def add(self, key, *args, **kwargs):
        keys.append(key)
        return real(self, key, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SharedCache, "add", add)
        client.post("/accounts/password/reset/", {"email": user.email})
    locks = {key for key in keys if key.endswith(":lock")}
    assert locks
    for key in locks:
        assert caches["default"].add(key, 1, timeout=10)

    response = client.post("/accounts/password/reset/", {"email": user.email})

    assert response.status_code == 302


def test_a_used_token_mark_lasts_as_long_as_requested(redis):
    assert caches["default"].add("used", 1, timeout=600)

    assert caches["default"].add("used", 1, timeout=600) is False
    assert caches["default"].ttl("used") > 500


def test_added_keys_have_the_requested_lifetime(redis):
    assert caches["default"].add("for ever", 1, timeout=None)
    assert caches["default"].add("default", 1)
    assert caches["default"].ttl("for ever") is None
    assert 290 < caches["default"].ttl("default") <= 300


def test_a_sign_in_waits_for_a_fail_over_and_succeeds(redis, user, settings):
    """The cache counts the attempts. Its outage must not look like too many attempts."""
    redis.kill()
    browser = Client(headers={"user-agent": CHROME})
    redis_is_away = Asking(lambda: caches["default"].get("x"))
    wait_until(lambda: outage.cache.down_since)

    redis.start()
    response = browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})

    redis_is_away.result()
    assert response.status_code == 302
