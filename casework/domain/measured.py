"""What a unit was measured at for a year: values alone, that rankings, reports and draws read (DOMAIN 8.6).

Nothing here knows of a household or a person. Scores are exact fractions from 0 to 100; the one irrational number, the
geometric mean of levels, is rounded to twelve decimals. :func:`hundredths` says them as they are shown: 7500 is 75.00.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from casework.domain.scoring import Ratio


class Rate(NamedTuple):
    """A rate of a unit: ``num`` out of ``den`` as counted, with the effective size ``n`` (RULES U2, U4).

    ``shrunk`` is the rate drawn towards ``mu``, the pooled one of its kind, which weighs as ``m`` cases. ``low`` and
    ``high`` are the Wilson interval of the rate as counted, in millionths.
    """

    num: int
    den: int
    n: Fraction
    mu: Fraction
    m: Fraction
    shrunk: Fraction
    low: int
    high: int

    @property
    def met(self) -> Fraction:
        """How many cases of the effective size are met: n·p."""
        return self.n * self.num / self.den


class Weakest(NamedTuple):
    """The level or part that a unit is weakest at, and the lower Wilson bound of it in millionths (RULES U13)."""

    code: str
    low: int


class UnitMetric(NamedTuple):
    """A unit's metric M for a year and all that it is made of; ``metric`` is None where nothing was counted.

    ``parts`` and ``levels`` are 0 to 100, ``facts`` 0 to 1, and None where they do not apply. ``indicators`` holds the
    rates that apply, in the policy's order. ``size`` is what its kind is measured by: mean households, employees or
    pupils over the month ends, episodes or completers of the year. ``completeness`` is the share of what applies that
    is known; ``coverage`` counts members whose needs were all assessed (both over the month ends, None where its kind
    has none). ``not_ranked`` is a code of ``not_ranked_reasons``. ``above`` is who administers it at the year's end.
    """

    unit: UUID
    code: str
    kind: str
    above: UUID | None
    metric: Fraction | None
    parts: Mapping[str, Fraction | None]
    levels: Mapping[str, Fraction | None]
    facts: Mapping[str, Fraction | None]
    indicators: Mapping[str, Rate]
    size: Fraction
    completeness: Fraction | None
    coverage: Ratio | None
    weakest: Weakest | None
    not_ranked: str | None

    @property
    def effective_n(self) -> Fraction:
        """The size, as the second of the tie-breaks compares it (RULES U13)."""
        return self.size


def hundredths(score: Fraction) -> int:
    """A score as it is shown and compared: 7500 for 75.00, half-even."""
    return round(100 * score)
