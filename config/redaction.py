"""Cut secrets out of log lines, whichever logger wrote them."""

import re
from typing import Any

CUT = "…"
KEYS = (
    *("reset/key", "reset/stop", "confirm-email", "continue", "not-me"),
    *("invitation", "email/confirm", "email/stop"),
)
"""What stands before a key in a path; most of these paths are from mails. nginx cuts the same ones."""
PATTERNS = [
    # The admin's paths have a number there.
    (
        re.compile(rf"(?<!/admin/accounts)(/(?:{'|'.join(KEYS)})/)[^/\s\"'?]+"),
        rf"\1{CUT}",
    ),
    # Values in queries: OAuth codes and states, tokens, addresses.
    (re.compile(r"([?&][\w.\[\]%-]+=)[^&\s\"'<>#)]+"), rf"\1{CUT}"),
    # The password in an address of a service.
    (re.compile(r"(://[^\s/@:]*:)[^\s@/]+(?=@)"), rf"\1{CUT}"),
    # Credentials in headers, and our own tokens and those of providers.
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {CUT}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]*(?:\.[\w-]*)*"), CUT),
]


_MARKS = re.compile(r"[/?&\s]|eyJ", re.IGNORECASE)
"""What each of the patterns needs. Most values, such as ids and times, have none of it."""


def redacted(text: str) -> str:
    if _MARKS.search(text) is None:
        return text
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact(_logger: Any, _method: str, line: Any) -> Any:
    """Redact each value of a structlog event, the formatted stack trace included."""
    return {
        name: redacted(value if isinstance(value, str) else str(value))
        if not isinstance(value, bool | int | float | None)
        else value
        for name, value in line.items()
    }
