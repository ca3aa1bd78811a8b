"""Name and find sessions in Redis: by id, and by sign-in.

| Key | Value | Lives for |
| --- | --- | --- |
| `session:{<tag>}:<HMAC of the id>` | the session, sealed (`encoding`) | its idle time |
| `sid:{<tag>}:<sid>` | that HMAC, so that a sign-in's session is found without its id | as long |

The tag is four random hex digits. A session id begins with its tag (`<tag>.<secret>`), and so does the `sid` of
a sign-in. In a cluster the part in `{}` chooses the node, so all keys of a sign-in are on one node: a script and
WAIT need that. The tag says nothing about the user. The HMAC covers the whole id, so a forged tag finds nothing.

No key lists the sign-ins of a user: their rows in the database do.
"""

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from uuid import UUID, uuid4

from django.conf import settings
from redis.exceptions import ReadOnlyError, ResponseError

from accounts.store import nodes, outage
from accounts.store.wire import Command, Send

TAG = "[0-9a-f]{4}"
TAG_CHARACTERS = 4
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
# KEYS: the key of the sign-in. ARGV: the beginning of its session's key.
END = """
local name = redis.call('GET', KEYS[1])
if name then redis.call('UNLINK', ARGV[1] .. name) end
return redis.call('UNLINK', KEYS[1])
"""
NO_SUCH_KEY = -2
"""What PTTL answers then."""
# KEYS: a key that was missing. Both answers are of one node, also if its slot has just moved.
LOOK_AGAIN = "return {redis.call('PTTL', KEYS[1]), redis.call('INFO', 'replication')}"
FOLLOWS = re.compile(rb"^slave\d+:.*\bstate=online\b.*\blag=[01]\b", re.MULTILINE)
"""A replica that has confirmed what it has in the last second, as each does. When the network breaks, the primary lists
its replicas for another `repl-timeout` (60 s), but another primary leads after two seconds at the earliest."""
MOST_ENDED = 1000
"""Most sign-ins to end in one round trip."""


def new_tag() -> str:
    return secrets.token_hex(TAG_CHARACTERS // 2)


def new_sid(tag: str) -> UUID:
    """Return an id for a sign-in whose session has this tag."""
    return UUID(tag + uuid4().hex[TAG_CHARACTERS:])


def tag_of(sid: UUID | str) -> str:
    return str(sid)[:TAG_CHARACTERS]


def name_of(session_key: str) -> str:
    """Return the key in Redis of this session id."""
    return f"session:{{{session_key.partition('.')[0]}}}:{hmac_of(session_key)}"


def name_of_sid(sid: UUID | str) -> str:
    """Return the key in Redis that leads to the session of this sign-in."""
    return f"sid:{{{tag_of(sid)}}}:{sid}"


def hmac_of(session_key: str) -> str:
    """Return `HMAC-SHA256(SESSION_ID_KEY, id)`, which is no usable cookie."""
    secret = settings.SESSION_ID_KEY.encode()
    digest = hmac.digest(secret, session_key.encode(), "sha256")
    return urlsafe_b64encode(digest).decode().rstrip("=")


def fetch(name: str, *, limit: int) -> tuple[bytes | None, int | None]:
    """Return the value and its remaining lifetime in milliseconds; None and None without a session.

    Reads at most one byte more than `limit`. Raises `StoreUnavailableError`, also if the answer "no
    such session" comes from a Redis that fewer than `REDIS_REPLICA_ACKS` replicas follow.
    """
    return outage.read(name, lambda send: _fetch(send, name, limit))


def _fetch(send: Send, name: str, limit: int) -> tuple[bytes | None, int | None]:
    try:
        value, left_ms = send([("GETRANGE", name, 0, limit), ("PTTL", name)])
    except ResponseError as error:
        if "WRONGTYPE" not in str(error):
            raise
        return b"", None
    if left_ms != NO_SUCH_KEY:
        return value, left_ms
    wanted: int = settings.REDIS_REPLICA_ACKS
    if wanted:
        ((left_ms, replication),) = send([("EVAL", LOOK_AGAIN, 1, name)])
        if left_ms != NO_SUCH_KEY:
            return _fetch(send, name, limit)  # it was written meanwhile
        # A replica, or a former primary that doesn't know yet that another one leads: it may lack new keys.
        if b"role:master" not in replication or len(FOLLOWS.findall(replication)) < wanted:
            raise ReadOnlyError("READONLY: asked a Redis that nobody follows")
    return None, None


def find(sid: UUID) -> str | None:
    """Return the key of this sign-in's session, or None. Raises `StoreUnavailableError`.

    The answer isn't sealed: call `named.peek`, which checks it.
    """
    found, _ = fetch(name_of_sid(sid), limit=HMAC_CHARACTERS)
    return _beginning(sid) + found.decode() if found and HMAC.fullmatch(found) else None


def add(name: str, *, sid: str, idle_seconds: int) -> list[Command]:
    hmac_alone = name.removeprefix(_beginning(sid))
    return [("SET", name_of_sid(sid), hmac_alone, "EX", idle_seconds)]


def slide(name: str, *, sid: str, idle_seconds: int) -> list[Command]:
    return [("EXPIRE", name, idle_seconds), ("EXPIRE", name_of_sid(sid), idle_seconds)]


def renew(old: str, new: str, value: bytes, *, idle_ms: int) -> list[Command]:
    """Move the session to another name, if it still exists. It keeps its remaining time."""
    return [("EVAL", RENEW, 2, old, new, value, idle_ms)]


def remove(*, sid: str) -> list[Command]:
    """Remove the key of a sign-in whose session is gone."""
    return [("UNLINK", name_of_sid(sid))]


def drop(*sids: UUID) -> None:
    """Delete the sessions of these sign-ins, also those of other devices. Raises `STORE_ERRORS`.

    Tries once. The rows have ended, so a session that remains is useless (see `engine`).
    """
    by_server: dict[str, list[UUID]] = {}
    for sid in sids:
        address = nodes.of_sessions().address_of(name_of_sid(sid))
        by_server.setdefault(address, []).append(sid)
    for there in by_server.values():
        for first in range(0, len(there), MOST_ENDED):
            _drop(there[first : first + MOST_ENDED])


def _drop(sids: Sequence[UUID]) -> None:
    ends = [("EVAL", END, 1, name_of_sid(sid), _beginning(sid)) for sid in sids]
    outage.write_once(ends[0][3], ends)


def _beginning(sid: UUID | str) -> str:
    """Return what the key of this sign-in's session begins with."""
    return f"session:{{{tag_of(sid)}}}:"
