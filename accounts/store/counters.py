"""Count events in windows of time, for rate limits that all processes share.

`count` counts every event; its windows begin at the same moment for all callers. `take` counts
attempts, and `give_back` uncounts those that succeeded; its window begins with the first attempt.
Many people share a network: an attempt may name its subject, such as the account, and `forgive` uncounts all
attempts of this subject in the network's window. Each costs one round trip to Redis. `lift` clears all that was
counted about one account, also on devices and in networks that nobody can list. Callers, subjects and accounts
are emails, IP addresses and ids: the keys in Redis have their HMACs.
"""

import hmac
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from django.conf import settings

from accounts import metrics
from accounts.store import outage

TAKE = """
local wait, last = 0, #ARGV
local about = ARGV[last]
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[3 * i - 2]) then
    wait = math.max(wait, redis.call('PTTL', key))
  end
end
if wait == 0 then
  for i, key in ipairs(KEYS) do
    if redis.call('INCR', key) == 1 then redis.call('EXPIRE', key, ARGV[3 * i - 1]) end
    if ARGV[3 * i] ~= '' then
      redis.call('HINCRBY', key .. ':of', ARGV[3 * i], 1)
      redis.call('PEXPIRE', key .. ':of', redis.call('PTTL', key))
    end
    if about ~= '' then
      local now = redis.call('TIME')
      local at = now[1] * 1000 + math.floor(now[2] / 1000)
      redis.call('ZREMRANGEBYSCORE', about, '-inf', at)
      redis.call('ZADD', about, at + redis.call('PTTL', key), ARGV[3 * i] .. ' ' .. key)
      local ends = redis.call('ZREVRANGE', about, 0, 0, 'WITHSCORES')
      redis.call('PEXPIRE', about, math.max(1, ends[2] - at))
    end
  end
end
return wait
"""
"""Count one event at each key, or at none if one is full: then return the milliseconds to wait.

The hash beside a key has the share of each subject. It expires with the key. The sorted set of an account
lists its keys that have not expired, each after the subject, which is empty if the key is the account's alone.
"""
LIFT = """
for _, entry in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local at = string.find(entry, ' ', 1, true)
  local subject, key = string.sub(entry, 1, at - 1), string.sub(entry, at + 1)
  local share, shares = 0, key .. ':of'
  if subject ~= '' then
    share = tonumber(redis.call('HGET', shares, subject) or '0')
    redis.call('HDEL', shares, subject)
  end
  if subject == '' or (share > 0 and redis.call('DECRBY', key, share) < 1) then
    redis.call('DEL', key, shares)
  end
end
redis.call('DEL', KEYS[1])
"""
"""Clear the keys of an account, and its share of those that it has in common with others."""
GIVE_BACK = """
for i, key in ipairs(KEYS) do
  local share, shares, subject = 1, key .. ':of', ARGV[i]
  if subject ~= '' then
    local all = tonumber(redis.call('HGET', shares, subject) or '0')
    share = ARGV[#ARGV] == 'all' and all or math.min(all, 1)
    if all > share then redis.call('HINCRBY', shares, subject, -share)
    else redis.call('HDEL', shares, subject) end
  end
  if redis.call('EXISTS', key) == 1 and redis.call('DECRBY', key, share) < 1 then
    redis.call('DEL', key, shares)
  end
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
    key = f"throttle:{limit.scope}:{_hidden(caller)}:{window}"

    def ask() -> list[int]:
        pipe = outage.client("default").pipeline(transaction=False)
        pipe.incr(key)
        pipe.expire(key, limit.seconds)
        return cast("list[int]", pipe.execute())

    used, _ = outage.at_once(ask, outage.cache)
    return Usage(limit, used, reset_seconds)


Counter = tuple[Limit, str] | tuple[Limit, str, str]
"""A limit, the caller to count, and the subject of the attempt, if the caller is shared by many people."""
Counted = Iterable[Counter]


def take(counted: Counted, *, about: str = "", is_patient: bool = True) -> int:
    """Count one attempt towards all these limits, unless one is full.

    `about` is the account that the attempt concerns, for `lift`. Returns 0. If a limit is full, counts nothing and returns the seconds until the next attempt. Raises
    `StoreUnavailableError` after waiting for Redis; if not `is_patient`, `STORE_ERRORS` at once. If
    Redis' answer is lost, the retry counts the attempt twice.
    """
    pairs = list(counted)
    windows = [
        str(value) for pair in pairs for value in (pair[0].amount, pair[0].seconds, _subject(pair))
    ]

    def ask() -> int:
        redis = outage.client("default")
        names, account = map(_name, pairs), _index(about) if about else ""
        return cast("int", redis.eval(TAKE, len(pairs), *names, *windows, account))

    wait = outage.patiently if is_patient else outage.at_once
    milliseconds = wait(ask, outage.cache)
    # Others are marks that something was done once.
    if milliseconds and pairs[0][0].scope in settings.LIMITS:
        metrics.RATE_LIMITED.note(pairs[0][0].scope)
    return -(-milliseconds // 1000)


def give_back(counted: Counted) -> None:
    """Uncount an attempt that `take` counted, because it succeeded.

    Raises `STORE_ERRORS` without waiting.
    """
    _give_back(counted, "one")


def forgive(counted: Counted) -> None:
    """Uncount an attempt that succeeded, and the earlier ones of its subject in the same window.

    Raises `STORE_ERRORS` without waiting.
    """
    _give_back(counted, "all")


def _give_back(counted: Counted, share: str) -> None:
    pairs = list(counted)
    names, subjects = [_name(pair) for pair in pairs], [_subject(pair) for pair in pairs]
    redis = outage.client("default")
    outage.at_once(
        lambda: redis.eval(GIVE_BACK, len(pairs), *names, *subjects, share), outage.cache
    )


def taken(pair: Counter) -> int:
    """Return the number of attempts that count towards this limit now.

    Raises `StoreUnavailableError` after waiting for Redis.
    """
    redis = outage.client("default")
    return int(outage.patiently(lambda: redis.get(_name(pair)), outage.cache) or 0)


def is_full(pair: Counter) -> bool:
    """Return True if no attempt is left. Raises `STORE_ERRORS` without waiting."""
    redis = outage.client("default")
    used = outage.at_once(lambda: redis.get(_name(pair)), outage.cache)
    return int(used or 0) >= pair[0].amount


def forget(counted: Counted) -> None:
    """Set the counts of these limits to zero. Raises `STORE_ERRORS` without waiting."""
    names = [_name(pair) for pair in counted]
    redis = outage.client("default")
    outage.at_once(lambda: redis.delete(*names), outage.cache)


def lift(about: str) -> None:
    """Set all counts about this account to zero, and take its share from those of networks.

    Raises `STORE_ERRORS` without waiting.
    """
    redis = outage.client("default")
    outage.at_once(lambda: redis.eval(LIFT, 1, _index(about)), outage.cache)


def _index(about: str) -> str:
    return f"counted:{_hidden(about)}"


def _name(pair: Counter) -> str:
    return f"attempts:{pair[0].scope}:{_hidden(pair[1])}"


def _subject(pair: Counter) -> str:
    """Return the HMAC of the subject, or '' if the attempt names none."""
    return _hidden(pair[2]) if len(pair) == 3 else ""  # noqa: PLR2004


def _hidden(caller: str) -> str:
    """Return a name of the caller from which a reader of Redis learns no email and no IP address."""
    return hmac.digest(settings.SESSION_ID_KEY.encode(), caller.encode(), "sha256")[:16].hex()
