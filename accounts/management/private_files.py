"""Open files that commands write. Only their owner may read them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from django.core.management.base import CommandError, OutputWrapper


@contextmanager
def opened(path: str, stdout: OutputWrapper, *, mode: str = "w") -> Iterator[TextIO]:
    """Context manager: the file to write; `-` is the standard output. Raises `CommandError`."""
    if path == "-":
        yield _plain(stdout)
        return
    try:
        file: TextIO = open(path, mode, encoding="utf-8", opener=_private)  # type: ignore[assignment]  # noqa: SIM115 - text
    except OSError as exc:
        raise CommandError(f"{path}: {exc.strerror}") from exc
    with file:
        yield file


def _plain(stdout: OutputWrapper) -> Any:
    return stdout._out  # noqa: SLF001 - Django's wrapper adds a line end to each piece


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
