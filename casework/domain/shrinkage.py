"""Shrinkage of rates to the pooled rate of their kind: beta-binomial empirical Bayes by moments (DOMAIN 4.3, U2 to U4).

A rate is counted over a year's month ends, or by events: ``per`` says how many times one case stands in the counts (12
or 1), so that its effective size is the denominator over ``per``, an exact fraction.

Everything is exact but one sum. The squared deviations of thousands of units have thousands of different denominators,
and their exact sum would have as many digits as all of these together. So each term is divided once, correctly rounded
from integers (as Python's division of integers is), and ``math.fsum`` adds the terms up exactly and rounds once: its
result depends neither on the machine nor on the order. m is then rounded to six decimals, which is what is recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import fsum
from typing import NamedTuple

from casework.domain.scoring import Ratio

MILLION = 1_000_000


class Pool(NamedTuple):
    """A rate over all units of a kind: the pooled rate μ, and m, the number of cases that it weighs in each unit."""

    mu: Fraction
    m: Fraction


def pooled(cells: Sequence[Ratio], per: int, bounds: tuple[int, int]) -> Pool:
    """Pool the rates of a kind's units, of which none has the denominator 0 and one at least is given (RULES U3).

    m is kept within ``bounds``, and is the upper one where the units differ by no more than chance.
    """
    least, most = (Fraction(bound) for bound in bounds)
    num, den = sum(cell.num for cell in cells), sum(cell.den for cell in cells)
    mu = Fraction(num, den)
    spread = mu * (1 - mu)
    if len(cells) == 1 or not spread:
        return Pool(mu, most)
    deviation = Fraction(fsum((each.num * den - num * each.den) ** 2 / (per * each.den * den**2) for each in cells))
    squares = sum(cell.den**2 for cell in cells)
    tau = (deviation - (len(cells) - 1) * spread) / Fraction(den**2 - squares, per * den)
    if tau <= 0:
        return Pool(mu, most)
    return Pool(mu, Fraction(round(min(max(spread / tau - 1, least), most) * MILLION), MILLION))


def shrunk(cell: Ratio, per: int, pool: Pool) -> Fraction:
    """Return a unit's rate drawn towards the pooled one: (n·p + m·μ) / (n + m), exact (RULES U4)."""
    return (Fraction(cell.num, per) + pool.m * pool.mu) / (Fraction(cell.den, per) + pool.m)
