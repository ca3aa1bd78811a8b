"""Measure one row of the table: a load, an event during it, and the damage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.cluster.cluster import Cluster

SIGN_INS, SIGN_OUTS = 500, 100
"""The least number of acknowledged ones for each row."""
BEFORE, AFTER = 150, 100
"""Number of sign-ins before and after the event."""


@dataclass(frozen=True)
class Row:
    name: str
    requests: int
    failed: int
    unavailable: int
    stall: float
    sign_ins: int
    lost: int
    sign_outs: int
    undone: int
    wiped: int
    details: tuple[str, ...] = ()

    @property
    def damage(self) -> dict[str, int]:
        """The counts that must be zero."""
        return {name: getattr(self, name) for name in ("failed", "lost", "undone", "wiped")}


NO_DAMAGE = {"failed": 0, "lost": 0, "undone": 0, "wiped": 0}
HEADINGS = {
    "name": "What happens under load",
    "requests": "requests",
    "failed": "failed",
    "unavailable": "clean 503",
    "stall": "longest stall, s",
    "sign_ins": "sign-ins",
    "lost": "lost",
    "sign_outs": "sign-outs",
    "undone": "undone",
    "wiped": "cookies wiped",
}


def measure(cluster: Cluster, name: str, event: Callable[[], object]) -> Row:
    """Measure a row: load, event, count. All processes run again before the count.

    They must be healthy before the next row.
    """
    load = cluster.load()
    try:
        load.wait_for(BEFORE)
        event()
        so_far, _ = load.acknowledged()
        load.wait_for(max(SIGN_INS, so_far + AFTER), SIGN_OUTS)
    finally:
        tally = load.stop()
    cluster.revive()
    lost, undone = cluster.lost_and_undone(tally)
    cluster.heal()
    return Row(
        name=name,
        requests=tally.requests,
        failed=len(tally.failed),
        unavailable=tally.unavailable,
        stall=tally.stall,
        sign_ins=len(tally.sign_ins),
        lost=lost,
        sign_outs=tally.signed_out,
        undone=undone,
        wiped=len(tally.wiped),
        details=tuple(map(str, [*tally.failed, *tally.wiped][:5])),
    )


def table(rows: Sequence[object], headings: dict[str, str] = HEADINGS) -> str:
    """Format each row as one line, with the attributes that `headings` names."""
    lines = [list(headings.values())]
    for row in rows:
        values = [getattr(row, name) for name in headings]
        lines.append([f"{v:.1f}" if isinstance(v, float) else str(v) for v in values])
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
