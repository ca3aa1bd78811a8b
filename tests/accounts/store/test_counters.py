"""Count events in all processes together, anew in each window, without waiting for Redis."""

import time

import pytest
import time_machine
from django_redis import get_redis_connection

from accounts.store import counters
from accounts.store.counters import Limit, Usage
from accounts.store.outage import STORE_ERRORS
from tests.kit.outage import without_redis

TWO = Limit("two", amount=2, seconds=60)


@pytest.fixture(autouse=True)
def early_in_a_window():
    start = time.time() // 60 * 60 + 5
    with time_machine.travel(start, tick=False):
        yield start


def test_each_event_is_counted_up_to_the_limit():
    usages = [counters.count(TWO, "192.0.2.1") for _ in range(3)]

    assert usages == [Usage(TWO, used, reset_seconds=55) for used in (1, 2, 3)]
    assert [usage.remaining for usage in usages] == [1, 0, 0]
    assert [usage.is_over for usage in usages] == [False, False, True]


def test_callers_and_scopes_have_separate_counters():
    counters.count(TWO, "192.0.2.1")

    assert counters.count(TWO, "192.0.2.2").used == 1
    assert counters.count(Limit("other", 2), "192.0.2.1").used == 1
    assert counters.count(Limit("two", 9), "192.0.2.1").used == 2  # the same scope


def test_the_next_window_starts_at_zero(early_in_a_window):
    counters.count(TWO, "192.0.2.1")

    with time_machine.travel(early_in_a_window + 55, tick=False):
        assert counters.count(TWO, "192.0.2.1") == Usage(TWO, 1, reset_seconds=60)


def test_a_counter_expires_with_its_window():
    counters.count(TWO, "192.0.2.1")

    server = get_redis_connection("default")
    (name,) = server.scan_iter("*throttle:two*")
    assert 0 < server.ttl(name) <= 60


def test_without_redis_the_caller_gets_an_error_at_once(settings):
    with without_redis(settings), pytest.raises(STORE_ERRORS):
        counters.count(TWO, "192.0.2.1")
