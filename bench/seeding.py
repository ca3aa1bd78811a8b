"""Plan the tokens for both apps' `seed` programs: their number and their files.

Each round has its own file of refresh tokens, because a refresh token is used once. The first
file is for the warm-up.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """The directory of the token files, and the numbers of users, files and tokens."""

    directory: Path
    users: int
    files: int
    tokens_per_file: int

    @classmethod
    def from_arguments(cls) -> "Plan":
        parser = argparse.ArgumentParser()
        parser.add_argument("directory", type=Path)
        for name in ("users", "files", "tokens_per_file"):
            parser.add_argument(name, type=int)
        return cls(**vars(parser.parse_args()))

    @property
    def arguments(self) -> list[str]:
        numbers = [self.users, self.files, self.tokens_per_file]
        return [str(self.directory), *map(str, numbers)]

    @property
    def refreshes(self) -> int:
        """Return the number of refresh tokens: all files, and one to count its SQL statements."""
        return self.files * self.tokens_per_file + 1

    def access_file(self) -> Path:
        return self.directory / "access"

    def refresh_file(self, number: int) -> Path:
        return self.directory / f"refresh-{number}"

    def session_file(self) -> Path:
        return self.directory / "sessions"

    def file_for(self, carrier: str, number: int) -> Path:
        """Return the file of tokens for this carrier (see `bench.cells.Cell`) and round."""
        if carrier == "refresh":
            return self.refresh_file(number)
        return self.access_file() if carrier == "bearer" else self.session_file()

    def write_sessions(self, keys: Iterable[str]) -> None:
        self.session_file().write_text("\n".join(keys))

    def write_access(self, tokens: list[str]) -> None:
        self.access_file().write_text("\n".join(tokens))

    def write_refresh(self, tokens: Iterable[str]) -> None:
        source = iter(tokens)
        (self.directory / "refresh-single").write_text(next(source))
        for number in range(self.files):
            self.refresh_file(number).write_text("\n".join(islice(source, self.tokens_per_file)))

    def first_refresh(self) -> str:
        return (self.directory / "refresh-single").read_text()

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
