"""Format the second table: all figures by row, and how many times as fast as each peer ours is."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from statistics import median

from bench.measuring import Sample
from bench.peers.catalogue import ROWS

NOT_OFFERED = "-"
BASES = {"kept": "refresh"}
"""Rows that ours does not offer, and our row that does the same work for a client."""


@dataclass
class Column:
    """One app: its samples by row, or why it has none."""

    name: str
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """Rows whose first answer was wrong, with the reason."""
    absent: str = ""
    """Why the whole app was not measured."""

    def errors(self, row: str) -> str:
        """Return why the row has no figure, or ''."""
        if row in self.failed:
            return self.failed[row]
        samples = self.samples.get(row, [])
        bad, all_ = sum(one.bad for one in samples), sum(one.requests for one in samples)
        if samples and not all_:
            return "no answer"
        return f"{bad} of {all_} answers were errors" if bad else ""

    def rate(self, row: str) -> float | None:
        if self.errors(row) or row not in self.samples:
            return None
        return median(one.rate for one in self.samples[row])

    def cpu(self, row: str) -> float:
        return median(one.cpu for one in self.samples[row])


def lines(columns: list[Column], rows: Collection[str] = ROWS) -> Iterator[str]:
    """Yield both views of the table, then what failed. The first column is ours."""
    yield from figures(columns)
    yield ""
    yield from ratios(columns, rows)
    yield ""
    yield from failures(columns)


def figures(columns: list[Column]) -> Iterator[str]:
    yield "| | app | req/s median (min-max) | p50 ms | p99 ms | server CPU µs/request |"
    yield "|---|---|---|---|---|---|"
    for row, text in ROWS.items():
        for column in columns:
            if column.absent or not (row in column.samples or row in column.failed):
                continue
            yield f"| {text} | {column.name} | {' | '.join(_figures(column, row))} |"


def _figures(column: Column, row: str) -> list[str]:
    if column.rate(row) is None:
        return ["failed", NOT_OFFERED, NOT_OFFERED, NOT_OFFERED]
    samples = column.samples[row]
    rates = [one.rate for one in samples]
    return [
        f"{median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})",
        f"{median(one.p50 for one in samples):.2f}",
        f"{median(one.p99 for one in samples):.2f}",
        f"{column.cpu(row):.0f}",
    ]


def ratios(columns: list[Column], rows: Collection[str] = ROWS) -> Iterator[str]:
    """Yield ours divided by each peer in these rows: requests per second and, in brackets, CPU."""
    ours, *peers = columns
    yield f"| ours ÷ peer | {' | '.join(one.name for one in peers)} |"
    yield "|---" * (len(peers) + 1) + "|"
    for row, text in ROWS.items():
        if row in rows:
            yield f"| {text} | {' | '.join(_ratio(ours, one, row) for one in peers)} |"


def _ratio(ours: Column, peer: Column, row: str) -> str:
    if peer.absent:
        return "not measured"
    if row not in peer.samples and row not in peer.failed:
        return NOT_OFFERED
    base = row if row in ours.samples else BASES.get(row, row)
    mine, theirs = ours.rate(base), peer.rate(row)
    if mine is None or theirs is None:
        return "failed"
    cpu = f" ({peer.cpu(row) / ours.cpu(base):.2f})" if ours.cpu(base) else ""
    return f"{mine / theirs:.2f}{cpu}{' **behind**' if mine < theirs else ''}"


def failures(columns: list[Column]) -> Iterator[str]:
    for column in columns:
        if column.absent:
            yield f"{column.name} was not measured: {column.absent}"
        for row, text in ROWS.items():
            if error := column.errors(row):
                yield f"{column.name}, {text}: failed, {error}"
