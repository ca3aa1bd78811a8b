"""Encode a session for Redis, sealed under the name of its key.

The value is one byte, the version, and `{"c": when it began, "d": its entries}` as JSON, sealed by
`encryption.seal`. So nobody who can write to Redis can change a session, make one up, or copy it to
another name, and nobody who can read Redis learns what a session holds.
"""

import json
import logging
import time
from typing import Any
from uuid import UUID

from django.contrib.auth import SESSION_KEY

from accounts import encryption
from accounts.errors import DecryptionError, SessionTooLargeError

VERSION = b"\x02"
MAX_BYTES = 16 * 1024
CLOCK_SKEW_SECONDS = 300


log = logging.getLogger(__name__)


class UnreadableError(ValueError):
    """The value is damaged, forged or of another version. The text names none of its content."""


def pack(data: dict[str, Any], *, name: str, began: int) -> bytes:
    """Encode a session for the key `name`. Raises `SessionTooLargeError` above `MAX_BYTES`."""
    text = json.dumps({"c": began, "d": data}, separators=(",", ":"))
    value = VERSION + encryption.seal(text.encode(), name=_bound(name))
    if len(value) > MAX_BYTES:
        error = SessionTooLargeError(f"{len(value)} bytes, in entries {sorted(data)}")
        log.error("a session is too large to be saved: %s", error)
        raise error
    return value


def unpack(value: bytes, *, name: str) -> tuple[dict[str, Any], int]:
    """Return the entries and when the session began. `name` is the key that held the value.

    Raises `UnreadableError` for everything that `pack` didn't make for this name.
    """
    if len(value) > MAX_BYTES:
        raise UnreadableError("too large")
    if value[:1] != VERSION:
        raise UnreadableError("of another version")
    try:
        stored = json.loads(encryption.unseal(value[1:], name=_bound(name)))
        began, data = stored["c"], stored["d"]
        if SESSION_KEY in data:
            UUID(data[SESSION_KEY])
    except DecryptionError as error:
        raise UnreadableError(str(error)) from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableError(f"not a session ({type(error).__name__})") from None
    if type(data) is not dict or type(began) is not int:
        raise UnreadableError("of another form")
    if not 0 <= began <= time.time() + CLOCK_SKEW_SECONDS:
        raise UnreadableError("from another time")
    return data, began


def _bound(name: str) -> bytes:
    return VERSION + name.encode()
