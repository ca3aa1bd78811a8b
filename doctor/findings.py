"""What a probe says, and how probes are put together."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What was seen, and what to do about it. `name` only where a probe has several to tell."""

    level: Level
    found: str
    advice: str = ""
    name: str = ""


@dataclass(frozen=True)
class Check:
    """One line of the report. `seconds`: a limit of its own, for work that asks nobody."""

    name: str
    probe: Callable[[], Finding | list[Finding]]
    seconds: float = 0.0


@dataclass(frozen=True)
class Area:
    """Checks that are made one after the other.

    `gated`: when the first one ends in an error, the others have nobody to ask and are skipped.
    """

    checks: tuple[Check, ...]
    gated: bool = False


def ok(found: str) -> Finding:
    return Finding(Level.OK, found)


def warning(found: str, advice: str) -> Finding:
    return Finding(Level.WARNING, found, advice)


def error(found: str, advice: str) -> Finding:
    return Finding(Level.ERROR, found, advice)


def skipped(found: str) -> Finding:
    return Finding(Level.SKIPPED, found)


def fault(found: str, advice: str, *, is_grave: bool) -> Finding:
    """An error where it is grave, a warning where it isn't."""
    return error(found, advice) if is_grave else warning(found, advice)
