"""A clock for what depends on ages."""

from collections.abc import Iterator

import pytest
import time_machine

from tests.kit.refreshes import NOW


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until it is moved."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller
