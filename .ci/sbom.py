"""Print the bill of materials of an installation: every locked package, with its checksums.

Reads `requirements.lock`, which is all that an installation has, and writes CycloneDX 1.6 (JSON) to standard
output. Usage: .ci/sbom.py > sbom.json
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PINNED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^ ;\\]+)")
CHECKSUM = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(lock: str) -> list[dict[str, Any]]:
    """Return a component for each package of the lock, in its order."""
    found: list[dict[str, Any]] = []
    for line in lock.splitlines():
        if pinned := PINNED.match(line):
            name, version = pinned["name"], pinned["version"]
            purl = f"pkg:pypi/{name}@{version}"
            found.append(
                {
                    "type": "library",
                    "bom-ref": purl,
                    "name": name,
                    "version": version,
                    "purl": purl,
                    "hashes": [],
                }
            )
        elif checksum := CHECKSUM.search(line):
            found[-1]["hashes"].append({"alg": "SHA-256", "content": checksum[1]})
    return found


def document(lock: str) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "munjigi", "name": "munjigi"}},
        "components": components(lock),
    }


def main() -> int:
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    lock = (ROOT / "requirements.lock").read_text()
    sys.stdout.write(json.dumps(document(lock), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
