"""How the tests see the running site."""

from tests.kit.served import Site

__all__ = ["PAGE_MILLISECONDS", "Site"]

PAGE_MILLISECONDS = 20_000
