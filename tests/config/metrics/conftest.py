from collections.abc import Iterator

import pytest

from accounts import metrics
from accounts.audit import trail
from config.metrics import recording

Notes = list[tuple[str, tuple[str, ...], float]]


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notes]:
    """Listen to all metrics. Returns the list of what was noted: name, labels and amount."""
    heard: Notes = []
    for metric in metrics.ALL:
        monkeypatch.setattr(
            metric,
            "listener",
            lambda labels, amount, name=metric.name: heard.append((name, labels, amount)),
        )
    monkeypatch.setattr(trail, "_listeners", [recording._count])
    return heard
