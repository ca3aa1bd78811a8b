"""Rate limits, locks and marks against replay, while Redis fails over."""

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


@pytest.mark.parametrize(
    ("verb", "answer"), [("add", True), ("get", "none"), ("set", True), ("delete", False)]
)
def test_each_verb_sits_an_outage_out(redis, verb, answer):
    redis.kill()
    asking = Asking(verbs()[verb])
    wait_until(lambda: outage.cache.down_since)

    redis.start()

    assert asking.result() == answer


def test_an_outage_beyond_patience_is_told(redis, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2
    redis.kill()

    with pytest.raises(StoreUnavailableError):
        verbs()["get"]()


def test_a_lock_whose_holder_died_is_open_before_the_next_gives_up(user, client):
    """allauth's lock, left behind by a server that was killed: the next waits a second for it."""
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


def test_a_mark_against_replay_lasts_as_long_as_was_asked_for(redis):
    assert caches["default"].add("used", 1, timeout=600)

    assert caches["default"].add("used", 1, timeout=600) is False
    assert caches["default"].ttl("used") > 500


def test_without_an_outage_nothing_is_odd(redis):
    assert caches["default"].add("for ever", 1, timeout=None)
    assert caches["default"].add("default", 1)
    assert caches["default"].ttl("for ever") is None
    assert caches["default"].ttl("default") == 300


def test_a_sign_in_waits_for_a_fail_over_and_succeeds(redis, user, settings):
    """Its attempts are counted in the cache: the right password isn't told "too many attempts"."""
    redis.kill()
    browser = Client(headers={"user-agent": CHROME})
    redis_is_away = Asking(lambda: caches["default"].get("x"))
    wait_until(lambda: outage.cache.down_since)

    redis.start()
    response = browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})

    redis_is_away.result()
    assert response.status_code == 302
