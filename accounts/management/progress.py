"""Show how far a command has come: a line that a terminal overwrites, and nothing in a log."""

from django.core.management.base import OutputWrapper

WIDTH = 30


class Bar:
    """A progress bar on a terminal. `total` may be 0."""

    def __init__(self, out: OutputWrapper, name: str, total: int) -> None:
        self._out, self._name, self._total = out, name, total

    def show(self, done: int) -> None:
        if not self._out.isatty():
            return
        share = min(1.0, done / self._total) if self._total else 1.0
        bar = ("#" * round(share * WIDTH)).ljust(WIDTH, "·")
        self._out.write(f"\r{self._name:<40} {bar} {done}/{self._total}", ending="")
        self._out.flush()

    def end(self) -> None:
        """Clear the line."""
        if self._out.isatty():
            self._out.write("\r\x1b[K", ending="")
