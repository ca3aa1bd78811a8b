"""Count events in all processes together, anew in each window, without waiting for Redis."""

import threading

import pytest
import time_machine
from django_redis import get_redis_connection

from accounts.store import counters
from accounts.store.counters import Limit, Usage
from accounts.store.outage import STORE_ERRORS
from tests.kit.outage import without_redis

pytestmark = pytest.mark.usefixtures("early_in_a_window")
TWO = Limit("two", amount=2, seconds=60)


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


# Attempts: `take`, `give_back`, `forget`

MINUTE, DAY = Limit("minute", 2, 60), Limit("day", 5, 86_400)
BOTH = [(MINUTE, "one"), (DAY, "one")]


def test_attempts_are_taken_until_one_limit_is_full():
    assert [counters.take(BOTH) for _ in range(2)] == [0, 0]
    assert 0 < counters.take(BOTH) <= 60


def test_a_refused_attempt_counts_towards_no_limit():
    for _ in range(9):
        counters.take(BOTH)

    server = get_redis_connection("default")
    (name,) = server.scan_iter("attempts:day:*")
    assert server.get(name) == b"2"


def test_the_longest_wait_is_returned():
    for number in range(5):
        counters.take([(MINUTE, f"other {number}"), (DAY, "one")])
    for _ in range(2):
        counters.take([(MINUTE, "one")])

    assert 60 < counters.take(BOTH) <= 86_400


def test_attempts_that_succeed_cost_nothing():
    for _ in range(20):
        assert counters.take(BOTH) == 0
        counters.give_back(BOTH)

    assert not list(get_redis_connection("default").scan_iter("attempts:*"))


def test_giving_back_keeps_the_end_of_the_window():
    counters.take(BOTH)
    counters.take(BOTH)
    counters.give_back(BOTH)

    server = get_redis_connection("default")
    (name,) = server.scan_iter("attempts:minute:*")
    assert server.get(name) == b"1"
    assert 0 < server.ttl(name) <= 60


def test_forgiving_uncounts_all_of_one_subject():
    shared = [(TWO, "net", "ann"), (TWO, "net", "ann")]
    for pair in shared:
        counters.take([pair])

    assert counters.take([(TWO, "net", "bob")]) > 0
    counters.forgive([shared[0]])

    assert [counters.take([(TWO, "net", name)]) > 0 for name in ("bob", "eve", "tom")] == [
        False,
        False,
        True,
    ]


def test_forgiving_leaves_the_attempts_of_others():
    counters.take([(TWO, "net", "ann")])
    counters.take([(TWO, "net", "bob")])

    counters.forgive([(TWO, "net", "ann")])
    counters.forgive([(TWO, "net", "ann")])
    counters.give_back([(TWO, "net", "ann")])

    assert counters.taken((TWO, "net")) == 1


def test_giving_back_leaves_the_earlier_attempts_of_its_subject():
    for _ in range(2):
        counters.take([(TWO, "net", "ann")])

    counters.give_back([(TWO, "net", "ann")])

    assert counters.taken((TWO, "net")) == 1


def test_the_shares_of_subjects_expire_with_the_window():
    counters.take([(TWO, "net", "ann")])
    server = get_redis_connection("default")

    assert {0 < server.ttl(name) <= 60 for name in server.scan_iter("attempts:*")} == {True}
    counters.forgive([(TWO, "net", "ann")])
    assert not list(server.scan_iter("attempts:*"))


def test_the_keys_tell_no_caller():
    counters.take([(MINUTE, "visitor@example.com:192.0.2.1")])
    counters.count(TWO, "192.0.2.1")

    names = b" ".join(get_redis_connection("default").scan_iter("*"))
    assert names.count(b"minute") == names.count(b"two") == 1
    assert b"visitor" not in names
    assert b"192.0.2.1" not in names


def test_giving_back_after_the_window_leaves_no_counter():
    counters.give_back(BOTH)

    assert not list(get_redis_connection("default").scan_iter("attempts:*"))


def test_forgotten_attempts_begin_again():
    for _ in range(3):
        counters.take(BOTH)

    counters.forget(BOTH)

    assert counters.take(BOTH) == 0


def test_of_many_attempts_at_once_only_so_many_are_taken():
    start, waits = threading.Barrier(16), []

    def attempt():
        start.wait()
        waits.append(counters.take([(MINUTE, "racing")]))

    threads = [threading.Thread(target=attempt) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert waits.count(0) == 2
    assert len(waits) == 16


def test_without_redis_nothing_is_taken(settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2

    with without_redis(settings), pytest.raises(STORE_ERRORS):
        counters.take(BOTH)


def test_a_named_limit_is_the_settings(settings):
    settings.LIMITS = {"two": (2, 60)}

    assert counters.limit("two") == TWO


def test_lifting_clears_what_was_counted_about_one_account():
    for device in ("phone", "laptop"):
        counters.take([(MINUTE, f"mia:{device}"), (DAY, f"mia:{device}")], about="mia")
    for name in ("mia", "mia", "tom", "tom", "tom"):
        counters.take([(DAY, "net", name)], about=name)
    assert counters.take([(DAY, "net", "mia")], about="mia") > 0

    counters.lift("mia")

    server = get_redis_connection("default")
    names = list(server.scan_iter("attempts:day:*"))
    (of_network,) = [name for name in names if not name.endswith(b":of")]
    assert server.get(of_network) == b"3"
    assert not list(server.scan_iter("attempts:minute:*"))
    assert len(list(server.scan_iter("counted:*"))) == 1  # of the other account
    counters.lift("mia")
    assert server.get(of_network) == b"3"


def test_the_list_of_an_account_expires_with_its_last_count():
    counters.take([(MINUTE, "mia")], about="mia")
    counters.take([(DAY, "mia")], about="mia")
    counters.take([(MINUTE, "mia")], about="mia")

    server = get_redis_connection("default")
    (name,) = server.scan_iter("counted:*")
    assert 86_390 < server.ttl(name) <= 86_400
    assert server.zcard(name) == 2
