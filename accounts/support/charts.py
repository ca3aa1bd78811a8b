"""Lay out the bars of charts. The templates write them as SVG, without styles of their own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

HEIGHT = 100
STEP, GAP = 10, 2


@dataclass(frozen=True)
class Bar:
    """A value with its label. `x`, `y`, `width` and `height` are in the units of the `viewBox`."""

    label: Any
    number: int
    x: int
    y: str
    width: int
    height: str
    url: str = ""


@dataclass(frozen=True)
class Chart:
    """Bars side by side, the oldest first."""

    name: str
    title: Any
    bars: list[Bar]
    total: int
    highest: int

    @property
    def view_box(self) -> str:
        return f"0 0 {STEP * len(self.bars)} {HEIGHT}"


@dataclass(frozen=True)
class Share:
    """A part of a whole. `width` is its percentage, as SVG takes it."""

    label: Any
    number: int
    percent: int
    width: str
    url: str = ""


def columns(name: str, title: Any, values: Sequence[tuple[Any, int]]) -> Chart:
    numbers = [number for _label, number in values]
    highest = max(numbers, default=0)
    bars = []
    for place, (label, number) in enumerate(values):
        height = HEIGHT * number / highest if highest else 0.0
        # A small number beside a great one still needs a visible bar.
        height = max(height, 1.5) if number else 0.0
        bars.append(
            Bar(
                label,
                number,
                STEP * place + GAP // 2,
                f"{HEIGHT - height:.2f}",
                STEP - GAP,
                f"{height:.2f}",
            )
        )
    return Chart(name, title, bars, sum(numbers), highest)


def shares(values: Iterable[tuple[Any, int, str]], *, whole: int) -> list[Share]:
    """Return the parts, the largest first. `whole` is the number that is 100 %."""
    ordered = sorted(values, key=lambda each: -each[1])
    return [
        Share(label, number, percent(number, whole), f"{100 * number / (whole or 1):.1f}%", url)
        for label, number, url in ordered
    ]


def percent(number: int, whole: int) -> int:
    """Return the percentage, rounded down, so that only all of them are 100 %."""
    return 100 * number // whole if whole else 0
