"""Figures of units: what households' counts add up to, how sure a rate is, and what may be shown (RULES U).

A tally is the sum of households' contributions to a unit. It is kept as one vector of integers, so that adding and
taking away is the same for every count; :class:`Tally` names its parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import NamedTuple

from casework.domain.assessment import Score, band_of
from casework.domain.policy import Policy
from casework.domain.scoring import Ratio, attained, geometric_mean, rounded, weighted_mean

MEASURES = (
    "SCH1", "SCH2", "SCH3", "WRK1", "WRK2", "WRK3", "WRK4", "WRK5", "COM1", "COM2", "COM3", "COM4", "COM5",
    "CIT1", "CIT2", "CIT3", "CIT4", "CIT5", "K03B", "K03D", "NEEDS",
)  # fmt: skip
"""What a unit's counts are of, in the order in which they are stored: the 18 indicators, then what only units count."""

MEASURED_LEVELS = ("school", "workplace", "community", "city")
"""The order in which the levels' weights are stored."""

WILSON_Z = Ratio(1_959_964, 1_000_000)

Counts = tuple[int, ...]
"""A tally as it is stored: households, employees, pupils; known and applicable weight of each level; num, den."""

_WEIGHTS = 3
_NUM = _WEIGHTS + 2 * len(MEASURED_LEVELS)
_DEN = _NUM + len(MEASURES)
WIDTH = _DEN + len(MEASURES)
NOTHING: Counts = (0,) * WIDTH


class Tally(NamedTuple):
    """The parts of a unit's counts; weights by level in the order of ``MEASURED_LEVELS``, counts by measure."""

    households: int
    employees: int
    pupils: int
    known: Counts
    applicable: Counts
    num: Counts
    den: Counts

    @classmethod
    def of(cls, counts: Counts) -> Tally:
        """Name the parts of stored counts."""
        levels = _WEIGHTS + len(MEASURED_LEVELS)
        households, employees, pupils = counts[:_WEIGHTS]
        known, applicable = counts[_WEIGHTS:levels], counts[levels:_NUM]
        return cls(households, employees, pupils, known, applicable, counts[_NUM:_DEN], counts[_DEN:])

    @property
    def counts(self) -> Counts:
        """The same as one vector."""
        numbers = (self.households, self.employees, self.pupils)
        return (*numbers, *self.known, *self.applicable, *self.num, *self.den)

    def rate(self, measure: str) -> Ratio | None:
        """A measure's numerator over its denominator; None where nobody is counted."""
        place = MEASURES.index(measure)
        return Ratio(self.num[place], self.den[place]) if self.den[place] else None


EMPTY = Tally.of(NOTHING)


def added(many: Iterable[Counts]) -> Counts:
    """The sum of counts."""
    total = list(NOTHING)
    for counts in many:
        total = [a + b for a, b in zip(total, counts, strict=True)]
    return tuple(total)


class UnitFigures(NamedTuple):
    """A unit on a day: counts by measure, levels and overall as of a household, and their sizes (RULES U18).

    A measure that nobody is counted in has the denominator 0. ``completeness`` is that of all households together.
    """

    measures: Mapping[str, Ratio]
    levels: Mapping[str, Score]
    overall: Score
    households: int
    employees: int
    pupils: int


def unit_figures(tally: Tally, policy: Policy) -> UnitFigures:
    """The live figures of a unit: p = ΣN/ΣD, levels as F5 to F9 on these sums; no shrinkage, nothing hidden yet."""
    measures = {code: Ratio(num, den) for code, num, den in zip(MEASURES, tally.num, tally.den, strict=True)}
    means = {level.code: _mean(level.indicators, measures, policy) for level in policy.levels}
    weights = dict(zip(MEASURED_LEVELS, zip(tally.known, tally.applicable, strict=True), strict=True))
    levels = {code: _score(policy, mean, *weights[code]) for code, mean in means.items()}
    overall = _overall(policy, [mean for mean in means.values() if mean is not None], levels)
    return UnitFigures(measures, levels, overall, tally.households, tally.employees, tally.pupils)


def _mean(codes: Sequence[str], measures: Mapping[str, Ratio], policy: Policy) -> Ratio | None:
    rules = [policy.indicators[code] for code in codes if measures[code].den]
    parts = [(rule.weight, attained(*measures[rule.code], rule.goal)) for rule in rules]
    return weighted_mean(parts) if parts else None


def _score(policy: Policy, mean: Ratio | None, known: int, applicable: int) -> Score:
    score = None if mean is None else rounded(mean)
    return Score(score, band_of(policy, score, known, applicable, None), known, applicable)


def _overall(policy: Policy, means: Sequence[Ratio], levels: Mapping[str, Score]) -> Score:
    known = sum(level.known_weight for level in levels.values())
    applicable = sum(level.applicable_weight for level in levels.values())
    score = geometric_mean(means, policy.floor) if means else None
    weakest = min((level.score for level in levels.values() if level.score is not None), default=None)
    return Score(score, band_of(policy, score, known, applicable, weakest), known, applicable)


def wilson(num: int, den: int, z: Ratio = WILSON_Z) -> tuple[float, float]:
    """The Wilson score interval of num out of den (DOMAIN 4.3), for display and tie-breaks only; den is above 0."""
    return wilson_interval(num / den, den, z)


def wilson_interval(p: float, n: float, z: Ratio = WILSON_Z) -> tuple[float, float]:
    """The same of a share ``p`` at an effective size ``n`` above 0, which month ends have a twelfth of (RULES U2).

    Nothing but roots and the four basic operations touches the floats, so every machine finds the same digits.
    """
    squared = (z.num / z.den) ** 2
    middle = p + squared / (2 * n)
    half = z.num / z.den * sqrt(p * (1 - p) / n + squared / (4 * n * n))
    scale = 1 + squared / n
    low = 0.0 if p == 0 else (middle - half) / scale
    high = 1.0 if p == 1 else (middle + half) / scale
    return low, high


def is_small(cell: Ratio, small_n: int) -> bool:
    """Whether a count must not be shown: too few persons in it or in its complement, 0 included (RULES U17)."""
    return cell.den > 0 and (cell.num < small_n or cell.den - cell.num < small_n)


def hidden(cells: Sequence[Ratio], small_n: int) -> list[bool]:
    """Which cells of siblings in one table are hidden, with their complements (RULES U17).

    Where exactly one is, the next smallest is hidden as well, or it could be found from the total. A cell without
    anybody (denominator 0) is never hidden: it says that there is nothing to count.
    """
    hides = [is_small(cell, small_n) for cell in cells]
    shown = [place for place, hide in enumerate(hides) if not hide and cells[place].den]
    if sum(hides) == 1 and shown:
        hides[min(shown, key=lambda place: _smaller_side(cells[place]))] = True
    return hides


def _smaller_side(cell: Ratio) -> int:
    return min(cell.num, cell.den - cell.num)
