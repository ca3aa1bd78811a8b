"""Read JSON lines: one object in each line."""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from accounts.moving.errors import FileError, RefusedError
from accounts.moving.formats.files import TOO_LONG, Row, lines


def rows(file: TextIO) -> Iterator[Row]:
    """Yield the object of each line that isn't blank. Raises `FileError` if there is none."""
    is_empty = True
    for number, line in lines(file):
        if line is None:
            yield Row(number, TOO_LONG)
        elif line.strip():
            yield Row(number, _object(line))
        else:
            continue
        is_empty = False
    if is_empty:
        raise FileError("The file is empty.")


def _object(line: str) -> dict[str, Any] | RefusedError:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return RefusedError("bad_json", "The line is no valid JSON, or its end is missing.")
    if not isinstance(value, dict):
        return RefusedError("not_an_object", "The line is no JSON object.")
    return value
