"""Run the checks in parallel. A check that hangs or fails doesn't stop the others."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Thread

from doctor import redaction
from doctor.findings import Area, Check, Finding, Level, error, skipped


@dataclass(frozen=True)
class Line:
    """A finding with the name of its check and its duration in seconds."""

    name: str
    level: Level
    found: str
    advice: str
    seconds: float


def examine(areas: Iterable[Area], *, seconds: float) -> Iterator[Line]:
    """Run the areas in parallel and yield their lines in the order of the areas.

    Yields each line as soon as it and all lines before it are ready. `seconds` is the time limit
    of a check.
    """
    started = [(area, _start(area, seconds)) for area in areas]
    for area, lines in started:
        for _ in area.checks:
            yield from lines.get()


def _start(area: Area, seconds: float) -> SimpleQueue[list[Line]]:
    lines: SimpleQueue[list[Line]] = SimpleQueue()
    Thread(target=_run, args=(area, seconds, lines), name="doctor-area", daemon=True).start()
    return lines


def _run(area: Area, seconds: float, lines: SimpleQueue[list[Line]]) -> None:
    failed = ""
    for check in area.checks:
        if failed:
            lines.put([_line(check, skipped(f"not checked, see {failed}"), 0.0)])
            continue
        began = time.monotonic()
        findings = _limited(check, check.seconds or seconds)
        took = time.monotonic() - began
        lines.put([_line(check, finding, took) for finding in findings])
        if area.gated and check is area.checks[0]:
            failed = check.name if any(f.level is Level.ERROR for f in findings) else ""


def _limited(check: Check, seconds: float) -> list[Finding]:
    """Run the check in its own thread and return its findings.

    After `seconds`, return an error instead and leave the thread running: nothing can end a library
    call that hangs.
    """
    answer: SimpleQueue[list[Finding]] = SimpleQueue()
    Thread(target=_probe, args=(check, answer), name="doctor-probe", daemon=True).start()
    try:
        return answer.get(timeout=seconds)
    except Empty:
        advice = "Check that it is up and that no firewall drops the connection."
        return [error(f"no answer within {seconds:g} s", advice)]


def _probe(check: Check, answer: SimpleQueue[list[Finding]]) -> None:
    try:
        found = check.probe()
        answer.put([found] if isinstance(found, Finding) else found)
    except Exception as exc:  # noqa: BLE001 - every failure becomes a line of the report
        text = f"the check itself failed: {type(exc).__name__}: {exc}"
        answer.put([error(text, "Find the cause: the doctor knows nothing about this part.")])


def _line(check: Check, finding: Finding, seconds: float) -> Line:
    finding = replace(
        finding, found=redaction.clean(finding.found), advice=redaction.clean(finding.advice)
    )
    name = finding.name or check.name
    return Line(name, finding.level, finding.found, finding.advice, seconds)
