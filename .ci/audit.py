"""Look up every locked package in an advisory database, with pip-audit.

Fails if a package has a known vulnerability. If the database can't be reached, the script prints
one line and succeeds; AUDIT_REQUIRE=1 makes that a failure.

pip-audit also succeeds if the index does not know a package, and a mirror may know none of them. So
the script counts the packages that were really looked up.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ["requirements.lock", "requirements-dev.lock", "bench/requirements.lock"]
PROBE = "pip==26.0\n"
PROBE_SECONDS = 8
AUDIT_SECONDS = 300


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        probe = Path(directory) / "probe.txt"
        probe.write_text(PROBE)
        found = look_up([probe], seconds=PROBE_SECONDS)
        if not found or "skip_reason" in found[0]:
            sys.stdout.write("SKIPPED the audit: no advisory database can be reached.\n")
            return int(os.environ.get("AUDIT_REQUIRE") == "1")
    packages = look_up([ROOT / name for name in LOCKS], seconds=AUDIT_SECONDS)
    failures = [line for package in packages for line in describe(package)]
    summary = f"{len(packages)} locked packages, {len(failures)} failures"
    sys.stdout.write("\n".join([*failures, summary]) + "\n")
    return int(bool(failures) or not packages)


def look_up(files: list[Path], *, seconds: int) -> list[dict[str, Any]]:
    """Return the packages of these files with their advisories; empty if pip-audit fails."""
    command = [
        *(ROOT / ".venv/bin/pip-audit", "--format", "json", "--progress-spinner", "off"),
        # The files list every package, so pip needn't resolve or install anything.
        *("--disable-pip", "--no-deps", "--timeout", str(PROBE_SECONDS)),
        *(part for file in files for part in ("--requirement", file)),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, capture_output=True, text=True, timeout=seconds, check=False
        )
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return []
    return packages


def describe(package: dict[str, Any]) -> list[str]:
    """Return a line for each advisory, or one line if the package could not be looked up."""
    if "skip_reason" in package:
        return [package["skip_reason"]]
    name = f"{package['name']} {package['version']}"
    return [
        f"{name}: {advisory['id']}, fixed in {', '.join(advisory['fix_versions']) or 'no release'}"
        for advisory in package["vulns"]
    ]


if __name__ == "__main__":
    sys.exit(main())
