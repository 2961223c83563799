"""A ranking is taken only as it follows from the scores, the floor and the quota (RULES U12 to U14)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from msgspec.structs import replace

from casework.domain.policy import Policy
from casework.domain.registry import Registry
from casework.domain.rounds.events import Quota, RankedCandidate, RankingComputed
from casework.domain.rounds.ranking import RANKED_AT_ONCE, is_within
from casework.domain.rounds.round import Round
from tests.domain.rounds.given import (
    PANEL,
    POLICY,
    SNAPSHOT,
    all_in,
    appoint,
    decide,
    events,
    freeze,
    given_round,
    nominate,
    nomination_id,
    on,
    open_scores,
    opened,
    rank,
    ranking,
    score,
    unit,
    veto,
)
from tests.domain.rounds.test_nominating import refused

Rows = list[RankedCandidate]


def to_rank(policy: Policy = POLICY) -> Round:
    round_ = given_round("reviewing", policy=policy)
    all_in(round_)
    open_scores(round_)
    return round_


def changed(name: str, **fields: Any) -> Callable[[Rows], Rows]:
    """A ranking with one row told otherwise."""
    return lambda rows: [replace(row, **fields) if row.nomination_id == nomination_id(name) else row for row in rows]


def test_a_ranking_is_kept_kind_by_kind_as_it_was_told():
    round_ = to_rank()
    rows = ranking(round_)
    round_.collect_events()

    rank(round_, rows)

    told = [event for event in events(round_) if isinstance(event, RankingComputed)]
    assert [(event.kind, event.seats) for event in told] == [("K03_EMPLOYER", 2), ("K06_MIGRANT_WORKER", 1)]
    assert [row for event in told for row in event.candidates] == rows
    assert round_.listed == [nomination_id(name) for name in ("emp-1", "emp-2", "worker")]
    assert round_.reserves == [nomination_id("emp-3")]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda rows: rows[:-1], "ranking-incomplete"),
        (lambda rows: [*rows, rows[0]], "ranking-incomplete"),
        (lambda rows: [*rows, replace(rows[0], nomination_id=nomination_id("emp-4"))], "ranking-incomplete"),
        (lambda rows: [*rows, replace(rows[0], nomination_id=uuid4())], "ranking-incomplete"),
        (changed("emp-1", kind="K06_MIGRANT_WORKER"), "ranking-candidate"),
        (changed("emp-1", metric=None), "ranking-candidate"),
        (changed("worker", metric=8000), "ranking-candidate"),
        (changed("emp-1", panel=9001), "ranking-panel"),
        (changed("emp-1", final=8302), "ranking-final"),
        (changed("emp-1", metric=9000), "ranking-final"),
        (changed("worker", final=8001), "ranking-final"),
        (changed("emp-1", rank=2), "ranking-order"),
        (changed("emp-1", rank_low=2), "ranking-candidate"),
        (changed("emp-3", rank_high=4), "ranking-candidate"),
        (changed("emp-1", p_selected=1001), "ranking-candidate"),
        (changed("emp-1", tie_break="beauty"), "ranking-candidate"),
        (changed("emp-1", seated=False), "ranking-seats"),
        (changed("emp-1", seated=False, reserve=True), "ranking-seats"),
        (changed("emp-2", reserve=True), "ranking-candidate"),
    ],
)
def test_a_ranking_that_cannot_be_is_refused(change: Callable[[Rows], Rows], rule: str):
    round_ = to_rank()

    assert refused(rank, round_, change(ranking(round_))) == rule
    assert not round_.rankings


def test_ranks_go_by_the_final_scores():
    round_ = to_rank()
    rows = ranking(round_)
    first, second = rows[0], rows[1]
    swapped = [replace(second, rank=1, rank_median=1), replace(first, rank=2, rank_median=2), *rows[2:]]

    assert refused(rank, round_, swapped) == "ranking-order"


def test_equals_are_told_apart_by_a_reason_of_the_policy():
    round_ = to_rank()
    equal = {nomination_id("emp-1"): 8000, nomination_id("emp-2"): 8429}  # 82.997 + … = 83.00 both
    rows = ranking(round_, metrics={**equal, nomination_id("emp-3"): 7500})
    first, second = rows[0], rows[1]
    assert first.final == second.final == 8300

    assert refused(rank, round_, [replace(row, tie_break=None) for row in rows]) == "ranking-tie-untold"
    rank(round_, rows)


def test_a_ranking_rests_on_the_frozen_snapshot():
    round_ = to_rank()

    assert refused(rank, round_, ranking(round_), snapshot_id=uuid4()) == "ranking-of-another-snapshot"
    assert round_.frozen is not None
    assert round_.frozen.snapshot_id == SNAPSHOT


def test_there_is_no_ranking_of_sealed_scores():
    round_ = given_round("reviewing")
    all_in(round_)

    assert refused(rank, round_, [], by=on("reviewing")) == "scores-sealed"


def test_nobody_below_the_floor_has_a_seat_or_waits_for_one():
    round_ = to_rank()
    low = {nomination_id("emp-3"): 6700}  # 46.90 + 22.50 = 69.40
    rows = ranking(round_, metrics=low)
    assert [(row.final, row.reserve) for row in rows][2] == (6940, False)

    assert refused(rank, round_, changed("emp-3", reserve=True)(rows)) == "ranking-below-floor"
    rank(round_, rows)
    assert round_.reserves == []


def test_who_is_not_ranked_is_named_with_the_reason():
    round_ = to_rank()
    rows = [row for row in ranking(round_) if row.nomination_id != nomination_id("emp-3")]
    rows = [replace(row, rank_high=2) if row.kind == "K03_EMPLOYER" else row for row in rows]

    rank(round_, rows, not_ranked={nomination_id("emp-3"): "too_small"})

    told = [event for event in events(round_) if isinstance(event, RankingComputed)]
    assert [(each.nomination_id, each.reason) for event in told for each in event.not_ranked] == [
        (nomination_id("emp-3"), "too_small")
    ]
    assert round_.reserves == []


def test_a_kind_in_which_nobody_is_ranked_still_says_why():
    round_ = to_rank()
    employers = {nomination_id(f"emp-{number}"): "too_small" for number in (1, 2, 3)}

    rank(round_, [row for row in ranking(round_) if row.kind == "K06_MIGRANT_WORKER"], not_ranked=employers)

    told = [event for event in events(round_) if isinstance(event, RankingComputed)]
    assert [(event.kind, len(event.candidates), len(event.not_ranked)) for event in told] == [
        ("K03_EMPLOYER", 0, 3),
        ("K06_MIGRANT_WORKER", 1, 0),
    ]


def test_a_candidate_who_is_vetoed_after_the_opening_is_not_ranked():
    round_ = to_rank()
    veto(round_, "emp-1", by=on("reviewing"))

    rank(round_, ranking(round_))

    assert nomination_id("emp-1") not in round_.listed


def test_where_everybody_is_vetoed_after_the_opening_there_is_no_ranking():
    round_ = to_rank()
    for name in ("emp-1", "emp-2", "emp-3", "worker"):
        veto(round_, name, by=on("reviewing"))

    assert refused(rank, round_, []) == "nobody-eligible"


def with_seats(seats: int, mode: Any = "total_30_equal") -> Policy:
    return replace(POLICY, selection=replace(POLICY.selection, seats=seats, quota=mode))


@pytest.mark.parametrize(
    ("mode", "seated", "within"),
    [
        ("total_30_equal", {"K03_EMPLOYER": 20, "K06_MIGRANT_WORKER": 10}, True),
        ("total_30_equal", {"K03_EMPLOYER": 21, "K06_MIGRANT_WORKER": 10}, False),
        ("pooled_percentile_30", {"K03_EMPLOYER": 30}, True),
        ("pooled_percentile_30", {"K03_EMPLOYER": 30, "K01_DISTRICT": 1}, False),
        ("per_kind_30", {"K03_EMPLOYER": 30, "K06_MIGRANT_WORKER": 30}, True),
        ("per_kind_30", {"K03_EMPLOYER": 31}, False),
        ("persons_outside", {"K03_EMPLOYER": 20, "K01_DISTRICT": 10, "K06_MIGRANT_WORKER": 30}, True),
        ("persons_outside", {"K03_EMPLOYER": 21, "K01_DISTRICT": 10}, False),
        ("persons_outside", {"K06_MIGRANT_WORKER": 31}, False),
    ],
)
def test_seats_are_no_more_than_the_reading_of_the_plan_gives(mode: str, seated: dict[str, int], within: bool):
    assert is_within(Quota(mode=mode, total=30), seated) is within


def test_a_ranking_with_too_many_seats_is_refused():
    round_ = to_rank(with_seats(2))

    assert refused(rank, round_, ranking(round_)) == "quota-exceeded"
    rank(round_, ranking(round_, seats={"K03_EMPLOYER": 1}))
    assert len(round_.listed) == 2


def test_a_large_kind_is_told_in_several_events_that_fit_the_log():
    round_ = opened()
    names = [f"employer-{number:03}" for number in range(RANKED_AT_ONCE + 50)]
    for name in names:
        nominate(round_, name, candidate=unit(name, kind="employer"))
    for name in names:
        decide(round_, name)
    for panelist in PANEL:
        appoint(round_, panelist, registry=Registry())
    freeze(round_)
    for name in names:
        for panelist in PANEL:
            score(round_, name, panelist)
    open_scores(round_)
    rows = ranking(round_, seats={"K03_EMPLOYER": 30})

    rank(round_, rows)

    told = [event for event in events(round_) if isinstance(event, RankingComputed)]
    assert [len(event.candidates) for event in told] == [RANKED_AT_ONCE, 50]
    assert all(len(msgspec.json.encode(event)) < 65_536 for event in told)
    assert round_.candidates == rows
    assert len(round_.listed) == 30


def test_the_place_of_each_is_with_the_nomination():
    round_ = given_round("ranked")

    places: dict[UUID, int] = {id: each.ranked.rank for id, each in round_.nominations.items() if each.ranked}

    assert places == {nomination_id(name): rank for name, rank in (("emp-1", 1), ("emp-2", 2), ("emp-3", 3))} | {
        nomination_id("worker"): 1
    }
