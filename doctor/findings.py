"""Define the result of a probe (`Finding`) and the groups of probes (`Check`, `Area`)."""

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
    """One result: `found` is the fact, `advice` says how to mend it.

    `name` replaces the check's name in the report, for a probe that returns several findings.
    """

    level: Level
    found: str
    advice: str = ""
    name: str = ""


@dataclass(frozen=True)
class Check:
    """One line of the report. `seconds` is its time limit; 0 means the command's `--timeout`."""

    name: str
    probe: Callable[[], Finding | list[Finding]]
    seconds: float = 0.0


@dataclass(frozen=True)
class Area:
    """Checks that run one after the other.

    If the area is `gated` and its first check ends in an error, the report skips the others. That
    first check tells whether the server answers.
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
    """Return an error if `is_grave`, otherwise a warning."""
    return error(found, advice) if is_grave else warning(found, advice)
