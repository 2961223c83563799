"""What of units' metrics is hidden from those who may not see small cells (RULES U17).

Scores, which are shrunk and rounded, and facts of units are shown to everybody. Counts of fewer than five persons (on
the average, where month ends are added up) are hidden with their complements, and so is what would tell them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from casework.domain.measured import UnitMetric

SIZE, COVERAGE = "size", "coverage"
"""The names under which a unit's size and its need coverage are hidden, beside the codes of its indicators."""

_TELLS = {"SCH1": "SCH3"}
"""What is hidden, and the indicator whose denominator would tell its numerator."""

_MONTHS = 12

Sides = Mapping[int, Fraction]
"""By row of a table: the smaller of a cell and its complement, in persons."""


def hidden_cells(rows: Sequence[UnitMetric], small_n: int) -> list[frozenset[str]]:
    """Say what is hidden of each unit in a table of one kind: codes of indicators, ``size`` and ``coverage``.

    The table's sum is known (rates are shrunk to it), and so are those of the divisions above. So where exactly one
    unit of the table, or of the divisions under one, has a cell hidden, the next smallest there is hidden too.
    """
    hides: list[set[str]] = [set() for _ in rows]
    groups = list(_groups(rows))
    for code, sides in _columns(rows).items():
        for place in _hidden(sides, groups, small_n):
            hides[place].update((code, _TELLS.get(code, code)))
    return [frozenset(hide) for hide in hides]


def _groups(rows: Sequence[UnitMetric]) -> Iterable[list[int]]:
    """The rows that add up to something known: all, and the divisions under each."""
    yield list(range(len(rows)))
    for above in sorted({row.above for row in rows if row.levels and row.above}):
        yield [place for place, row in enumerate(rows) if row.above == above]


def _columns(rows: Sequence[UnitMetric]) -> dict[str, dict[int, Fraction]]:
    """The columns of the table; who is not counted in one (not applicable, nobody) has no cell to hide."""
    columns: dict[str, dict[int, Fraction]] = {}
    for place, row in enumerate(rows):
        for code, rate in row.indicators.items():
            columns.setdefault(code, {})[place] = min(rate.met, rate.n - rate.met)
        if row.coverage and row.coverage.den:
            num, den = row.coverage
            columns.setdefault(COVERAGE, {})[place] = Fraction(min(num, den - num), _MONTHS)
        if row.size:
            columns.setdefault(SIZE, {})[place] = row.size
    return columns


def _hidden(sides: Sides, groups: Iterable[list[int]], small_n: int) -> set[int]:
    """The rows whose cell is small, and those that protect one which would be hidden alone, until none is."""
    hides = {place for place, side in sides.items() if side < small_n}
    before = -1
    while len(hides) > before:
        before = len(hides)
        for group in groups:
            shown = [place for place in group if place in sides and place not in hides]
            if shown and len(hides.intersection(group)) == 1:
                hides.add(min(shown, key=lambda place: sides[place]))
    return hides
