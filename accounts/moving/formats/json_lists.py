"""Read the objects of a list inside a JSON file of any size, one at a time.

The file may have several documents, one after the other, as `cat part-*.json` makes it.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from accounts.moving.errors import FileError, RefusedError
from accounts.moving.formats.files import MAX_ROW, TOO_LONG, Row

CHUNK = 64 * 1024
NO_JSON = (
    "The file is no valid JSON: a bracket or a comma is missing, after the rows that were read."
)
_SPACE = re.compile(r"[ \t\r\n]*")
_SIGN = re.compile(r'["\[\]{},]')
_SIGN_IN_TEXT = re.compile(r'["\\]')
_decoder = json.JSONDecoder()


def rows(file: TextIO, name: str) -> Iterator[Row]:
    """Yield each element of the list that is the document, or its member `name`.

    Raises `FileError` if the file is empty, is no JSON, has no such list, or ends too early.
    """
    text = _Text(file)
    is_found = False
    number = 0
    while sign := text.peek():
        for content in text.elements() if sign == "[" else text.elements_of(name):
            is_found = True
            if content is not None:
                number += 1
                yield Row(number, content)
    if not is_found:
        raise FileError(f"The file has no JSON list, and no list {name!r} in an object.")


class _Text:
    """The part of the file that is in memory, and the place where reading goes on."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._buffer, self._at = file, "", 0
        self._passed = 0

    def peek(self) -> str:
        """Return the next sign that is no space, or '' at the end of the file."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]  # fits always
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._read():
                return ""

    def elements(self) -> Iterator[dict[str, Any] | RefusedError | None]:
        """Yield None when the list begins, then each element. Call when the next sign is `[`."""
        self._at += 1
        yield None
        while (sign := self.peek()) != "]":
            if sign == ",":
                self._at += 1
                continue
            yield self._element(sign)
        self._at += 1

    def elements_of(self, name: str) -> Iterator[dict[str, Any] | RefusedError | None]:
        """Yield as `elements` for the list `name` of an object. Call when the next sign is `{`."""
        self._require("{")
        while (sign := self.peek()) != "}":
            if sign == ",":
                self._at += 1
                continue
            key = self._value() if sign == '"' else None
            self._require(":")
            if key == name and self.peek() == "[":
                yield from self.elements()
            else:
                self._skip()
        self._at += 1

    def _element(self, sign: str) -> dict[str, Any] | RefusedError:
        if not sign:
            raise _truncated()
        if sign == "}":  # a list ends with `]`: where it ends, and what follows, is unknown
            raise FileError(NO_JSON)
        value = self._value()
        if isinstance(value, dict | RefusedError):
            return value
        return RefusedError("not_an_object", "The element is no JSON object.")

    def _value(self) -> Any:
        """Return the next value, or a `RefusedError` instead of one that is too long or no JSON."""
        while True:
            try:
                value, end = _decoder.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError):
                # An earlier value that is no JSON may have filled the buffer, so decode before looking.
                if len(self._buffer) - self._at > MAX_ROW or not self._read():
                    break
                continue
            if isinstance(value, int | float) and end == len(self._buffer) and self._read():
                continue  # more digits may follow
            is_too_long = end - self._at > MAX_ROW
            self._at = end
            return TOO_LONG if is_too_long else value
        start = self._passed + self._at
        self._skip()
        if self._passed + self._at - start > MAX_ROW:
            return TOO_LONG
        return RefusedError("bad_json", "The element is no valid JSON.")

    def _skip(self) -> None:
        """Skip one value in constant memory, also one that is no valid JSON."""
        depth, is_text = 0, False
        while True:
            found = (_SIGN_IN_TEXT if is_text else _SIGN).search(self._buffer, self._at)
            if found is None or (found[0] == "\\" and found.end() == len(self._buffer)):
                self._at = found.start() if found else len(self._buffer)
                if not self._read():
                    raise _truncated()
                continue
            self._at = found.end()
            sign = found[0]
            if sign == "\\":
                self._at += 1
            elif sign == '"':
                is_text = not is_text
            elif sign in "[{":
                depth += 1
            elif depth == 0:
                self._at = found.start()
                return
            elif sign in "]}":
                depth -= 1
                if depth == 0:
                    return

    def _require(self, sign: str) -> None:
        found = self.peek()
        if not found:
            raise _truncated()
        if found != sign:
            raise FileError(NO_JSON)
        self._at += 1

    def _read(self) -> bool:
        chunk = self._file.read(CHUNK)
        self._passed += self._at
        self._buffer, self._at = self._buffer[self._at :] + chunk, 0
        return bool(chunk)


def _truncated() -> FileError:
    return FileError("The file ends in the middle: it is truncated.")
