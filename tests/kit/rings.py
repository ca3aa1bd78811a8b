"""Mark the tests that start processes. `make test` leaves them out, `make test-all` runs them too.

A test gets the mark `servers` automatically if one of its fixtures starts a process. A test that
starts a process itself needs `@pytest.mark.servers`, and fails without it.

`make test` runs one case of such a quick test, and no test that is marked `slow`. `make test-all` runs
those, too, and `CASES` cases of each test: the further ones get the mark `slow`. The ring `sweep` runs
all other cases.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable

import pytest

OUTER = ("servers", "e2e", "sweep", "cluster", "gallery")
CASES = 2
_running: list[pytest.Item] = []


def starts_processes(fixture: Callable) -> Callable:
    """Declare that this fixture starts processes. Put this below `@pytest.fixture`."""
    fixture.starts_processes = True
    return fixture


def mark(items: Iterable[pytest.Item]) -> None:
    """Mark the tests whose fixtures start processes, and all cases of a quick test but the first."""
    quick: dict[object, list[pytest.Item]] = defaultdict(list)
    for item in items:
        definitions = item._fixtureinfo.name2fixturedefs.values()
        if any(hasattr(each.func, "starts_processes") for each, *_ in map(reversed, definitions)):
            item.add_marker("servers")
        if hasattr(item, "callspec") and not any(map(item.get_closest_marker, (*OUTER, "slow"))):
            quick[item.function].append(item)
    for cases in quick.values():
        cases.sort(key=lambda item: sorted(item.callspec.indices.items()))  # they may be shuffled
        sample = {number * len(cases) // CASES for number in range(CASES)}
        for number, item in enumerate(cases):
            if number:
                item.add_marker("slow" if number in sample else "sweep")


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
