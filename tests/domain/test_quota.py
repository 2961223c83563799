"""The top 30: shares of the kinds, free seats, reserves, and the three other readings."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.domain.policy import Policy
from casework.domain.quota import seats
from casework.domain.ranking import Placed
from tests.domain import oracle_quota
from tests.domain.given_units import POLICY, candidate, nomination

KINDS = [kind.code for kind in POLICY.selection.kinds if kind.active]
DISTRICTS, TOWNSHIPS, EMPLOYERS, AGENCIES, PROVIDERS, PERSONS = KINDS


def under(quota: str) -> Policy:
    selection = msgspec.structs.replace(POLICY.selection, quota=quota)
    return msgspec.structs.replace(POLICY, selection=selection)


def ranked(kinds: list[tuple[int, int]]) -> dict[str, list[Placed]]:
    """By kind so many candidates, of whom so many reach the floor (a final score of exactly 70.00)."""

    def placed(number: int, rank: int, passing: int) -> Placed:
        final = 7000 if rank <= passing else 6999
        return Placed(candidate(1000 * number + rank), KINDS[number], None, 0, final, rank, None, rank, "")

    return {
        code: [placed(number, rank, passing) for rank in range(1, eligible + 1)]
        for number, (code, (eligible, passing)) in enumerate(zip(KINDS, kinds, strict=False))
    }


def counts(kinds: list[tuple[int, int]], quota: str = "total_30_equal") -> list[int]:
    return [len(each) for each in seats(ranked(kinds), under(quota)).seated.values()]


def alike(*eligible: int) -> list[tuple[int, int]]:
    """Kinds of which everybody reaches the floor."""
    return [(each, each) for each in eligible]


def test_six_kinds_have_five_seats_each():
    found = seats(ranked(alike(16, 40, 80, 20, 30, 10)), POLICY)

    assert list(found.shares.values()) == [5] * 6
    assert found.seated[DISTRICTS] == tuple(nomination(rank) for rank in range(1, 6))
    assert found.reserves[DISTRICTS] == tuple(nomination(rank) for rank in range(6, 17))


def test_a_kind_without_candidates_has_no_share():
    assert counts([*alike(16, 40, 80, 20), (0, 0), (0, 0)]) == [7, 8, 8, 7, 0, 0]


def test_a_kind_with_candidates_below_the_floor_only_has_a_share_that_others_fill():
    found = seats(ranked([*alike(16, 40), (80, 0)]), POLICY)

    assert list(found.shares.values()) == [10, 10, 10]
    assert [len(each) for each in found.seated.values()] == [10, 20, 0]
    assert found.reserves[EMPLOYERS] == ()
    assert list(found.of.values()) == [10, 20, 10]  # in a draw some of the third may yet reach it


def test_what_remains_goes_to_the_kinds_with_most_candidates_in_catalogue_order_on_ties():
    assert counts(alike(20, 40, 40, 40)) == [7, 8, 8, 7]


def test_a_free_seat_goes_to_the_kind_whose_next_stands_highest_among_its_own():
    """Two free: the sixth of 80 stands at 5.5/80, the seventh at 6.5/80, the sixth of 40 at 5.5/40."""
    assert counts(alike(3, 40, 80, 20, 30, 10)) == [3, 5, 7, 5, 5, 5]


def test_equals_take_free_seats_in_catalogue_order():
    assert counts([(9, 4), *alike(40, 40, 40, 40, 40)]) == [4, 6, 5, 5, 5, 5]


def test_fewer_than_thirty_are_seated_where_no_more_reach_the_floor():
    assert counts([(16, 2), (40, 1), (80, 0)]) == [2, 1, 0]
    assert counts([]) == []


def test_thirty_of_each_kind():
    assert counts(alike(16, 40, 80, 20, 30, 10), "per_kind_30") == [16, 30, 30, 20, 30, 10]


def test_the_best_thirty_of_all_by_their_standing():
    assert counts(alike(10, 20), "pooled_percentile_30") == [10, 20]
    assert counts(alike(10, 20, 60), "pooled_percentile_30") == [3, 7, 20]


def test_persons_stand_outside_the_thirty_of_units():
    found = seats(ranked(alike(16, 40, 80, 20, 30, 10)), under("persons_outside"))

    assert [len(each) for each in found.seated.values()] == [6, 6, 6, 6, 6, 6]
    assert counts([*alike(2, 40, 80, 20, 30), (10, 1)], "persons_outside") == [2, 6, 10, 6, 6, 1]


kinds = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda c: (max(c), min(c))), max_size=6)


@pytest.mark.parametrize("quota", ["total_30_equal", "pooled_percentile_30", "per_kind_30"])
@settings(deadline=None)
@given(kinds)
def test_the_seats_are_those_of_the_rules_words(quota: str, kinds: list[tuple[int, int]]):
    assert counts(kinds, quota) == getattr(oracle_quota, quota)(kinds)


@settings(deadline=None)
@given(kinds)
def test_never_more_than_thirty_sit_and_nobody_waits_while_a_seat_is_free(kinds: list[tuple[int, int]]):
    found = seats(ranked(kinds), POLICY)
    seated, waiting = (sum(map(len, each.values())) for each in (found.seated, found.reserves))

    assert seated == min(30, sum(passing for _, passing in kinds))
    assert seated + waiting == sum(passing for _, passing in kinds)
    assert all(found.of[kind] >= len(each) for kind, each in found.seated.items())
