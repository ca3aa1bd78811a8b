"""Start one cluster for all of these tests, and print the table that they fill."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import compare, parts, rows
from tests.cluster.cluster import Cluster
from tests.kit.rings import starts_processes

ROWS: list[rows.Row] = []
NOTES: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the order of the file, which is the order of the table's rows."""
    ours = [item for item in items if item.get_closest_marker("cluster")]
    ours.sort(key=lambda item: item.location[:2])
    items[:] = [item for item in items if item not in ours] + ours


@pytest.fixture(scope="session")
@starts_processes
def cluster() -> Iterator[Cluster]:
    parts.demand()
    with tempfile.TemporaryDirectory(prefix="munjigi-cluster-") as directory:
        cluster = Cluster(Path(directory))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def own(cluster: Cluster) -> Cluster:
    """Return the cluster with the site's own session store."""
    cluster.heal()
    cluster.serve("own")
    return cluster


@pytest.fixture
def stock(cluster: Cluster) -> Cluster:
    """Return the cluster with Django's `cache` engine, on the same Redis."""
    cluster.heal()
    cluster.serve("stock")
    return cluster


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[..., rows.Row]:
    """Run `rows.measure`, and add its row to the table even if the test fails later."""

    def run(cluster: Cluster, name: str, event: Callable[[], object]) -> rows.Row:
        row = rows.measure(cluster, name, event)
        ROWS.append(row)
        return row

    return run


@pytest.fixture
def noted() -> Callable[[str], None]:
    """Return a function that adds a line below the table."""
    return NOTES.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ROWS:
        terminalreporter.section("under load")
        terminalreporter.write_line(rows.table(ROWS))
        for row in ROWS:
            for detail in row.details:
                terminalreporter.write_line(f"{row.name}: {detail}")
        for note in NOTES:
            terminalreporter.write_line(note)
    if compare.ROWS:
        terminalreporter.section("where sessions are, and what a server's death costs")
        terminalreporter.write_line(rows.table(compare.ROWS, compare.HEADINGS))
        for row in compare.ROWS:
            for detail in row.details:
                terminalreporter.write_line(f"{row.name}: {detail}")
