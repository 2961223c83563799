"""Shrinkage of rates: the golden numbers of DOMAIN 4.3, and moments against exact sums."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.domain.scoring import Ratio
from casework.domain.shrinkage import Pool, pooled, shrunk

BOUNDS = (5, 500)
cells = st.tuples(st.integers(0, 400), st.integers(1, 400)).map(lambda c: Ratio(min(c), max(c)))


@pytest.mark.parametrize(
    ("num", "den", "expected"), [(5, 5, 0.8222), (30, 30, 0.8857), (285, 300, 0.9324), (2850, 3000, 0.9480)]
)
def test_rates_are_shrunk_to_the_golden_ones(num: int, den: int, expected: float):
    pool = Pool(Fraction(4, 5), Fraction(40))

    assert round(float(shrunk(Ratio(num, den), 1, pool)), 4) == expected


def test_month_ends_weigh_a_twelfth():
    pool = Pool(Fraction(4, 5), Fraction(40))

    assert shrunk(Ratio(12 * 285, 12 * 300), 12, pool) == shrunk(Ratio(285, 300), 1, pool)


def test_the_pooled_rate_is_that_of_the_sums():
    assert pooled([Ratio(1, 2), Ratio(9, 10), Ratio(0, 8)], 1, BOUNDS).mu == Fraction(1, 2)


@pytest.mark.parametrize(
    "alike",
    [[Ratio(3, 9)], [Ratio(0, 9), Ratio(0, 5)], [Ratio(9, 9), Ratio(5, 5)], [Ratio(3, 9), Ratio(30, 90)]],
    ids=["one unit", "none met", "all met", "no more than chance"],
)
def test_units_that_do_not_differ_are_drawn_to_the_pool_most_of_all(alike: list[Ratio]):
    assert pooled(alike, 12, BOUNDS).m == 500


def test_units_that_differ_as_much_as_can_be_stay_by_themselves():
    assert pooled([Ratio(0, 1000), Ratio(1000, 1000)], 1, BOUNDS).m == 5


def test_a_pool_in_between_by_hand():
    """Three units of 100 with 40, 50 and 60 met: μ = 1/2, the deviations sum to 2, chance accounts for 1/2."""
    tau = (Fraction(2) - 2 * Fraction(1, 4)) / (300 - Fraction(3 * 100**2, 300))

    found = pooled([Ratio(40, 100), Ratio(50, 100), Ratio(60, 100)], 1, BOUNDS)

    assert tau == Fraction(3, 400)
    assert found.m == round(Fraction(1, 4) / tau - 1, 6) == Fraction("32.333333")


def exact_m(cells: list[Ratio], per: int) -> Fraction:
    """DOMAIN 4.3 as it is written, in exact fractions."""
    n = [Fraction(cell.den, per) for cell in cells]
    p = [Fraction(cell.num, cell.den) for cell in cells]
    total = sum(n, Fraction(0))
    mu = Fraction(sum(cell.num for cell in cells), sum(cell.den for cell in cells))
    spread = sum((nu * (pu - mu) ** 2 for nu, pu in zip(n, p, strict=True)), Fraction(0))
    top = spread - (len(cells) - 1) * mu * (1 - mu)
    if len(cells) == 1 or top <= 0:
        return Fraction(500)
    tau = top / (total - sum((nu * nu for nu in n), Fraction(0)) / total)
    return min(max(mu * (1 - mu) / tau - 1, Fraction(5)), Fraction(500))


@settings(deadline=None)
@given(st.lists(cells, min_size=1, max_size=30), st.sampled_from([1, 12]))
def test_moments_are_those_of_exact_fractions_to_six_decimals(cells: list[Ratio], per: int):
    assert abs(pooled(cells, per, BOUNDS).m - exact_m(cells, per)) < Fraction(1, 10**6)


@settings(deadline=None)
@given(st.lists(cells, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_the_units_changes_nothing(cells: list[Ratio], random: Random):
    shuffled = random.sample(cells, len(cells))

    assert pooled(cells, 12, BOUNDS) == pooled(shuffled, 12, BOUNDS)


@settings(deadline=None)
@given(cells, st.lists(cells, min_size=1, max_size=5))
def test_a_shrunk_rate_lies_between_its_own_and_the_pooled(cell: Ratio, others: list[Ratio]):
    pool = pooled([cell, *others], 12, BOUNDS)

    own = Fraction(cell.num, cell.den)
    assert min(own, pool.mu) <= shrunk(cell, 12, pool) <= max(own, pool.mu)
