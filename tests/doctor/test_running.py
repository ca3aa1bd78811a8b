"""Test that every check gives its line, in its place and in time, even if it fails or hangs."""

import threading
import time

import pytest

from doctor import report
from doctor.findings import Area, Check, Finding, Level, error, ok, skipped, warning
from doctor.running import Line, examine

FAILURE = "Find the cause: the doctor knows nothing about this part."


def crash():
    raise RuntimeError("two\nlines")


def probed(*checks, gated=False, seconds=20):
    areas = [Area(tuple(Check(f"check {n}", c) for n, c in enumerate(checks)), gated=gated)]
    lines = examine(areas, seconds=seconds)
    return [(line.name, line.level, line.found, line.advice) for line in lines]


def test_a_check_that_crashes_is_one_line_and_the_next_check_runs():
    assert probed(crash, lambda: ok("fine")) == [
        ("check 0", "error", "the check itself failed: RuntimeError: two lines", FAILURE),
        ("check 1", "ok", "fine", ""),
    ]


def test_a_check_that_never_ends_delays_no_other_check():
    never = threading.Event()

    lines = probed(never.wait, lambda: ok("fine"), seconds=0.3)

    assert lines == [
        (
            "check 0",
            "error",
            "no answer within 0.3 s",
            "Check that it is up and that no firewall drops the connection.",
        ),
        ("check 1", "ok", "fine", ""),
    ]
    never.set()


def test_after_a_failed_gate_no_other_check_runs():
    asked = []

    lines = probed(lambda: error("down", "up"), lambda: asked.append(1), gated=True)

    assert lines == [
        ("check 0", "error", "down", "up"),
        ("check 1", "skipped", "not checked, see check 0", ""),
    ]
    assert asked == []


def test_only_the_first_check_of_an_area_is_a_gate():
    lines = probed(lambda: warning("w", "a"), lambda: error("e", "a"), lambda: ok("o"), gated=True)

    assert [line[1] for line in lines] == ["warning", "error", "ok"]


def test_a_check_may_return_several_findings():
    both = [Finding(Level.OK, "one", name="first"), ok("two")]

    lines = probed(lambda: both, lambda: ok("three"))

    assert [(line[0], line[2]) for line in lines] == [
        ("first", "one"),
        ("check 0", "two"),
        ("check 1", "three"),
    ]


def test_areas_are_checked_in_parallel_and_reported_in_order():
    """Each area waits for the other, so they would never end if they ran one after the other."""
    meeting = threading.Barrier(2, timeout=20)

    def meet():
        meeting.wait()
        return ok("met")

    areas = [Area((Check("a", meet), Check("a 2", lambda: ok("")))), Area((Check("b", meet),))]

    lines = [(line.name, line.found) for line in examine(areas, seconds=20)]

    assert lines == [("a", "met"), ("a 2", ""), ("b", "met")]


def test_a_check_may_have_its_own_limit():
    never = threading.Event()

    def slow():
        time.sleep(0.3)
        return ok("done")

    areas = [Area((Check("slow", slow, 20), Check("short", never.wait)))]

    lines = [line.found for line in examine(areas, seconds=0.05)]

    assert lines == ["done", "no answer within 0.05 s"]
    never.set()


def test_no_secret_of_the_settings_is_in_a_line(settings, caches_as):
    settings.EMAIL_HOST_PASSWORD = "mail-password"
    caches_as(
        LOCATION="redis://user:pass%2Fword@127.0.0.1:9/0",
        OPTIONS={
            "SENTINEL_KWARGS": {"password": "sentinel-password"},
            "CONNECTION_POOL_KWARGS": {"password": "redis-password"},
        },
    )
    secrets = [
        *(settings.SECRET_KEY, settings.SESSION_ID_KEY, *settings.DATA_ENCRYPTION_KEYS),
        *("mail-password", "pass%2Fword", "pass/word", "sentinel-password", "redis-password"),
    ]

    lines = probed(lambda: error(" ".join(secrets), f"Use {secrets[0]}."))

    assert lines == [("check 0", "error", " ".join("…" for _ in secrets), "Use ….")]


LINES = {
    level: Line(level.value, level, "found", "", 0.1234567)
    for level in (Level.OK, Level.WARNING, Level.ERROR, Level.SKIPPED)
}


@pytest.mark.parametrize(
    ("levels", "strict", "status"),
    [
        (["ok", "skipped"], True, 0),
        (["ok", "warning"], False, 0),
        (["ok", "warning"], True, 1),
        (["ok", "error", "ok"], False, 1),
    ],
)
def test_the_exit_status_follows_the_levels(levels, strict, status):
    assert report.exit_status([LINES[level] for level in levels], strict=strict) == status


def test_the_summary_counts_the_levels():
    lines = [LINES[Level.OK], LINES[Level.OK], LINES[Level.WARNING]]

    assert report.summary(lines) == "2 ok, 1 warning, 0 errors, 0 skipped"


def test_a_skipped_check_gives_only_its_reason():
    assert probed(lambda: skipped("not here")) == [("check 0", "skipped", "not here", "")]
