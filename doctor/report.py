"""Format the report: lines for people, JSON for programs, an exit status for both."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict

from doctor.findings import Level
from doctor.running import Line

LEVEL_WIDTH = max(len(level) for level in Level)


def text(line: Line, *, width: int, paint: Callable[[str], str]) -> str:
    """Return one line of the report: `level  name  finding → advice`."""
    advice = f" → {line.advice}" if line.advice else ""
    level = paint(f"{line.level:<{LEVEL_WIDTH}}")
    return f"{level}  {line.name:<{width}}  {line.found}{advice}"


def summary(lines: Iterable[Line]) -> str:
    count = Counter(line.level for line in lines)
    words = [
        f"{count[Level.OK]} ok",
        _plural(count[Level.WARNING], "warning"),
        _plural(count[Level.ERROR], "error"),
        f"{count[Level.SKIPPED]} skipped",
    ]
    return ", ".join(words)


def exit_status(lines: Iterable[Line], *, strict: bool) -> int:
    """Return 1 if a line is an error, or with `strict` a warning; otherwise 0."""
    bad = {Level.ERROR, Level.WARNING} if strict else {Level.ERROR}
    return int(any(line.level in bad for line in lines))


def as_json(lines: list[Line], *, status: int) -> str:
    checks = [asdict(line) | {"seconds": round(line.seconds, 3)} for line in lines]
    return json.dumps({"exit_status": status, "checks": checks}, indent=2, ensure_ascii=False)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
