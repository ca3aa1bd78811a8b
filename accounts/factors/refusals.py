"""Limit passkeys that are refused at a sign-in, for one network. Good ones cost nothing.

Nobody can guess a signature. The limit keeps a caller from filling the audit log and from using up
our processors. An account is not counted: anybody who has read a credential's id could lock its owner.
"""

from contextlib import suppress

from accounts.errors import TooManyRequestsError
from accounts.store import counters
from accounts.store.counters import Limit
from accounts.store.outage import STORE_ERRORS

Counted = list[tuple[Limit, str]]


def count(network: str) -> Counted:
    """Count one try. Call before the answer is checked. Returns what `give_back` takes.

    Raises `TooManyRequestsError` if the limit is reached, and `StoreUnavailableError` if Redis doesn't
    answer: then don't check the answer.
    """
    counted = [(counters.limit("passkey"), network)]
    if seconds := counters.take(counted):
        raise TooManyRequestsError(seconds)
    return counted


def give_back(counted: Counted) -> None:
    """Uncount a try that was good, or whose check failed by a fault of ours."""
    # If Redis is away, the try stays counted: that only makes the limit stricter.
    with suppress(*STORE_ERRORS):
        counters.give_back(counted)
