"""Format the results: the table of the cells, and each aim beside the measured value."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from bench.cells import CELLS, OURS
from bench.measuring import Sample

Samples = dict[str, list[Sample]]
HEADER = (
    "| cell | req/s median (min-max) | x base | p50 ms | p99 ms | server CPU µs/request | bad |"
)


@dataclass(frozen=True)
class Aim:
    text: str
    reached: float
    aim: float
    is_ceiling: bool = False

    def line(self) -> str:
        good = self.reached <= self.aim if self.is_ceiling else self.reached >= self.aim
        sign = "≤" if self.is_ceiling else "≥"
        verdict = "reached" if good else f"short by {abs(self.reached / self.aim - 1):.0%}"
        return f"| {self.text} | {sign} {self.aim:g} | {self.reached:.3g} | {verdict} |"


def rate(samples: Samples, key: str) -> float:
    return median(one.rate for one in samples[key])


def cpu(samples: Samples, key: str) -> float:
    return median(one.cpu for one in samples[key])


def tail(samples: Samples, key: str) -> float:
    """Return how many times as long as the median the slowest hundredth of the requests takes."""
    return median(one.p99 for one in samples[key]) / median(one.p50 for one in samples[key])


def table(samples: Samples) -> Iterator[str]:
    yield HEADER
    yield "|---|---|---|---|---|---|---|"
    for cell in CELLS:
        all_ = samples[cell.key]
        rates = [one.rate for one in all_]
        bad = sum(one.bad for one in all_)
        columns = [
            cell.name,
            f"{median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})",
            f"{median(rates) / rate(samples, cell.base):.2f}",
            f"{median(one.p50 for one in all_):.2f}",
            f"{median(one.p99 for one in all_):.2f}",
            f"{cpu(samples, cell.key):.0f}",
            f"{bad} INVALID" if bad else "0",
        ]
        yield f"| {' | '.join(columns)} |"


def aims(
    samples: Samples, statements: dict[str, list[str]], memory: dict[str, int]
) -> Iterator[str]:
    yield "| aim | wanted | measured | |"
    yield "|---|---|---|---|"

    def ratio(key: str, base: str) -> float:
        return rate(samples, key) / rate(samples, base)

    for aim in [
        Aim("`/api/verify` x P1 `/me`", ratio("verify", "p1"), 50),
        Aim("`/api/verify` x the bare server", ratio("verify", "bare"), 0.5),
        Aim("`/api/verify` by cookie x P1 `/me`", ratio("verify-session", "p1"), 20),
        Aim("a DRF view without SQL x P1 `/me`", ratio("no-sql", "p1"), 6),
        Aim("`/api/me/` x P1 `/me`", ratio("me", "p1"), 8),
        Aim("refresh x P1 refresh", ratio("refresh", "p1-refresh"), 8),
        Aim("`/api/me/` by cookie x P1 `/session`", ratio("session", "p1-session"), 4),
        Aim("a page by cookie x the same on stock", ratio("page", "stock-page"), 1.5),
        Aim("a login x its hash alone, by CPU", cpu(samples, "hash") / cpu(samples, "login"), 0.9),
        Aim("SQL statements a refresh", len(statements["ours"]), 2, is_ceiling=True),
        Aim("MB for 100,000 revoked sign-ins", memory["growth"] / 1e6, 25, is_ceiling=True),
        *(
            Aim(f"p99 / p50: {cell.name}", tail(samples, cell.key), 5, is_ceiling=True)
            for cell in OURS
        ),
    ]:
        yield aim.line()
    yield ""
    yield "The ratios by CPU instead of req/s: " + ", ".join(
        f"{key} {cpu(samples, base) / cpu(samples, key):.2f}"
        for key, base in [
            ("verify", "p1"),
            ("verify-session", "p1"),
            ("no-sql", "p1"),
            ("me", "p1"),
            ("refresh", "p1-refresh"),
            ("session", "p1-session"),
            ("page", "stock-page"),
        ]
    )
    yield f"P1 spends {len(statements['p1'])} SQL statements on a refresh."
    yield (
        f"An idle worker holds {memory['idle'] / 1e6:.0f} MB. It remembers at most "
        f"{memory['remembered']} verified access tokens: "
        f"{memory['remembered_growth'] / 1e6:.1f} MB when full."
    )
