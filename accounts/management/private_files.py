"""Open files that commands write. Only their owner may read them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import CommandError, OutputWrapper


@contextmanager
def opened(path: str, stdout: OutputWrapper, *, mode: str = "w") -> Iterator[TextIO]:
    """Context manager: the file to write; `-` is the standard output. Raises `CommandError`.

    With the mode `x`, a file that was not written to its end is removed again: nobody takes a part for
    the whole, and the same command can run again.
    """
    if path == "-":
        with _named_failures("standard output"):
            yield _plain(stdout)
            stdout.flush()
        return
    with _named_failures(path):
        file: TextIO = open(path, mode, encoding="utf-8", opener=_private)  # type: ignore[assignment]  # noqa: SIM115 - text
    try:
        with _named_failures(path), file:
            yield file
    except BaseException:
        if mode == "x":
            Path(path).unlink()
        raise


@contextmanager
def _named_failures(path: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as exc:
        # The reader, such as `head`, has enough. At its end Python would write again, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise CommandError(f"{path}: {exc.strerror}") from exc
    except OSError as exc:
        raise CommandError(f"{path}: {exc.strerror}") from exc


def _plain(stdout: OutputWrapper) -> Any:
    return stdout._out  # noqa: SLF001 - Django's wrapper adds a line end to each piece


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
