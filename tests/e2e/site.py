"""Describe the running site."""

from collections.abc import Callable
from dataclasses import dataclass

PAGE_MILLISECONDS = 20_000


@dataclass(frozen=True)
class Site:
    """The addresses of the running site and of the demo frontend, the demo accounts by role, and a shell."""

    url: str
    frontend: str
    accounts: dict[str, dict[str, str]]
    run: Callable[[str], object]
    """Run this Python code in the site's `manage.py shell`."""
