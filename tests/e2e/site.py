"""Describe the running site."""

from dataclasses import dataclass

PAGE_MILLISECONDS = 20_000


@dataclass(frozen=True)
class Site:
    """The addresses of the running site and of the demo frontend, and the demo accounts by role."""

    url: str
    frontend: str
    accounts: dict[str, dict[str, str]]
