"""The two rings of tests: `make test` runs what starts no process, `make test-all` the rest, too.

A test that uses a fixture which starts a process gets the mark `servers` by itself. A test that
starts one on its own says `@pytest.mark.servers`. One that does neither fails as it starts it.
"""

import sys
from collections.abc import Callable, Iterable

import pytest

OUTER = ("servers", "e2e", "sweep", "cluster", "gallery")
_running: list[pytest.Item] = []


def starts_processes(fixture: Callable) -> Callable:
    """Say of a fixture function that it starts processes: put this below `@pytest.fixture`."""
    fixture.starts_processes = True
    return fixture


def mark(items: Iterable[pytest.Item]) -> None:
    """Mark the tests whose fixtures start processes."""
    for item in items:
        definitions = item._fixtureinfo.name2fixturedefs.values()
        if any(hasattr(each.func, "starts_processes") for each, *_ in map(reversed, definitions)):
            item.add_marker("servers")


def enter(item: pytest.Item) -> None:
    """Note which test runs."""
    _running[:] = [item]


def leave() -> None:
    _running.clear()


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "subprocess.Popen" and _running:
        [item] = _running
        if not any(item.get_closest_marker(name) for name in OUTER):
            pytest.fail(f"starts a process without `@pytest.mark.servers`: {arguments[1]}")


sys.addaudithook(_watch)
