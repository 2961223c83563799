"""The order of a kind's candidates: final scores, and every tie-break down to the lot."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from hashlib import sha256
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.domain.measured import hundredths
from casework.domain.ranking import Candidate, Placed, final_score, lot, panel_mean, rank
from tests.domain.given_units import POLICY, candidate, measured, nomination

PANEL = POLICY.selection.panel
PROVIDERS, PERSONS = "K05_TRAINING_PROVIDER", "K06_MIGRANT_WORKER"
SEED = bytes.fromhex("0a1b2c3d4e5f6a7b")


def ranked(*candidates: Candidate, kind: str = PROVIDERS) -> list[Placed]:
    return rank(kind, candidates, POLICY, SEED)


def order(*candidates: Candidate, kind: str = PROVIDERS) -> list[int]:
    """The numbers of the nominations, best first."""
    return [placed.nomination_id.int for placed in ranked(*candidates, kind=kind)]


@pytest.mark.parametrize(
    ("scores", "mean"),
    [
        ((90, 80, 70, 60, 50), 70),
        ((90, 90, 90, 10, 10), Fraction(190, 3)),  # one highest and one lowest, not all of them
        ((80,) * 5, 80),
        ((0, 100, 70, 71, 72, 73), Fraction(143, 2)),
    ],
)
def test_the_panels_mean_leaves_out_exactly_one_highest_and_one_lowest(scores: tuple[int, ...], mean: Fraction):
    assert panel_mean(scores, PANEL) == mean


def test_a_panel_of_four_is_none():
    with pytest.raises(ValueError, match="at least 5"):
        panel_mean((80,) * 4, PANEL)


def test_a_unit_is_ranked_by_its_metric_and_the_panel_a_person_by_the_panel_alone():
    unit, person = candidate(1, measured(Fraction(90)), panel=60), candidate(2, panel=60)

    assert final_score(unit, PANEL) == 81
    assert final_score(person, PANEL) == 60
    assert [(each.metric, each.panel, each.final) for each in ranked(unit)] == [(9000, 6000, 8100)]
    assert [(each.metric, each.panel, each.final) for each in ranked(person, kind=PERSONS)] == [(None, 6000, 6000)]


def test_final_scores_are_exact_until_they_are_rounded_half_even():
    """0.7 · 80.05 + 0.3 · 80 = 80.035, whose even neighbour is 80.04; of the rounded parts nothing is reckoned."""
    assert hundredths(final_score(candidate(1, measured(Fraction("80.05"))), PANEL)) == 8004
    assert hundredths(final_score(candidate(1, measured(Fraction("80.35"))), PANEL)) == 8024
    assert hundredths(final_score(candidate(1, measured(Fraction("80.0642"))), PANEL)) == 8004


def test_the_better_comes_first_and_nobody_needs_a_tie_break():
    found = ranked(candidate(1, measured(70)), candidate(2, measured(90)), candidate(3, measured(80)))

    assert [(each.nomination_id.int, each.rank, each.tie_break) for each in found] == [
        (2, 1, None),
        (3, 2, None),
        (1, 3, None),
    ]


def test_scores_are_compared_as_they_are_rounded():
    """Nobody is better by a thousandth of a point: the tie-breaks decide."""
    better = candidate(1, measured(Fraction("80.001"), low=400_000))

    assert order(better, candidate(2, measured(80, low=400_001))) == [2, 1]


SURE: Mapping[str, Any] = {"low": 500_000, "size": 50}

TIES = [
    ("wilson_lower_of_weakest", {"low": 500_001, "size": 20}, {}, {"low": 500_000, "size": 90}, {"last": Fraction(1)}),
    ("effective_n", {**SURE, "size": Fraction(601, 12)}, {}, SURE, {"last": Fraction(1)}),
    ("gain", SURE, {"last": Fraction(70), "commended": 3}, SURE, {"last": Fraction(71)}),
    ("gain", SURE, {"last": Fraction(99), "commended": 3}, SURE, {"last": None}),
    ("fewer_commendations", SURE, {"commended": 1}, SURE, {"commended": 2}),
]


@pytest.mark.parametrize(("step", "first", "more", "second", "other"), TIES)
def test_equal_scores_go_through_the_tie_breaks_in_order(step: str, first: Any, more: Any, second: Any, other: Any):
    winner, loser = (measured(80, **each) for each in (first, second))

    for one, two in ((1, 2), (2, 1)):  # whatever the lot says
        found = ranked(candidate(two, loser, **other), candidate(one, winner, **more))
        assert [(each.nomination_id.int, each.tie_break) for each in found] == [(one, step), (two, step)]


def test_the_lot_decides_between_the_wholly_equal_from_the_seed_alone():
    equals = [candidate(number, measured(80)) for number in range(1, 9)]
    by_hand = sorted(
        range(1, 9),
        key=lambda number: sha256(f"0a1b2c3d4e5f6a7b:{PROVIDERS}:{nomination(number)}".encode()).hexdigest(),
    )

    found = ranked(*equals)

    assert [each.nomination_id.int for each in found] == by_hand != list(range(1, 9))
    assert {each.tie_break for each in found} == {"lot"}
    assert [each.lot for each in found] == sorted(each.lot for each in found)
    assert [each.nomination_id.int for each in rank(PROVIDERS, equals, POLICY, bytes(8))] != by_hand


def test_persons_are_told_apart_by_commendations_and_then_by_the_lot():
    people = [candidate(1, commended=1), candidate(2), candidate(3)]
    by_lot = sorted((2, 3), key=lambda number: lot(SEED, PERSONS, nomination(number)))

    found = ranked(*people, kind=PERSONS)

    assert [each.nomination_id.int for each in found] == [*by_lot, 1]
    assert [each.tie_break for each in found] == ["lot", "lot", "fewer_commendations"]


def test_the_recorded_tie_break_is_the_furthest_that_was_needed():
    found = ranked(
        candidate(1, measured(80, low=600_000)), candidate(2, measured(80)), candidate(3, measured(80), commended=1)
    )

    assert [each.tie_break for each in found] == [
        "wilson_lower_of_weakest",
        "fewer_commendations",
        "fewer_commendations",
    ]


def test_places_by_the_tie_breaks_alone_ignore_the_scores():
    found = ranked(candidate(1, measured(90, low=1)), candidate(2, measured(70, low=2)))

    assert [(each.rank, each.tie_place) for each in found] == [(1, 2), (2, 1)]


def test_who_is_not_ranked_or_of_another_kind_is_no_candidate():
    for wrong in (measured(80, not_ranked="too_small"), measured(80, of="K03_EMPLOYER"), measured(None), None):
        with pytest.raises(ValueError, match=r"not ranked|persons have none"):
            ranked(candidate(1, wrong))


def test_a_person_has_no_metric():
    with pytest.raises(ValueError, match="persons have none"):
        ranked(candidate(1, measured(80)), kind=PERSONS)


some = st.builds(
    lambda metric, low, size, last, panel, commended: (
        measured(metric, low=low, size=size),
        {"last": last, "panel": panel, "commended": commended},
    ),
    st.sampled_from([70, 80, Fraction("80.001")]),
    st.integers(1, 2),
    st.integers(50, 51),
    st.sampled_from([None, Fraction(60), Fraction(70)]),
    st.sampled_from([70, 80]),
    st.integers(0, 1),
)


@settings(deadline=None)
@given(st.lists(some, max_size=12), st.randoms(use_true_random=False))
def test_the_order_in_which_candidates_come_changes_nothing(many: list[Any], random: Random):
    candidates = [candidate(number, metric, **more) for number, (metric, more) in enumerate(many, 1)]

    found = ranked(*candidates)

    assert ranked(*random.sample(candidates, len(candidates))) == found
    assert [each.rank for each in found] == list(range(1, len(many) + 1))
    assert [each.final for each in found] == sorted((each.final for each in found), reverse=True)
    assert sorted(each.tie_place for each in found) == [each.rank for each in found]


@settings(deadline=None)
@given(st.lists(some, min_size=1, max_size=8), st.integers(0, 7), st.fractions(0, 5))
def test_a_better_metric_never_loses_a_place(many: list[Any], which: int, more: Fraction):
    candidates = [candidate(number, metric, **other) for number, (metric, other) in enumerate(many, 1)]
    chosen = candidates[which % len(candidates)]
    assert chosen.measured is not None
    assert chosen.measured.metric is not None
    better = chosen._replace(measured=chosen.measured._replace(metric=chosen.measured.metric + more))

    def place(all_of_them: list[Candidate]) -> int:
        return next(each.rank for each in ranked(*all_of_them) if each.nomination_id == chosen.nomination_id)

    assert place([better if each is chosen else each for each in candidates]) <= place(candidates)
