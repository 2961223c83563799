"""What a measurement says, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

screen = Console()
aside = Console(stderr=True)


class Figure(NamedTuple):
    """One line of the result; ``ratio`` says how many times better ours is."""

    name: str
    ours: float
    theirs: float
    unit: str
    ratio: float


def of_rates(name: str, ours: Sequence[float], theirs: Sequence[float], unit: str) -> Figure:
    """Return the medians of interleaved rounds, and the median of the rounds' ratios: load from elsewhere cancels."""
    ratio = median(mine / other for mine, other in zip(ours, theirs, strict=True))
    return Figure(name, round(median(ours)), round(median(theirs)), unit, round(ratio, 2))


def of_times(name: str, ours: Sequence[float], theirs: Sequence[float], unit: str) -> Figure:
    """Return the same of what is better the shorter it is: times, costs."""
    ratio = median(other / mine for mine, other in zip(ours, theirs, strict=True))
    return Figure(name, round(median(ours), 2), round(median(theirs), 2), unit, round(ratio, 2))


def show(figures: Iterable[Figure], *, as_json: bool) -> None:
    """Print a line of JSON for each figure as soon as it is known, or in the end a table for people."""
    if as_json:
        for figure in figures:
            print(msgspec.json.encode(figure._asdict()).decode(), flush=True)
        return
    table = Table("what", "unit")
    for heading in ("ours", "theirs", "times better"):
        table.add_column(heading, justify="right")
    for name, ours, theirs, unit, ratio in figures:
        digits = 0 if min(ours, theirs) >= 100 else 1
        table.add_row(name, unit, f"{ours:,.{digits}f}", f"{theirs:,.{digits}f}", f"{ratio:.2f}")
    screen.print(table)
