"""Copy all browser sessions out of Redis, and back into it, for a backup.

The copy has the absolute time at which each key expires. Redis' own copy (`DUMP`, `RESTORE`) has the time
that is left, which would be wrong here: the engine tells by the expiry when the row of a sign-in was last
checked. A session that came back with its old time left would look as if it had just been checked, and
would be good for a while although its sign-in has ended since.

Values stay sealed. A key that exists is never overwritten, so a copy undoes no newer session.
"""

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from accounts.store import nodes
from accounts.store.nodes import Nodes

VERSION = 1
PATTERNS = ("session:*", "sid:*")
BATCH = 500


class CopyError(ValueError):
    """The text is no copy, or not a whole one."""


def save() -> Iterator[str]:
    """Yield the lines of a copy: a head, one line for each key, and the number of keys."""
    servers = nodes.of_sessions()
    layout, primaries = servers.layout(), servers.primaries()
    yield json.dumps({"munjigi_sessions": VERSION, "at": int(time.time())})
    count = 0
    for redis in primaries.values():
        for name in chain.from_iterable(
            redis.scan_iter(pattern, count=BATCH) for pattern in PATTERNS
        ):
            if (entry := _entry(servers, name.decode())) is not None:
                count += 1
                yield json.dumps(entry)
    if servers.layout() != layout:
        raise CopyError("slots of the cluster moved meanwhile, so keys may be missing: save again")
    yield json.dumps({"count": count})


def load(lines: Iterable[str]) -> Iterator[bool]:
    """Write the keys of a copy, except those that exist or have expired. Yields whether it wrote each.

    May be called again with the same copy. Raises `CopyError`, at the end for a copy that was cut off.
    """
    servers = nodes.of_sessions()
    rows = (_parsed(line) for line in lines)
    if next(rows, {}).get("munjigi_sessions") != VERSION:
        raise CopyError("this is no copy of sessions, or one of another version")
    for count, row in enumerate(rows):
        if "count" in row:
            if row["count"] != count:
                raise CopyError(f"the copy has {count} keys, but should have {row['count']}")
            return
        yield _write(servers, row)
    raise CopyError("the copy was cut off")


def _entry(servers: Nodes, name: str) -> dict[str, Any] | None:
    """Return a key with its value and its end (milliseconds since 1970); None if it is gone by now."""
    left_ms, value = servers.send(name, [("PTTL", name), ("GET", name)])
    if not value or left_ms < 0:  # gone, or a key without an end, which is none of ours
        return None
    ends = int(time.time() * 1000) + left_ms
    return {"key": name, "ends": ends, "value": b64encode(value).decode()}


def _write(servers: Nodes, row: dict[str, Any]) -> bool:
    try:
        name, ends = str(row["key"]), int(row["ends"])
        value = b64decode(row["value"], validate=True)
    except (KeyError, TypeError, ValueError) as exc:
        raise CopyError("a line of the copy has another form") from exc
    if not name.startswith(tuple(pattern.rstrip("*") for pattern in PATTERNS)):
        raise CopyError("a line of the copy names a key that is none of a session")
    if ends <= time.time() * 1000:
        return False
    (answer,) = servers.send(name, [("SET", name, value, "NX", "PXAT", ends)])
    return bool(answer)


def _parsed(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as exc:
        raise CopyError("a line of the copy isn't JSON") from exc
    if not isinstance(row, dict):
        raise CopyError("a line of the copy isn't an object")
    return row
