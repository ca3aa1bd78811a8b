"""Limit wrong passwords: for one account, on one device, from one network.

A right password isn't counted, so that many people behind one address can sign in. It also removes the
earlier wrong ones for this account from the count of the network: they were typing errors. Devices that
have signed in to the account before are counted apart, so that a stranger's guesses don't lock the
owner out. The settings `LIMIT_SIGN_IN_…` have the numbers.

An attempt is counted before the password is checked, and uncounted if the password was right. If it
were counted afterwards, attempts that are sent at the same time would all be checked.
"""

from contextlib import suppress
from dataclasses import dataclass

from accounts.errors import TooManyRequestsError
from accounts.store import counters
from accounts.store.counters import Counter
from accounts.store.outage import STORE_ERRORS


@dataclass(frozen=True)
class Guess:
    """One attempt. It counts as a wrong password until `succeed` or `give_back` is called."""

    counted: tuple[Counter, ...]


def count(account: str, *, network: str, device: str = "") -> Guess:
    """Count one attempt. Call before the password is checked. Returns the attempt, for `succeed`.

    `account` is the normalised email, also of an account that doesn't exist. `device` identifies a
    device that has signed in to this account before; '' is any other. Raises `TooManyRequestsError`
    if a limit is reached. Raises `StoreUnavailableError` if Redis doesn't answer: then don't check
    the password.
    """
    guess = Guess(tuple(_limits(account, network=network, device=device)))
    if seconds := counters.take(guess.counted, about=account):
        raise TooManyRequestsError(seconds)
    return guess


def succeed(guess: Guess) -> None:
    """Uncount an attempt whose password was right."""
    # Without Redis the attempt stays counted, which only makes the limit stricter.
    with suppress(*STORE_ERRORS):
        counters.forgive(guess.counted)


def give_back(guess: Guess) -> None:
    """Uncount an attempt whose check failed by a fault of ours."""
    # Without Redis the attempt stays counted, which only makes the limit stricter.
    with suppress(*STORE_ERRORS):
        counters.give_back(guess.counted)


def forget(account: str) -> None:
    """Allow new attempts at this account, after its owner has reset the password.

    Clears the counts of devices that never signed in to it, not those of known devices and
    networks.
    """
    of_account = _limits(account, network="")[:2]
    with suppress(*STORE_ERRORS):
        counters.forget(of_account)


def _limits(account: str, *, network: str, device: str = "") -> list[Counter]:
    here = "sign_in_device" if device else "sign_in_account"
    caller = f"{account}:{device}"
    limits: list[Counter] = [
        (counters.limit(here), caller),
        (counters.limit("sign_in_account_day"), caller),
    ]
    if not device:
        # A known device can only try accounts that it has signed in to. Wrong passwords of others in the
        # same network don't lock it out.
        limits.append((counters.limit("sign_in_network"), network, account))
    return limits
