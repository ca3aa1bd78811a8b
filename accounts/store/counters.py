"""Count events in windows of time, for rate limits that all processes share."""

import time
from dataclasses import dataclass
from typing import cast

from django_redis import get_redis_connection

from accounts.store import outage


@dataclass(frozen=True)
class Limit:
    """At most `amount` events of one caller in each window of `seconds`.

    `scope` names what is counted: limits of one scope share their counters.
    """

    scope: str
    amount: int
    seconds: int = 60

    def seconds_left(self) -> int:
        """Return how long the present window lasts."""
        return self.seconds - int(time.time()) % self.seconds


@dataclass(frozen=True)
class Usage:
    """How much of a limit is used, and when its next window begins."""

    limit: Limit
    used: int
    reset_seconds: int

    @property
    def is_over(self) -> bool:
        return self.used > self.limit.amount

    @property
    def remaining(self) -> int:
        return max(0, self.limit.amount - self.used)


def count(limit: Limit, caller: str) -> Usage:
    """Count one more event of this caller. Costs one round trip to Redis.

    Raises `STORE_ERRORS` without waiting while Redis is down: the caller of this function decides
    whether to fail open.
    """
    reset_seconds = limit.seconds_left()
    window = int(time.time()) // limit.seconds
    key = f"throttle:{limit.scope}:{caller}:{window}"

    def ask() -> list[int]:
        pipe = get_redis_connection("default").pipeline(transaction=False)
        pipe.incr(key)
        pipe.expire(key, limit.seconds)
        return cast("list[int]", pipe.execute())

    used, _ = outage.at_once(ask, outage.cache)
    return Usage(limit, used, reset_seconds)
