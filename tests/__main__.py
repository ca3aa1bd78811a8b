"""Run the tests: `python -m tests RING`, which `make test`, `make test-all` and others call.

`fast` runs the tests that start no process and are not marked `slow`, on SQLite. `rest` runs those
that start processes or are slow, then all that use a database again on PostgreSQL and Valkey, then
some of them through PgBouncer, the tests of the store itself on Valkey, and the stories in a real
Chromium. If one of these is missing, a line says that its tests are skipped;
`TEST_REQUIRE="postgres chromium"` makes that an error. `TEST_COVERAGE=1` records which lines run on
SQLite, which takes half as long again; `make coverage` prints the result. `sweep`, `gallery` and
`cluster` run the tests of these names. Further arguments go to pytest.

In CI (`CI=true`), tests that start processes and fail run once more, by themselves. Only a test that
fails twice fails the ring. The first failure stays in the output.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.kit import pgbouncer, postgres, processes

REQUIRED = os.environ.get("TEST_REQUIRE", "").replace(",", " ").split()
INSTALL = {
    "postgres": "apt-get install postgresql",
    "pgbouncer": "apt-get install pgbouncer",
    "chromium": "apt-get install chromium",
}
ON_POSTGRES = [
    *("tests/accounts", "tests/api", "tests/stories"),
    *(f"tests/doctor/test_{name}.py" for name in ("database", "stored", "pooling", "standbys")),
    *("tests/config/test_database.py", "tests/config/test_worker.py"),
]
ON_PGBOUNCER = [
    *(f"tests/accounts/signins/test_{name}.py" for name in ("refresh", "rotation", "sessions")),
    *("tests/accounts/signins/test_late_commits.py", "tests/accounts/outbox"),
    *("tests/accounts/audit/test_chain.py", "tests/accounts/audit/test_checkpoints.py"),
    *(f"tests/stories/test_{name}.py" for name in ("good_once", "refresh_reuse", "whole_changes")),
    *("tests/config/test_pgbouncer.py", "tests/doctor/test_database.py"),
]
"""Tests of what one transaction decides: who wins, what is committed together, what a cursor reads."""
ON_VALKEY = [
    *("tests/accounts/store", "tests/accounts/test_bell.py", "tests/config/test_redis.py"),
    *("tests/doctor/test_redis.py", "tests/stories/test_redis_outage.py"),
]
"""Tests of the server itself: scripts, expiries, outages, messages, what `INFO` says."""
SHARDED = "tests/cluster/test_valkey_cluster.py"
"""The rows of a cluster whose primaries share the keys."""
ROWS_ON_VALKEY = "frozen_primary or lagging_replicas_loses or restarted_at_once"
"""The rows of the cluster in which Sentinel changes the primary."""
OF_REDIS_ALONE = [
    *("tests/accounts/store", "tests/accounts/federation/wire"),
    "tests/stories/test_redis_outage.py",
]
"""Tests of Redis or of providers alone: they run once, since they send no SQL that differs."""
APART = "not e2e and not sweep and not cluster and not gallery"
WORKERS = ["-n", str(min(7, max(3, os.cpu_count() or 1))), "--dist", "loadgroup"]
"""Redis has 16 databases: two for each of seven workers, and two for the process that starts them."""
FAST = [
    *("-n", str(min(7, max(2, os.cpu_count() or 1))), "--dist", "worksteal"),
    *(f"--ignore=tests/{ring}" for ring in ("cluster", "e2e", "gallery")),
]
SLOW_RINGS = {
    "sweep": [["-n", "2", "-m", "sweep"]],
    # Lighthouse measures, so nothing may run beside it.
    "gallery": [
        ["-n", "2", "-m", "gallery", "tests/gallery", "--ignore=tests/gallery/test_lighthouse.py"],
        ["-s", "-m", "gallery", "tests/gallery/test_lighthouse.py"],
    ],
    "cluster": [["-m", "cluster", "tests/cluster", f"--ignore={SHARDED}"]],
}
RINGS = ["fast", "rest", "all", *SLOW_RINGS]
MEASURED = {"COVERAGE_PROCESS_START": "pyproject.toml"} if os.environ.get("TEST_COVERAGE") else {}


def main(arguments: list[str]) -> int:
    ring = arguments.pop(0) if arguments and arguments[0] in RINGS else "fast"
    failed = 0
    for steps in SLOW_RINGS.get(ring, []):
        failed |= run(ring.capitalize(), [*steps, *arguments], again=True)
    if ring == "cluster":
        on_valkey = ["-m", "cluster", *arguments]
        failed |= run("Cluster of Valkey", [*on_valkey, SHARDED], again=True, TEST_STORE="valkey")
        if shutil.which("redis-server"):  # without it, all rows have run on Valkey
            rows = [*on_valkey, "tests/cluster/test_cluster.py", "-k", ROWS_ON_VALKEY]
            failed |= run("Cluster on Valkey", rows, again=True, TEST_STORE="valkey")
    if ring in {"fast", "all"}:
        failed |= run(
            "Fast",
            [*FAST, "-m", f"not servers and not slow and {APART}", *arguments],
            again=False,
            **MEASURED,
        )
    if ring in {"rest", "all"}:
        failed |= rest(arguments)
    return failed


def rest(arguments: list[str]) -> int:
    failed = run(
        "Processes and slow tests",
        [*WORKERS, "-m", f"(servers or slow) and {APART}", *arguments],
        again=True,
        **MEASURED,
    )
    if available("postgres", found=postgres.binaries() is not None):
        ignored = [f"--ignore={path}" for path in OF_REDIS_ALONE]
        on_postgres = [*WORKERS, "-m", APART, *ON_POSTGRES, *ignored, *arguments]
        other = {"TEST_DATABASE": "postgres", "TEST_STORE": "valkey"}
        failed |= run("PostgreSQL and Valkey", on_postgres, again=True, **other)
        if available("pgbouncer", found=pgbouncer.program() is not None):
            pooled = [*WORKERS, "-m", APART, *ON_PGBOUNCER, *arguments]
            failed |= run("PgBouncer", pooled, again=True, TEST_DATABASE="pgbouncer")
    if shutil.which("redis-server"):  # without it, all tests have run on Valkey
        on_valkey = [*WORKERS, "-m", APART, *ON_VALKEY, *arguments]
        failed |= run("Valkey", on_valkey, again=True, TEST_STORE="valkey")
    if available("chromium", found=shutil.which("chromium") is not None):
        failed |= run("Chromium", ["-n", "2", "-m", "e2e", "tests/e2e", *arguments], again=True)
    return failed


def available(component: str, *, found: bool) -> bool:
    if found:
        return True
    text = f"{component} isn't installed ({INSTALL[component]})"
    if component in REQUIRED:
        sys.exit(f"FAILED: {text}, and TEST_REQUIRE demands its tests.")
    sys.stdout.write(f"SKIPPED the {component} tests: {text}.\n")
    return False


def run(name: str, arguments: list[str], *, again: bool, **env: str) -> int:
    """Run pytest, and `again` what failed. Returns 0 if each test has passed."""
    again = again and bool(os.environ.get("CI"))
    # Forget the failures of other rings.
    failed = run_once(name, [*arguments, *(["--cache-clear"] if again else [])], env)
    if failed == pytest.ExitCode.TESTS_FAILED and again and _have_names():
        only_failed = ["--last-failed", "--last-failed-no-failures=none"]
        named = _without_mark(arguments)
        failed = run_once(f"{name}: the failed tests once more", [*named, *only_failed], env)
    return failed


def _have_names() -> bool:
    """Return False if a worker failed and no test, such as over different lists: pytest would run all again."""
    failures = Path(".pytest_cache/v/cache/lastfailed")
    return failures.exists() and any("::" in name for name in json.loads(failures.read_text()))


def _without_mark(arguments: list[str]) -> list[str]:
    """Leave out `-m …`: the marks of a test's cases depend on how many of them are collected (`rings`)."""
    place = arguments.index("-m") if "-m" in arguments else len(arguments)
    return [*arguments[:place], *arguments[place + 2 :]]


def run_once(name: str, arguments: list[str], env: dict[str, str]) -> int:
    sys.stdout.write(f"── {name} ──\n")
    sys.stdout.flush()
    # Gets its own session, so that Ctrl-C reaches only this process, which passes it on once.
    process = processes.start(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        stdin=None,
        env=os.environ | env,
        start_new_session=True,
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
