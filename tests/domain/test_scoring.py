"""The arithmetic of levels, compared with fractions and with decimals of many digits (RULES F5 to F9)."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.domain.assessment import band_of
from casework.domain.policy import load_policy
from casework.domain.scoring import Ratio, as_text, attained, geometric_mean, integer_root, rounded, weighted_mean

POLICY = load_policy("2013.1")
rates = st.integers(0, 60).flatmap(lambda num: st.integers(max(num, 1), 60).map(lambda den: Ratio(num, den)))
scores = st.tuples(st.integers(0, 100 * 360), st.just(360)).map(lambda pair: Ratio(*pair))


def fraction(ratio):
    return Fraction(ratio.num, ratio.den)


@given(st.lists(st.tuples(st.integers(1, 50), rates), min_size=1, max_size=5))
def test_a_level_is_an_exact_weighted_mean(parts):
    exact = sum(100 * weight * fraction(rate) for weight, rate in parts) / Fraction(sum(weight for weight, _ in parts))

    assert fraction(weighted_mean(parts)) == exact
    assert rounded(weighted_mean(parts)) == round(exact * 100)  # Python rounds a Fraction half to even


@given(st.lists(scores, min_size=1, max_size=4))
def test_the_overall_is_the_correctly_rounded_root(levels):
    product = prod(max(fraction(level), Fraction(1)) for level in levels)
    with localcontext() as context:
        context.prec = 80
        root = (Decimal(product.numerator) / Decimal(product.denominator)) ** (Decimal(1) / len(levels))
        expected = int((root * 100).quantize(Decimal(1), ROUND_HALF_EVEN))
        is_near_tie = abs(root * 100 % 1 - Decimal("0.5")) < Decimal("1e-60")

    found = geometric_mean(levels, floor=1)

    assert found == expected or is_near_tie
    assert Fraction(2 * found - 1, 200) ** len(levels) <= product <= Fraction(2 * found + 1, 200) ** len(levels)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (Ratio(1, 8), 12),
        (Ratio(3, 8), 38),
        (Ratio(125, 1000), 12),
        (Ratio(135, 1000), 14),
        (Ratio(12501, 100000), 13),
        (Ratio(100, 1), 10000),
        (Ratio(200, 3), 6667),
    ],
)
def test_a_score_is_rounded_half_even(score, expected):
    assert rounded(score) == expected


@pytest.mark.parametrize(("root", "expected"), [(Ratio(80125, 1000), 8012), (Ratio(80135, 1000), 8014)])
def test_a_root_on_an_exact_tie_is_rounded_half_even(root, expected):
    for k in (1, 2, 3, 4):
        assert geometric_mean([root] * k, floor=1) == expected


@given(st.lists(scores, min_size=1, max_size=4))
def test_a_root_is_found_to_as_many_decimals_as_are_asked(levels):
    exact = prod(max(fraction(level), Fraction(1)) for level in levels)

    found = Fraction(geometric_mean(levels, floor=1, scale=10**12), 10**12)

    half = Fraction(1, 2 * 10**12)
    assert (found - half) ** len(levels) <= exact <= (found + half) ** len(levels)


def test_levels_below_the_floor_count_as_one():
    assert geometric_mean([Ratio(0, 1), Ratio(100, 1)], floor=1) == 1000
    assert geometric_mean([Ratio(0, 1)] * 4, floor=1) == 100
    assert geometric_mean([Ratio(99, 100), Ratio(4, 1)], floor=1) == 200


@given(st.integers(0, 10**40), st.integers(1, 4))
def test_an_integer_root_is_the_greatest_that_fits(value, k):
    root = integer_root(value, k)

    assert root**k <= value < (root + 1) ** k


@pytest.mark.parametrize(
    ("num", "den", "goal", "expected"),
    [(1, 2, (1, 1), (1, 2)), (9, 10, (9, 10), (1, 1)), (10, 10, (9, 10), (1, 1)), (45, 100, (9, 10), (1, 2))],
)
def test_a_goal_below_one_is_reached_sooner_and_never_exceeded(num, den, goal, expected):
    assert fraction(attained(num, den, Ratio(*goal))) == Fraction(*expected)


@pytest.mark.parametrize(
    ("score", "known", "applicable", "weakest", "band"),
    [
        (8500, 3, 5, 6000, "A"),
        (8500, 3, 5, 5999, "B"),
        (8499, 3, 5, 6000, "B"),
        (7000, 3, 5, 0, "B"),
        (6999, 3, 5, 0, "C"),
        (5000, 3, 5, 0, "C"),
        (4999, 3, 5, 0, "D"),
        (0, 3, 5, None, "D"),
        (10000, 2999, 5000, 10000, "U"),
        (None, 0, 5, None, "U"),
        (None, 0, 0, None, "NA"),
    ],
)
def test_bands_are_cut_on_rounded_scores_and_exact_completeness(score, known, applicable, weakest, band):
    assert band_of(POLICY, score, known, applicable, weakest) == band


@pytest.mark.parametrize(
    ("score", "text"), [(7500, "75.00"), (5, "0.05"), (10000, "100.00"), (0, "0.00"), (None, None)]
)
def test_a_score_is_written_with_two_decimals(score, text):
    assert as_text(score) == text
