"""Read CSV with a line of column names. Commas, semicolons and tabs may separate the columns."""

import csv
from collections.abc import Iterator
from typing import Any, TextIO

from accounts.moving.errors import FileError, RefusedError
from accounts.moving.formats.files import MAX_ROW, TOO_LONG, Row, lines

SEPARATORS = ",;\t"


def rows(file: TextIO, *, needed: set[str]) -> Iterator[Row]:
    """Yield each line as an object with the column names, in lower case. An empty cell is ''.

    Raises `FileError` if a needed column is missing, or a name is there twice.
    """
    numbered = lines(file)
    _number, header = next(numbered, (0, None))
    if header is None:
        raise FileError("The file is empty, or its first line is too long.")
    separator = max(SEPARATORS, key=header.count)
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=separator), [])]
    if missing := sorted(needed - set(names)):
        raise FileError(f"The first line must name the columns. Missing: {', '.join(missing)}.")
    if repeated := sorted({name for name in names if name and names.count(name) > 1}):
        raise FileError(f"The first line names a column twice: {', '.join(repeated)}.")
    feed = _Feed(numbered)
    reader = csv.reader(feed, delimiter=separator, strict=True)
    while True:
        feed.begin_row()
        try:
            cells = next(reader, None)
        except csv.Error as exc:
            yield Row(feed.number, RefusedError("bad_csv", f"The row is no valid CSV: {exc}."))
            continue
        if cells is None:
            return
        if feed.is_too_long:
            yield Row(feed.number, TOO_LONG)
        elif any(cells):
            yield Row(feed.number, _content(names, cells))


class _Feed:
    """The lines for the reader, and the number of the last one. A row may have several, in quotes."""

    def __init__(self, numbered: Iterator[tuple[int, str | None]]) -> None:
        self._numbered = numbered
        self.number = 1
        self.begin_row()

    def begin_row(self) -> None:
        self._size = 0
        self.is_too_long = False

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        self.number, line = next(self._numbered)
        self._size += len(line or "")
        if self._size > MAX_ROW:
            raise csv.Error(f"more than {MAX_ROW} characters")
        self.is_too_long |= line is None
        return line or "\n"


def _content(names: list[str], cells: list[str]) -> dict[str, Any] | RefusedError:
    if len(cells) != len(names):
        return RefusedError("bad_csv", f"The row has {len(cells)} cells, not {len(names)}.")
    return dict(zip(names, cells, strict=True))
