"""Plan the tokens for each app's `seed` program: their number and their files.

Each round has its own file of refresh tokens, because a refresh token is used once. The first
file is for the warm-up.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bench.loads import Load

PASSWORD = "correct horse battery"  # noqa: S105 - of all users of the bench
"""The password of all users."""


@dataclass(frozen=True)
class Plan:
    """The directory of the token files, and the numbers of users, files and tokens.

    Every file has one token a line. A file of tokens for one use exists once for each round, and once
    with one token, for a request before the rounds.
    """

    directory: Path
    users: int
    files: int
    refreshes: int
    """Refresh tokens of a round."""
    sign_outs: int = 0
    """Sign-ins to end in a round."""

    @classmethod
    def from_arguments(cls) -> "Plan":
        parser = argparse.ArgumentParser()
        parser.add_argument("directory", type=Path)
        for name in ("users", "files", "refreshes", "sign_outs"):
            parser.add_argument(name, type=int)
        return cls(**vars(parser.parse_args()))

    @property
    def arguments(self) -> list[str]:
        numbers = [self.users, self.files, self.refreshes, self.sign_outs]
        return [str(self.directory), *map(str, numbers)]

    def total(self, name: str) -> int:
        """Return the number of tokens in all files of this name: `refresh` or `sign-out`."""
        return self.files * self._of_a_file(name) + 1

    def file_for(self, load: Load, number: int) -> Path:
        return self.directory / (f"{load.tokens}-{number}" if load.is_once else load.tokens)

    def first(self, load: Load) -> str:
        """Return the token for a request before the rounds."""
        name = f"{load.tokens}-single" if load.is_once else load.tokens
        with (self.directory / name).open() as lines:
            return lines.readline().rstrip("\n")

    def write(self, name: str, tokens: Iterable[str]) -> None:
        (self.directory / name).write_text("\n".join(tokens))

    def write_once(self, name: str, tokens: Iterable[str]) -> None:
        source = iter(tokens)
        self.write(f"{name}-single", islice(source, 1))
        for number in range(self.files):
            self.write(f"{name}-{number}", islice(source, self._of_a_file(name)))

    def _of_a_file(self, name: str) -> int:
        return {"refresh": self.refreshes, "sign-out": self.sign_outs}[name]

    def report(self, **facts: int | list[str]) -> None:
        (self.directory / "facts.json").write_text(json.dumps(facts))

    def facts(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = json.loads((self.directory / "facts.json").read_text())
        return found


def count_statements(path: str, refresh_token: str) -> list[str]:
    """Return the SQL statements of one refresh, in order."""
    from django.db import connection  # noqa: PLC0415 - the parent process has no settings
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    client = Client(SERVER_NAME="127.0.0.1")
    with CaptureQueriesContext(connection) as captured:
        response = client.post(path, {"refresh": refresh_token}, content_type="application/json")
    if response.status_code != 200:  # noqa: PLR2004
        message = f"{path} answered {response.status_code}"
        raise RuntimeError(message)
    return [query["sql"] for query in captured.captured_queries]
