"""All tests: `python -m tests`, or `make test`.

Three runs: everything on SQLite, everything that uses a database again on PostgreSQL, and the
stories in a real Chromium. Where PostgreSQL or Chromium is missing its run is skipped with a line
that says so; `TEST_REQUIRE="postgres chromium"` makes that an error. Arguments go to pytest.
`make sweep` and `make cluster` run what takes longer.
"""

import os
import shutil
import subprocess
import sys

from tests import postgres

REQUIRED = os.environ.get("TEST_REQUIRE", "").replace(",", " ").split()
INSTALL = {"postgres": "apt-get install postgresql", "chromium": "apt-get install chromium"}
ON_POSTGRES = [
    *("tests/accounts", "tests/api", "tests/flows"),
    *("tests/social/test_browser.py", "tests/social/test_naver.py", "tests/social/test_native.py"),
    *("tests/social/test_unlinking.py", "tests/social/test_kakao_webhook.py"),
    "tests/social/test_security_events.py",
    *("tests/social/test_linking.py", "tests/social/test_connections.py"),
    *("tests/doctor/test_database.py", "tests/doctor/test_stored.py"),
    "tests/config/test_database.py",
]
OF_REDIS_ALONE = [
    *("tests/accounts/test_store_outage.py", "tests/accounts/test_shared_cache.py"),
    *("tests/accounts/test_social_fetch.py", "tests/accounts/test_social_jwks.py"),
    "tests/flows/test_redis_outage.py",
]
"""Or of providers: not run twice, since no statement differs."""
FAST = ["-n", "3", "--dist", "loadgroup", "-m", "not e2e and not sweep and not cluster"]


def main(arguments: list[str]) -> int:
    failed = run("SQLite", [*FAST, *arguments])
    if available("postgres", found=postgres.binaries() is not None):
        failed |= run(
            "PostgreSQL",
            [*FAST, *ON_POSTGRES, *(f"--ignore={path}" for path in OF_REDIS_ALONE), *arguments],
            TEST_DATABASE="postgres",
        )
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
    sys.stdout.write(f"── {name} ──\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    return subprocess.run(command, env=os.environ | env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
