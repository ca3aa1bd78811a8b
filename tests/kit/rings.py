"""Mark the tests that start processes. `make test` leaves them out, `make test-all` runs them too.

A test gets the mark `servers` automatically if one of its fixtures starts a process. A test that
starts a process itself needs `@pytest.mark.servers`, and fails without it.
"""

import sys
from collections.abc import Callable, Iterable

import pytest

OUTER = ("servers", "e2e", "sweep", "cluster", "gallery")
_running: list[pytest.Item] = []


def starts_processes(fixture: Callable) -> Callable:
    """Declare that this fixture starts processes. Put this below `@pytest.fixture`."""
    fixture.starts_processes = True
    return fixture


def mark(items: Iterable[pytest.Item]) -> None:
    """Mark the tests whose fixtures start processes."""
    for item in items:
        definitions = item._fixtureinfo.name2fixturedefs.values()
        if any(hasattr(each.func, "starts_processes") for each, *_ in map(reversed, definitions)):
            item.add_marker("servers")


def enter(item: pytest.Item) -> None:
    """Remember the test that runs now."""
    _running[:] = [item]


def leave() -> None:
    _running.clear()


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "subprocess.Popen" and _running:
        [item] = _running
        if not any(item.get_closest_marker(name) for name in OUTER):
            pytest.fail(f"starts a process without `@pytest.mark.servers`: {arguments[1]}")


sys.addaudithook(_watch)
