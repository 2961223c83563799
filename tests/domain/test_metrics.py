"""Figures of units: levels from sums, intervals, and what may be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.domain.metrics import (
    EMPTY,
    MEASURED_LEVELS,
    MEASURES,
    NOTHING,
    WIDTH,
    WILSON_Z,
    Tally,
    added,
    hidden,
    is_small,
    unit_figures,
    wilson,
    wilson_interval,
)
from casework.domain.policy import load_policy
from casework.domain.scoring import Ratio, as_text

POLICY = load_policy("2013.1")


def tally(counts: dict[str, tuple[int, int]], known: tuple[int, ...] = (), applicable: tuple[int, ...] = ()) -> Tally:
    """A tally with these counts; without weights, all that is counted is known."""
    num = tuple(counts.get(code, (0, 0))[0] for code in MEASURES)
    den = tuple(counts.get(code, (0, 0))[1] for code in MEASURES)
    by_level = [
        sum(POLICY.indicators[code].weight for code in level.indicators if counts.get(code, (0, 0))[1])
        for level in POLICY.levels
    ]
    return Tally(1, 0, 0, known or tuple(by_level), applicable or tuple(by_level), num, den)


# Golden case 1 of DOMAIN 8.4: a household's counts summed up alone are its own levels.
GOLDEN = {
    "SCH1": (1, 1), "SCH2": (0, 1), "SCH3": (1, 1), "WRK1": (1, 2), "WRK3": (1, 1), "WRK5": (1, 2),
    "COM1": (4, 4), "COM2": (1, 2), "COM3": (2, 2), "COM5": (1, 1),
    "CIT1": (8, 12), "CIT2": (3, 4), "CIT3": (0, 1), "CIT5": (1, 1),
}  # fmt: skip


def test_the_measures_are_the_policys_indicators_in_its_order_and_then_the_units_own():
    assert tuple(POLICY.indicators) == MEASURES[:18]
    assert MEASURES[18:] == ("K03B", "K03D", "NEEDS")
    assert tuple(level.code for level in POLICY.levels) == MEASURED_LEVELS


@pytest.mark.parametrize("households", [1, 7])
def test_the_levels_of_like_households_are_those_of_one(households: int):
    figures = unit_figures(Tally.of(added([tally(GOLDEN).counts] * households)), POLICY)

    assert {code: as_text(level.score) for code, level in figures.levels.items()} == {
        "school": "75.00", "workplace": "64.29", "community": "82.35", "city": "58.80"
    }  # fmt: skip
    assert (as_text(figures.overall.score), figures.overall.band) == ("69.51", "C")
    assert figures.households == households


def test_a_rate_is_that_of_the_sums_not_the_mean_of_rates():
    figures = unit_figures(Tally.of(added([tally({"COM1": (1, 1)}).counts, tally({"COM1": (0, 3)}).counts])), POLICY)

    assert figures.measures["COM1"] == Ratio(1, 4)
    assert figures.levels["community"].score == 2500


def test_too_little_known_is_band_u_with_the_figures_still_there():
    figures = unit_figures(tally({"COM1": (3, 4)}, known=(0, 0, 59, 0), applicable=(0, 0, 100, 0)), POLICY)

    assert (figures.overall.score, figures.overall.band) == (7500, "U")


def test_a_unit_without_anybody_has_no_score():
    figures = unit_figures(EMPTY, POLICY)

    assert (figures.overall.score, figures.overall.band) == (None, "NA")
    assert {level.band for level in figures.levels.values()} == {"NA"}


vectors = st.lists(st.integers(0, 9), min_size=WIDTH, max_size=WIDTH).map(tuple)


@given(st.lists(vectors, max_size=4))
def test_a_tally_names_the_parts_of_its_counts(many: list[tuple[int, ...]]):
    total = added(many)

    assert Tally.of(total).counts == total
    assert total == tuple(map(sum, zip(NOTHING, *many, strict=True)))


@pytest.mark.parametrize(
    ("num", "den", "low", "high"),
    [
        (3, 3, 0.4385, 1),
        (5, 5, 0.5655, 1),
        (29, 30, 0.8333, 0.9941),
        (30, 30, 0.8865, 1),
        (285, 300, 0.9192, 0.9695),
        (2850, 3000, 0.9416, 0.9572),
        (0, 3, 0, 0.5615),
    ],
)
def test_wilson_intervals_are_the_golden_ones(num: int, den: int, low: float, high: float):
    assert tuple(round(bound, 4) for bound in wilson(num, den)) == (low, high)


def test_a_share_at_an_effective_size_has_the_interval_of_as_many_cases():
    assert wilson_interval(285 / 300, 300) == wilson(285, 300)
    assert wilson_interval(1.0, 2.5)[1] == 1
    assert wilson_interval(0.0, 2.5)[0] == 0


def test_the_policy_and_the_interval_mean_the_same_z():
    assert POLICY.selection.wilson_z == WILSON_Z


@pytest.mark.parametrize(
    ("num", "den", "hides"),
    [(0, 0, False), (0, 9, True), (4, 20, True), (5, 20, False), (16, 20, True), (15, 20, False), (20, 20, True)],
)
def test_counts_below_five_and_their_complements_are_small(num: int, den: int, hides: bool):
    assert is_small(Ratio(num, den), 5) is hides


def test_one_hidden_cell_hides_the_next_smallest_with_it():
    cells = [Ratio(2, 30), Ratio(20, 60), Ratio(9, 40), Ratio(0, 0)]

    assert hidden(cells, 5) == [True, False, True, False]


def test_two_hidden_cells_protect_each_other():
    assert hidden([Ratio(2, 30), Ratio(1, 60), Ratio(9, 40)], 5) == [True, True, False]


def test_nothing_small_hides_nothing():
    assert hidden([Ratio(10, 30), Ratio(20, 60)], 5) == [False, False]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda c: Ratio(min(c), max(c))), max_size=8))
def test_never_is_one_cell_hidden_alone_where_another_could_hide_it(cells: list[Ratio]):
    hides = hidden(cells, 5)

    assert sum(hides) != 1 or sum(1 for cell in cells if cell.den) == 1
    assert all(hide for cell, hide in zip(cells, hides, strict=True) if is_small(cell, 5))
