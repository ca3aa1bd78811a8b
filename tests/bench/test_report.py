"""Test the first table: its figures, and each aim beside the measured value."""

import pytest

from bench import cells, report
from bench.measuring import Sample
from bench.report import Aim

FIGURES = {
    # key: requests per second, p50, p99, CPU
    "p1": (100, 10, 20, 1000),
    "verify": (4000, 0.5, 2.5, 30),
    "bare": (8000, 0.2, 1, 15),
    "page": (150, 100, 600, 6000),
    "stock-page": (100, 150, 300, 9000),
    "hash": (50, 80, 90, 18000),
    "login": (40, 100, 110, 20000),
}
STATEMENTS = {"ours": ["UPDATE"], "p1": ["SELECT"] * 13}
MEMORY = {
    "idle": 118_000_000,
    "growth": 12_000_000,
    "remembered": 4096,
    "remembered_growth": 9_800_000,
}


def samples():
    """Return three samples of each cell. Only the median of them has the cell's figures."""
    found = {}
    for cell in cells.CELLS:
        rate, p50, p99, cpu = FIGURES.get(cell.key, (100, 10, 20, 1000))
        found[cell.key] = [
            Sample(rate * part, p50 * part, p99 * part, cpu * part, bad=0)
            for part in (0.5, 1, 1.75)
        ]
    return found


@pytest.mark.parametrize(
    "line",
    [
        "| `/api/verify` x P1 `/me` | ≥ 50 | 40 | short by 20% |",
        "| `/api/verify` x the bare server | ≥ 0.5 | 0.5 | reached |",
        "| a page by cookie x the same on stock | ≥ 1.5 | 1.5 | reached |",
        "| a login x its hash alone, by CPU | ≥ 0.9 | 0.9 | reached |",
        "| SQL statements a refresh | ≤ 2 | 1 | reached |",
        "| p99 / p50: ours `GET /api/verify`, Bearer | ≤ 5 | 5 | reached |",
        "| p99 / p50: ours `GET /accounts/`, a page, session cookie | ≤ 5 | 6 | short by 20% |",
    ],
)
def test_each_aim_has_a_line(line):
    assert line in list(report.aims(samples(), STATEMENTS, MEMORY))


def test_each_of_our_rows_has_an_aim_for_its_tail():
    lines = list(report.aims(samples(), STATEMENTS, MEMORY))

    tails = [line.split("|")[1].strip() for line in lines if "p99 / p50" in line]
    assert tails == [f"p99 / p50: {cell.name}" for cell in cells.CELLS if cell.server == "ours"]


def test_a_row_has_medians_and_its_base():
    lines = list(report.table(samples()))

    assert (
        "| ours `POST /api/token/`, password | 40 (20-70) | 0.80 | 100.00 | 110.00 | 20000 | 0 |"
        in lines
    )


def test_a_cell_with_errors_is_invalid():
    found = samples()
    found["page"][0] = Sample(rate=75, p50=1, p99=2, cpu=3, bad=7)

    (line,) = [line for line in report.table(found) if "GET /accounts/" in line]
    assert line.endswith("| 7 INVALID |")


@pytest.mark.parametrize(
    ("reached", "is_ceiling", "verdict"),
    [
        (2, False, "reached"),
        (1.5, False, "short by 25%"),
        (2, True, "reached"),
        (2.5, True, "short by 25%"),
    ],
)
def test_an_aim_is_a_floor_or_a_ceiling(reached, is_ceiling, verdict):
    assert Aim("x", reached, 2, is_ceiling=is_ceiling).line().endswith(f"| {verdict} |")
