"""Read and write the sealed sessions in Redis, as only the site itself can."""

import json
from collections.abc import Callable
from typing import Any

from accounts import encryption
from accounts.store import encoding, index
from accounts.store.engine import SessionStore

NOBODY = "00000000-0000-4000-8000-000000000000"
"""An id that no user and no sign-in has."""


def new_member(tag: str = "", **entries: Any) -> SessionStore:
    """Store a session of a sign-in that no database has, with this tag or any."""
    store = SessionStore()
    sid = str(index.new_sid(tag or index.new_tag()))
    store.update({"_auth_user_id": NOBODY, "sid": sid, **entries})
    store.create()
    return store


def contents(redis) -> dict[str, bytes]:
    """Return every key and its value, joined if it is a set."""
    found = {}
    for key in redis.keys("*"):
        is_set = redis.type(key) == b"zset"
        found[key.decode()] = b" ".join(redis.zrange(key, 0, -1)) if is_set else redis.get(key)
    return found


def only(redis, pattern: str) -> bytes:
    """Return the one key that this pattern finds."""
    (key,) = redis.keys(pattern)
    return key


def names(redis) -> list[str]:
    return sorted(key.decode() for key in redis.keys("session:*"))


def opened(redis, name: str) -> dict[str, Any]:
    """What is sealed under this name: `{"c": when it began, "d": its entries}`."""
    value = redis.get(name)
    return json.loads(encryption.unseal(value[1:], name=encoding.VERSION + name.encode()))


def sealed(stored: Any, name: str) -> bytes:
    """A value for this name that the site opens, whatever is in it."""
    text = stored if isinstance(stored, bytes) else json.dumps(stored).encode()
    return encoding.VERSION + encryption.seal(text, name=encoding.VERSION + name.encode())


def age(redis, seconds: int) -> None:
    """Let every session have begun so long ago."""
    for name in names(redis):
        change(redis, name, lambda stored: stored.update(c=stored["c"] - seconds))


def change(redis, name: str, how: Callable[[dict[str, Any]], object]) -> None:
    """Open the session, let `how` change it in place, and seal it again."""
    stored = opened(redis, name)
    how(stored)
    redis.set(name, sealed(stored, name), keepttl=True)
