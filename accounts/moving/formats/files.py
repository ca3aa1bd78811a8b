"""Open a file of people, and limit the length of its lines."""

import codecs
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from accounts.moving.errors import FileError, RefusedError

MAX_ROW = 1024 * 1024
"""Characters of one row. A longer one is refused without being kept in memory."""
BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
TOO_LONG = RefusedError("too_long", f"The row has more than {MAX_ROW} characters.")

_BROKEN = re.compile("[\x00\ufffd\ud800-\udfff]")


@dataclass(frozen=True)
class Row:
    """One row of a file: its number from 1, and its content or the reason why it has none."""

    number: int
    content: dict[str, Any] | RefusedError


@contextmanager
def opened(path: str, *, encoding: str = "utf-8") -> Iterator[TextIO]:
    """Context manager: the file as text; `-` is the standard input.

    A byte order mark decides about the encoding. Bytes that don't fit become U+FFFD, and `clean` refuses
    the rows that have one. Raises `FileError`.
    """
    try:
        "".encode(encoding, errors="replace")
        raw = sys.stdin.buffer if path == "-" else Path(path).open("rb")  # noqa: SIM115 - closed below
    except OSError as exc:
        raise FileError(f"{path}: {exc.strerror}") from exc
    except (LookupError, ValueError) as exc:
        raise FileError(f"{encoding} is no encoding. Write utf-8, utf-16 or cp949.") from exc
    try:
        yield _decoded(raw, encoding)
    except OSError as exc:
        raise FileError(f"{path}: {exc.strerror}") from exc
    except UnicodeError as exc:  # UTF-16 without its mark: no character becomes U+FFFD
        raise FileError(f"{path}: this file is not {encoding}. Check --encoding.") from exc
    finally:
        if path != "-":
            raw.close()


def _decoded(raw: BinaryIO, encoding: str) -> TextIO:
    buffered = cast("io.BufferedReader", raw)
    start = buffered.peek(3)
    found = next((name for bom, name in BOMS.items() if start.startswith(bom)), encoding)
    return io.TextIOWrapper(buffered, encoding=found, errors="replace", newline="")


def lines(file: TextIO) -> Iterator[tuple[int, str | None]]:
    """Yield the number and the text of each line; None instead of a text of more than `MAX_ROW`."""
    number = 0
    while line := file.readline(MAX_ROW + 1):
        number += 1
        if len(line) <= MAX_ROW:
            yield number, line
            continue
        while not line.endswith(("\n", "\r")) and (line := file.readline(MAX_ROW)):
            pass
        yield number, None


def clean(text: str) -> str:
    """Return the text. Raises `RefusedError` if a character of it is NUL or can't be read."""
    if _BROKEN.search(text):
        raise RefusedError(
            "bad_encoding",
            "A character can't be read. Is the file UTF-8? If not, say so with --encoding.",
        )
    return text
