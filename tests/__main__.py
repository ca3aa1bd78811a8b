"""Run the tests: `python -m tests [fast|rest|all]`, which `make test` and `make test-all` call.

`fast` runs the tests that start no process, on SQLite. `rest` runs the others: those that start
processes, then all that use a database again on PostgreSQL, then the stories in a real Chromium. If
PostgreSQL or Chromium is missing, a line says that its tests are skipped;
`TEST_REQUIRE="postgres chromium"` makes that an error. `TEST_COVERAGE=1` records which lines run on
SQLite, which takes half as long again; `make coverage` prints the result. Further arguments go to
pytest.
"""

import os
import shutil
import signal
import sys

from tests.kit import postgres, processes

REQUIRED = os.environ.get("TEST_REQUIRE", "").replace(",", " ").split()
INSTALL = {"postgres": "apt-get install postgresql", "chromium": "apt-get install chromium"}
ON_POSTGRES = [
    *("tests/accounts", "tests/api", "tests/stories"),
    *("tests/doctor/test_database.py", "tests/doctor/test_stored.py"),
    "tests/config/test_database.py",
]
OF_REDIS_ALONE = [
    *("tests/accounts/store", "tests/accounts/federation/wire"),
    "tests/stories/test_redis_outage.py",
]
"""Tests of Redis or of providers alone: they run once, since they send no SQL that differs."""
APART = "not e2e and not sweep and not cluster and not gallery"
WORKERS = ["-n", str(min(7, max(3, os.cpu_count() or 1))), "--dist", "loadgroup"]
"""Redis has 16 databases: two for each of seven workers, and two for the process that starts them."""
MEASURED = {"COVERAGE_PROCESS_START": "pyproject.toml"} if os.environ.get("TEST_COVERAGE") else {}


def main(arguments: list[str]) -> int:
    ring = arguments.pop(0) if arguments[:1] in (["fast"], ["rest"], ["all"]) else "fast"
    failed = 0
    if ring in {"fast", "all"}:
        failed |= run("Fast", [*WORKERS, "-m", f"not servers and {APART}", *arguments], **MEASURED)
    if ring in {"rest", "all"}:
        failed |= rest(arguments)
    return failed


def rest(arguments: list[str]) -> int:
    failed = run("Processes", [*WORKERS, "-m", f"servers and {APART}", *arguments], **MEASURED)
    if available("postgres", found=postgres.binaries() is not None):
        ignored = [f"--ignore={path}" for path in OF_REDIS_ALONE]
        on_postgres = [*WORKERS, "-m", APART, *ON_POSTGRES, *ignored, *arguments]
        failed |= run("PostgreSQL", on_postgres, TEST_DATABASE="postgres")
    if available("chromium", found=shutil.which("chromium") is not None):
        failed |= run("Chromium", ["-n", "2", "-m", "e2e", "tests/e2e", *arguments])
    return failed


def available(component: str, *, found: bool) -> bool:
    if found:
        return True
    text = f"{component} isn't installed ({INSTALL[component]})"
    if component in REQUIRED:
        sys.exit(f"FAILED: {text}, and TEST_REQUIRE demands its tests.")
    sys.stdout.write(f"SKIPPED the {component} tests: {text}.\n")
    return False


def run(name: str, arguments: list[str], **env: str) -> int:
    """Run pytest. Returns 0 if all tests passed."""
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
