"""Count events in windows of time, for rate limits that all processes share.

`count` counts every event; its windows begin at the same moment for all callers. `take` counts
attempts, and `give_back` uncounts those that succeeded; its window begins with the first attempt.
Each costs one round trip to Redis.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django_redis import get_redis_connection

from accounts.store import outage

TAKE = """
local wait = 0
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[2 * i - 1]) then
    wait = math.max(wait, redis.call('PTTL', key))
  end
end
if wait == 0 then
  for i, key in ipairs(KEYS) do
    if redis.call('INCR', key) == 1 then redis.call('EXPIRE', key, ARGV[2 * i]) end
  end
end
return wait
"""
"""Count one event at each key, or at none if one is full: then return the milliseconds to wait."""
GIVE_BACK = """
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 and redis.call('DECR', key) < 1 then redis.call('DEL', key) end
end
"""


@dataclass(frozen=True)
class Limit:
    """At most `amount` events of one caller in each window of `seconds`.

    `scope` is the kind of event: limits with the same scope share their counters.
    """

    scope: str
    amount: int
    seconds: int = 60

    def seconds_left(self) -> int:
        """Return the seconds until the present window of `count` ends."""
        return self.seconds - int(time.time()) % self.seconds


def limit(name: str) -> Limit:
    """Return the limit that `settings.LIMITS` has under this name."""
    return Limit(name, *settings.LIMITS[name])


@dataclass(frozen=True)
class Usage:
    """The used part of a limit, and the seconds until its next window begins."""

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
    """Count one more event of this caller. Returns the usage, with this event.

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


Counted = Iterable[tuple[Limit, str]]
"""Limits, each with the caller to count."""


def take(counted: Counted, *, is_patient: bool = True) -> int:
    """Count one attempt towards all these limits, unless one is full.

    Returns 0. If a limit is full, counts nothing and returns the seconds until the next attempt. Raises
    `StoreUnavailableError` after waiting for Redis; if not `is_patient`, `STORE_ERRORS` at once. If
    Redis' answer is lost, the retry counts the attempt twice.
    """
    pairs = list(counted)
    windows = [str(number) for limit, _ in pairs for number in (limit.amount, limit.seconds)]

    def ask() -> int:
        redis = get_redis_connection("default")
        return cast("int", redis.eval(TAKE, len(pairs), *map(_name, pairs), *windows))

    wait = outage.patiently if is_patient else outage.at_once
    milliseconds = wait(ask, outage.cache)
    return -(-milliseconds // 1000)


def give_back(counted: Counted) -> None:
    """Uncount an attempt that `take` counted, because it succeeded.

    Raises `STORE_ERRORS` without waiting.
    """
    names = [_name(pair) for pair in counted]
    redis = get_redis_connection("default")
    outage.at_once(lambda: redis.eval(GIVE_BACK, len(names), *names), outage.cache)


def taken(pair: tuple[Limit, str]) -> int:
    """Return the number of attempts that count towards this limit now.

    Raises `StoreUnavailableError` after waiting for Redis.
    """
    redis = get_redis_connection("default")
    return int(outage.patiently(lambda: redis.get(_name(pair)), outage.cache) or 0)


def is_full(pair: tuple[Limit, str]) -> bool:
    """Return True if no attempt is left. Raises `STORE_ERRORS` without waiting."""
    redis = get_redis_connection("default")
    used = outage.at_once(lambda: redis.get(_name(pair)), outage.cache)
    return int(used or 0) >= pair[0].amount


def forget(counted: Counted) -> None:
    """Set the counts of these limits to zero. Raises `STORE_ERRORS` without waiting."""
    names = [_name(pair) for pair in counted]
    redis = get_redis_connection("default")
    outage.at_once(lambda: redis.delete(*names), outage.cache)


def _name(pair: tuple[Limit, str]) -> str:
    limit, caller = pair
    return f"attempts:{limit.scope}:{caller}"
