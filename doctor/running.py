"""Make the checks: side by side, each within its time, none able to end the others."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Thread

from doctor import redaction
from doctor.findings import Area, Check, Finding, Level, error, skipped


@dataclass(frozen=True)
class Line:
    """A finding with the name of its check and how long it took."""

    name: str
    level: Level
    found: str
    advice: str
    seconds: float


def examine(areas: Iterable[Area], *, seconds: float) -> Iterator[Line]:
    """Every line in the order of the areas, each as soon as it is known.

    Areas run side by side, so that one that waits for its time limit holds up no other.
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
            lines.put([_line(check, skipped(f"not asked, see {failed}"), 0.0)])
            continue
        began = time.monotonic()
        findings = _limited(check, check.seconds or seconds)
        took = time.monotonic() - began
        lines.put([_line(check, finding, took) for finding in findings])
        if area.gated and check is area.checks[0]:
            failed = check.name if any(f.level is Level.ERROR for f in findings) else ""


def _limited(check: Check, seconds: float) -> list[Finding]:
    """In a thread that can be left behind: no library call here can be relied on to end."""
    answer: SimpleQueue[list[Finding]] = SimpleQueue()
    Thread(target=_probe, args=(check, answer), name="doctor-probe", daemon=True).start()
    try:
        return answer.get(timeout=seconds)
    except Empty:
        advice = "See that it is up and that no firewall swallows the connection."
        return [error(f"no answer within {seconds:g} s", advice)]


def _probe(check: Check, answer: SimpleQueue[list[Finding]]) -> None:
    try:
        found = check.probe()
        answer.put([found] if isinstance(found, Finding) else found)
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is a line of the report
        text = f"the check itself failed: {type(exc).__name__}: {exc}"
        answer.put([error(text, "Look into it: this part can't be vouched for.")])


def _line(check: Check, finding: Finding, seconds: float) -> Line:
    finding = replace(
        finding, found=redaction.clean(finding.found), advice=redaction.clean(finding.advice)
    )
    name = finding.name or check.name
    return Line(name, finding.level, finding.found, finding.advice, seconds)
