"""Name and find sessions in Redis: by id, by sign-in, by user.

| Key | Value | Lives for |
| --- | --- | --- |
| `session:<HMAC of the id>` | the session, sealed (`encoding`) | its idle time |
| `sid:<sid>` | that HMAC, so that a sign-in's session is found without its id | as long |
| `user:<user id>` | sorted set of the user's sids, by the end of that time | the absolute time |

All three are written in one pipeline. The scripts use keys that aren't in KEYS. That
works with a primary and replicas, but not with Redis Cluster.
"""

import hmac
import re
import time
from base64 import urlsafe_b64encode
from typing import Any
from uuid import UUID

from django.conf import settings
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ReadOnlyError, ResponseError

from accounts.store import outage

HMAC_CHARACTERS = 43
HMAC = re.compile(rb"[A-Za-z0-9_-]{43}")

# KEYS: old name, new name. ARGV: value, milliseconds. Returns nothing if the old session is gone. A
# retry, after a lost answer, finds the new session that the first try has made.
RENEW = """
local left = redis.call('PTTL', KEYS[1])
if redis.call('UNLINK', KEYS[1]) == 0 then
  return redis.call('SET', KEYS[2], ARGV[1], 'XX', 'KEEPTTL')
end
return redis.call('SET', KEYS[2], ARGV[1], 'PX', left > 0 and left or ARGV[2])
"""
# KEYS: the user's set. ARGV: the sids to end, or "*" and the one to keep.
END = """
local sids = ARGV
if ARGV[1] == '*' then sids = redis.call('ZRANGE', KEYS[1], 0, -1) end
local ended = 0
for _, sid in ipairs(sids) do
  if ARGV[1] ~= '*' or sid ~= ARGV[2] then
    local name = redis.call('GET', 'sid:' .. sid)
    if name then ended = ended + redis.call('UNLINK', 'session:' .. name) end
    redis.call('UNLINK', 'sid:' .. sid)
    redis.call('ZREM', KEYS[1], sid)
  end
end
return ended
"""


def name_of(session_key: str) -> str:
    """Return the key in Redis: `HMAC-SHA256(SESSION_ID_KEY, id)`, which is no usable cookie."""
    secret = settings.SESSION_ID_KEY.encode()
    digest = hmac.digest(secret, session_key.encode(), "sha256")
    return "session:" + urlsafe_b64encode(digest).decode().rstrip("=")


def fetch(name: str, *, limit: int) -> tuple[bytes | None, int | None]:
    """Return the value and its remaining lifetime in milliseconds; None and None without a session.

    Reads at most one byte more than `limit`. Raises `StoreUnavailableError`, also if the answer "no
    such session" comes from a Redis that fewer than `REDIS_REPLICA_ACKS` replicas follow.
    """
    return outage.read(lambda redis: _fetch(redis, name, limit))


def _fetch(redis: Redis, name: str, limit: int) -> tuple[bytes | None, int | None]:
    wanted: int = settings.REDIS_REPLICA_ACKS
    asked: list[tuple[Any, ...]] = [("GETRANGE", name, 0, limit), ("PTTL", name)]
    try:
        value, left_ms, *roles = _answers(redis, [*asked, ("ROLE",)] if wanted else asked)
    except ResponseError as error:
        if "WRONGTYPE" not in str(error):
            raise
        return b"", None
    if left_ms != -2:  # noqa: PLR2004 - no such key
        return value, left_ms
    for role, _, *replicas in roles:
        # A replica, or a former primary that Sentinel hasn't demoted yet: it may lack new keys.
        if role != b"master" or len(replicas[0]) < wanted:
            raise ReadOnlyError("READONLY: asked a Redis that nobody follows")
    return None, None


def _answers(redis: Redis, commands: list[tuple[Any, ...]]) -> list[Any]:
    """Send the commands in one round trip and return the answers.

    A pipeline of redis-py does the same, but takes twice the time.
    """
    pool = redis.connection_pool
    connection: Any = pool.get_connection()  # whose methods have no types
    try:
        connection.send_packed_command(connection.pack_commands(commands))
        return [connection.read_response() for _ in commands]
    except BaseException:
        # Otherwise the next caller would read an answer that is left on the connection.
        connection.disconnect()
        raise
    finally:
        pool.release(connection)


def find(sid: UUID) -> str | None:
    """Return the HMAC of this sign-in's session, or None. Raises `StoreUnavailableError`.

    The answer isn't sealed: call `engine.lookup`, which checks it.
    """
    found, _ = fetch(f"sid:{sid}", limit=HMAC_CHARACTERS)
    return found.decode() if found and HMAC.fullmatch(found) else None


def add(pipe: Pipeline, name: str, *, sid: str, user_id: str, idle_seconds: int) -> None:
    now, users = int(time.time()), f"user:{user_id}"
    pipe.set(f"sid:{sid}", name.removeprefix("session:"), ex=idle_seconds)
    pipe.zremrangebyscore(users, 0, now)
    pipe.zadd(users, {sid: now + idle_seconds})
    pipe.expire(users, int(settings.AUTH_SESSION_LIFETIME.total_seconds()))


def slide(pipe: Pipeline, name: str, *, sid: str, user_id: str, idle_seconds: int) -> None:
    pipe.expire(name, idle_seconds)
    pipe.expire(f"sid:{sid}", idle_seconds)
    pipe.zadd(f"user:{user_id}", {sid: int(time.time()) + idle_seconds}, xx=True)


def renew(pipe: Pipeline, old: str, new: str, value: bytes, *, idle_ms: int) -> None:
    """Move the session to another name, if it still exists. It keeps its remaining time."""
    pipe.eval(RENEW, 2, old, new, value, str(idle_ms))


def remove(pipe: Pipeline, *, sid: str, user_id: str) -> None:
    """Remove the index entries of a sign-in whose session is gone."""
    pipe.unlink(f"sid:{sid}")
    pipe.zrem(f"user:{user_id}", sid)


def drop(*sids: UUID, user_id: UUID | None) -> None:
    """Delete the sessions of these sign-ins, also those of other devices. Raises `STORE_ERRORS`.

    Tries once. The rows have ended, so a session that remains is useless (see `engine`).
    """
    names = [str(sid) for sid in sids]
    outage.write_once(lambda pipe: pipe.eval(END, 1, f"user:{user_id}", *names))


def drop_all(user_id: UUID, *, keep: UUID | None = None) -> None:
    """Delete all sessions of the user except that of `keep`, in one round trip.

    Tries once. Raises `STORE_ERRORS`.
    """
    outage.write_once(lambda pipe: pipe.eval(END, 1, f"user:{user_id}", "*", str(keep)))
