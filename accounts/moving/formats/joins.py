"""Join rows of one file that belong to one person, in a temporary file instead of memory.

SQLite deletes the file from its folder at once, so nothing of it stays after a crash.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from accounts.moving.errors import RefusedError
from accounts.moving.formats.files import Row

PARTS = "parts"
"""The member of a joined row that has its other rows, by their kind."""


class Joins:
    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add_person(self, key: str, row: int, content: dict[str, Any]) -> None:
        """Keep the main row of one person."""
        self._database.execute(
            "INSERT INTO people VALUES (?, ?, ?)", (row, key, json.dumps(content))
        )

    def add_part(self, key: str, row: int, kind: str, content: dict[str, Any]) -> None:
        """Keep another row of the person with this key."""
        self._database.execute(
            "INSERT INTO parts VALUES (?, ?, ?, ?)", (row, key, kind, json.dumps(content))
        )

    def rows(self) -> Iterator[Row]:
        """Yield the main rows with their parts, and a refused row for each part without a main row."""
        self._database.execute("CREATE INDEX part_key ON parts (key)")
        self._database.execute("CREATE INDEX person_key ON people (key)")
        people = self._database.execute("SELECT row, key, content FROM people ORDER BY row")
        for number, key, content in people:
            parts: dict[str, list[dict[str, Any]]] = {}
            found = "SELECT kind, content FROM parts WHERE key = ? ORDER BY row"
            for kind, part in self._database.execute(found, (key,)):
                parts.setdefault(kind, []).append(json.loads(part))
            yield Row(number, json.loads(content) | {PARTS: parts})
        orphans = "SELECT row, kind FROM parts WHERE key NOT IN (SELECT key FROM people)"
        for number, kind in self._database.execute(orphans):
            yield Row(
                number, RefusedError("no_user", f"The user of this {kind} isn't in the file.")
            )


class Seen:
    """The values that a file has had so far. They may be more than memory holds."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(self, kind: str, value: str) -> bool:
        """Note this value. Returns False if it was noted before."""
        added = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (kind, value))
        return added.rowcount > 0


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    """Context manager: a temporary database, for `Joins` and `Seen`."""
    connection = sqlite3.connect("", isolation_level=None)
    try:
        connection.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE people (row INTEGER, key TEXT, content TEXT);"
            "CREATE TABLE parts (row INTEGER, key TEXT, kind TEXT, content TEXT);"
            "CREATE TABLE seen (kind TEXT, value TEXT, PRIMARY KEY (kind, value)) WITHOUT ROWID;"
        )
        yield connection
    finally:
        connection.close()
