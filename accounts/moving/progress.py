"""Show how far a long command is: one line that changes on a terminal, else a line now and then."""

import sys
import time
from typing import TextIO

EVERY = 10_000
"""Rows between two lines, if no terminal shows them."""


class Progress:
    """Call with the number of rows so far. Writes to the standard error output."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._began = time.monotonic()
        self._shown = 0

    def __call__(self, rows: int) -> None:
        rate = rows / max(time.monotonic() - self._began, 0.001)
        if self._is_terminal:
            self._stream.write(f"\r… {rows:,} rows, {rate:,.0f}/s ")
            self._stream.flush()
        elif rows // EVERY > self._shown:
            self._shown = rows // EVERY
            self._stream.write(f"… {rows:,} rows, {rate:,.0f}/s\n")

    def end(self) -> None:
        if self._is_terminal:
            self._stream.write("\n")
