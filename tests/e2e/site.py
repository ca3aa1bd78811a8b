"""The running site as the tests see it."""

from dataclasses import dataclass

PAGE_MILLISECONDS = 20_000


@dataclass(frozen=True)
class Site:
    """Where the running site is, and its demo accounts by role."""

    url: str
    frontend: str
    accounts: dict[str, dict[str, str]]
