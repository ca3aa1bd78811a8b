"""Cut secrets out of log lines, whichever logger wrote them."""

import re
from collections.abc import Callable
from typing import Any

CUT = "…"
KEYS = (
    *("reset/key", "reset/stop", "confirm-email", "continue", "not-me"),
    *("invitation", "email/confirm", "email/stop"),
)
"""What stands before a key in a path; most of these paths are from mails. nginx cuts the same ones."""
_token = re.compile(r"\beyJ").search


def _without_token(found: re.Match[str]) -> str:
    """Cut a token off: `eyJ`, as the JSON of its header begins, and a dot somewhere behind it."""
    text = found[0]
    token = _token(text)
    return text[: token.start()] + CUT if token and "." in text[token.end() :] else text


# The text that each pattern needs, the pattern, and what replaces what it finds.
PATTERNS: list[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    # The admin's paths have a number there.
    (
        "/",
        re.compile(rf"(?<!/admin/accounts)(/(?:{'|'.join(KEYS)})/)[^/\s\"'?]+"),
        rf"\1{CUT}",
    ),
    # Values in queries: OAuth codes and states, tokens, addresses.
    ("=", re.compile(r"([?&][\w.\[\]%-]+=)[^&\s\"'<>#)]+"), rf"\1{CUT}"),
    # The password in an address of a service.
    ("://", re.compile(r"(://[^\s/@:]*:)[^\s@/]+(?=@)"), rf"\1{CUT}"),
    # Credentials in headers, and our own tokens and those of providers.
    ("", re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {CUT}"),
    # One match takes a whole run of these characters, so that nothing in it is looked at twice.
    ("eyJ", re.compile(r"[\w.-]+"), _without_token),
]
_is_word = re.compile(r"[\w-]*").fullmatch
"""Most values, such as ids, are one word. Each of the patterns needs another character."""
_PLAIN = (bool, int, float, type(None))


def redacted(text: str) -> str:
    if _is_word(text):
        return text
    for needed, pattern, replacement in PATTERNS:
        if needed in text:
            text = pattern.sub(replacement, text)
    return text


def redact(_logger: Any, _method: str, line: Any) -> Any:
    """Redact each value of a structlog event, the formatted stack trace included."""
    return {
        name: value
        if isinstance(value, _PLAIN)
        else redacted(value if isinstance(value, str) else str(value))
        for name, value in line.items()
    }
