"""Limit wrong codes of a second factor, for one account. Right ones cost nothing.

Only a caller who knows the password, or holds a session, gets this far. So these tries are counted
apart from wrong passwords: nobody can lock an owner out without either. A device that has signed in
to the account before has its own count.
"""

from contextlib import suppress
from uuid import UUID

from accounts.errors import TooManyRequestsError
from accounts.store import counters
from accounts.store.counters import Limit
from accounts.store.outage import STORE_ERRORS

Counted = list[tuple[Limit, str]]


def count(user_id: UUID, *, device: str = "") -> Counted:
    """Count one try. Call before the code is checked. Returns what `give_back` takes.

    Raises `TooManyRequestsError` if a limit is reached, and `StoreUnavailableError` if Redis doesn't
    answer: then don't check the code.
    """
    counted = [
        (counters.limit("factor"), f"{user_id}:{device}"),
        (counters.limit("factor_day"), f"{user_id}:{device}"),
    ]
    if seconds := counters.take(counted, about=str(user_id)):
        raise TooManyRequestsError(seconds)
    return counted


def tries_left(counted: Counted) -> int:
    return max(0, min(limit.amount - counters.taken((limit, key)) for limit, key in counted))


def give_back(counted: Counted) -> None:
    """Uncount a try whose code was right, or whose check failed by a fault of ours."""
    # If Redis is away, the try stays counted: that only makes the limit stricter.
    with suppress(*STORE_ERRORS):
        counters.give_back(counted)
