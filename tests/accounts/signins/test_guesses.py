"""Guesses are counted for an account, a known device and a network. Right ones cost nothing."""

import pytest
from django_redis import get_redis_connection

from accounts.errors import TooManyRequestsError
from accounts.signins import guesses
from tests.kit.outage import without_redis

MIA = "mia@example.com"


def guess(account=MIA, *, network="192.0.2.1", device="", times=1):
    """Guess wrongly; return how many guesses were allowed."""
    for number in range(times):
        try:
            guesses.count(account, network=network, device=device)
        except TooManyRequestsError:
            return number
    return times


def test_a_refusal_says_when_to_come_back():
    guess(times=9)

    with pytest.raises(TooManyRequestsError) as refused:
        guesses.count(MIA, network="192.0.2.9")

    assert 295 < refused.value.retry_seconds <= 300


def test_an_account_can_be_guessed_five_times_from_all_networks():
    allowed = [guess(network=f"192.0.2.{number}") for number in range(7)]

    assert allowed == [1] * 5 + [0] * 2


def test_another_account_is_not_affected():
    guess(times=9)

    assert guess("tom@example.com") == 1


def test_a_known_device_is_not_locked_out_by_strangers():
    guess(times=9)

    assert guess(device="phone", times=9) == 5
    assert guess(device="laptop") == 1


def test_a_known_device_is_not_locked_out_by_its_network():
    for number in range(102):
        guess(f"user{number}@example.com")

    assert guess() == 0
    assert guess(device="phone") == 1


def test_an_account_can_be_guessed_so_often_in_a_day(settings):
    settings.LIMITS = settings.LIMITS | {
        "sign_in_account": (1000, 300),
        "sign_in_account_day": (7, 86_400),
    }

    allowed = guess(times=9)

    assert allowed == 7


def test_a_network_is_limited_for_all_accounts_together():
    allowed = [guess(f"user{number}@example.com") for number in range(102)]

    assert allowed == [1] * 100 + [0] * 2
    assert guess("user99@example.com", network="192.0.2.2") == 1


def test_a_right_guess_costs_nothing():
    for _ in range(99):
        guesses.succeed(guesses.count(MIA, network="192.0.2.1"))

    assert not list(get_redis_connection("default").scan_iter("attempts:*"))


def test_a_right_guess_forgives_the_network_its_typing_errors():
    for number in range(60):
        account = f"user{number}@example.com"
        guess(account, times=4)
        guesses.succeed(guesses.count(account, network="192.0.2.1"))

    assert guess() == 1


def test_a_right_guess_forgives_no_guesses_at_other_accounts(settings):
    settings.LIMITS = settings.LIMITS | {"sign_in_network": (6, 300)}
    guess("victim@example.com", times=4)

    for _ in range(9):
        guesses.succeed(guesses.count(MIA, network="192.0.2.1"))

    assert [guess(f"user{number}@example.com") for number in range(3)] == [1, 1, 0]


def test_a_right_guess_keeps_the_count_of_its_account():
    guess(times=4)

    guesses.succeed(guesses.count(MIA, network="192.0.2.1"))

    assert guess(times=9) == 1


def test_a_reset_password_begins_again():
    guess(times=9)

    guesses.forget(MIA)

    assert guess() == 1


def test_giving_back_without_redis_leaves_the_attempt_counted(settings):
    attempt = guesses.count(MIA, network="192.0.2.1")

    with without_redis(settings):
        guesses.give_back(attempt)
        guesses.succeed(attempt)
        guesses.forget(MIA)

    assert guess(times=9) == 4


def test_redis_holds_no_address():
    guesses.count(MIA, network="192.0.2.1")

    names = b" ".join(get_redis_connection("default").scan_iter("*"))
    assert b"mia" not in names


@pytest.mark.parametrize("account", ["", "x" * 100_000, "가나다@example.com"])
def test_any_account_name_is_counted(account):
    assert guess(account, times=9) == 5
