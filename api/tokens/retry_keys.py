"""Read the retry key of a refresh: the client's name for one attempt, however often it is sent.

The client makes it and stores it before the call, so that it can ask again for an answer that got
lost (decision 0074).
"""

import re
from typing import Any

from api.exceptions import RetryKeyRefused

HEADER = "Idempotency-Key"
MEMBER = "retry_key"
"""The same in the body, for clients that cannot set a header."""
PATTERN = r"\A[A-Za-z0-9_-]{16,64}\Z"


def find(header: str | None, member: Any = None) -> str:
    """Return the key from the header or the body's member; '' if neither is there.

    Raises `RetryKeyRefused` for a malformed key, and for two that differ.
    """
    given = [key for key in (header, member) if key is not None]
    if not all(isinstance(key, str) and re.match(PATTERN, key) for key in given):
        raise RetryKeyRefused
    if len(set(given)) > 1:
        raise RetryKeyRefused
    return str(given[0]) if given else ""
