"""Exact arithmetic of levels: fractions of integers, integer roots, half-even rounding (RULES F5 to F9).

Scores are integers in hundredths: 7500 is 75.00.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import NamedTuple


class Ratio(NamedTuple):
    """An exact fraction, not reduced; the denominator is above 0."""

    num: int
    den: int


def weighted_mean(parts: Sequence[tuple[int, Ratio]]) -> Ratio:
    """The mean of (weight, fraction) pairs, times 100 (F5, F6)."""
    num, den, weights = 0, 1, 0
    for weight, part in parts:
        num = num * part.den + weight * part.num * den
        den *= part.den
        weights += weight
    return Ratio(100 * num, den * weights)


def attained(num: int, den: int, goal: Ratio) -> Ratio:
    """How much of a goal is reached, at most 1 (F5)."""
    num, den = num * goal.den, den * goal.num
    return Ratio(1, 1) if num >= den else Ratio(num, den)


def rounded(score: Ratio) -> int:
    """A score in hundredths, half-even."""
    doubled, rest = divmod(200 * score.num, score.den)
    if doubled % 2 == 0 or rest:
        return (doubled + 1) // 2
    half = doubled // 2
    return half + half % 2


def geometric_mean(scores: Sequence[Ratio], floor: int, *, scale: int = 100) -> int:
    """The geometric mean in hundredths, or parts of ``scale``, of scores, each taken as at least ``floor`` (F7).

    The root is found among integers: n/100 ≤ root exactly where n^k · den ≤ num · 100^k.
    """
    k, num, den = len(scores), 1, 1
    for score in scores:
        low = score.num < floor * score.den
        num *= floor if low else score.num
        den *= 1 if low else score.den
    num *= scale**k
    root = integer_root(num // den, k)
    middle, twice = (2 * root + 1) ** k * den, num * 2**k
    if middle == twice:
        return root + root % 2
    return root + 1 if middle < twice else root


def integer_root(value: int, k: int) -> int:
    """The greatest integer whose k-th power is no more than ``value``."""
    if k == 1:
        return value
    if k % 2 == 0:
        return integer_root(isqrt(value), k // 2)
    root: int = round(value ** (1 / k))
    while root**k > value:
        root -= 1
    while (root + 1) ** k <= value:
        root += 1
    return root


def as_text(score: int | None) -> str | None:
    """A score as people read it: ``75.00``."""
    return None if score is None else f"{score // 100}.{score % 100:02}"
