"""What households that split, are merged and go apart again add to the figures, and in which order views hear of it."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from casework.domain import two_households
from casework.domain.contributions import Contributions
from casework.domain.household import Household
from casework.domain.ids import uuid7
from casework.domain.metrics import MEASURES, Tally, added
from casework.domain.policy import load_policy
from casework.domain.registry import Facts
from casework.domain.residence import By
from casework.projections import reading, tables
from casework.projections.views import Rows, rows_of
from tests.projections.lives import UNTIL
from tests.projections.regrouped_lives import OpenLife, Pair
from tests.projections.simulated import Simulated, cut

OF_HOUSEHOLDS = {"COM4", "COM5", "CIT3", "CIT5", "NEEDS"}
"""The measures that also count what is a household's as a whole."""
OF_PEOPLE = [measure for measure in MEASURES if measure not in OF_HOUSEHOLDS]

seeds = st.integers(0, 2**32 - 1)
many = settings(max_examples=40, deadline=None, print_blob=True)
few = settings(
    max_examples=6, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def rows(household: Household, on: date = UNTIL) -> Rows:
    return rows_of(household, load_policy("2013.1"), on, Facts())


def shown(household: Household, on: date) -> dict[str, Any]:
    """What views show of a household on a day, but for its version and how long the answer holds."""
    told = rows(household, on)
    plain = msgspec.structs.asdict(told.household) | msgspec.structs.asdict(told.assessment)
    for name in ("version", "holds_until", "next_change_on"):
        del plain[name]
    return plain | {"contributions": told.contributions}


def whole(*households: Household) -> Tally:
    """What households add to all communities together."""
    told = [rows(household) for household in households]
    return Tally.of(added(counts for each in told if (counts := each.contributions.get(community_of(each)))))


def community_of(told: Rows) -> UUID:
    assert told.household.community_id is not None
    return told.household.community_id


def of_people(tally: Tally) -> dict[str, Any]:
    counts = {m: (tally.num[MEASURES.index(m)], tally.den[MEASURES.index(m)]) for m in OF_PEOPLE}
    return {**counts, "employees": tally.employees, "pupils": tally.pupils}


def all_assessed(*households: Household) -> bool:
    return all(rows(household).household.status == "assessed" for household in households)


@many
@given(seed=seeds, while_one=st.integers(0, 30), after=st.integers(0, 15))
def test_after_a_merge_is_undone_everything_is_as_if_it_had_never_been(seed: int, while_one: int, after: int):
    pair = Pair(seed)

    pair.merge()
    pair.go_on_as_one(while_one)
    pair.unmerge()
    pair.go_on_apart(after)

    for household, alone in zip(pair.households, pair.alone, strict=True):
        for days in range(0, 700, 41):
            on = UNTIL - timedelta(days)
            assert shown(household, on) == shown(alone, on), on


@few
@given(seed=seeds, share=st.floats(0, 1), source_first=st.booleans(), same_partition=st.booleans())
def test_views_hear_of_both_streams_in_either_order(
    log: Simulated, seed: int, share: float, source_first: bool, same_partition: bool
):
    ids = uuid7(), uuid7()
    while (ids[0].int & 63 == ids[1].int & 63) != same_partition:
        ids = ids[0], uuid7()
    pair = Pair(seed, ids)
    pair.merge()
    pair.go_on_as_one(15)
    pair.unmerge()
    streams = [household.collect_events() for household in pair.households]
    first, rest = cut(streams, share)
    order = ids if source_first else ids[::-1]

    for part in (first, rest):
        for stream_id in order:
            log.tell([item for item in part if item.originator_id == stream_id])
            log.drain()
            assert log.differences() == []

    assert contributed(log, ids) == {
        household.id: contributions
        for household in pair.alone
        if (contributions := rows(household, log.today).contributions)
    }


def contributed(log: Simulated, ids: tuple[UUID, ...]) -> dict[UUID, Contributions]:
    with reading.live_views(log.pool) as (db, _):
        return tables.contributions_of(db, ids)


@many
@given(seed=seeds)
def test_a_merge_changes_no_count_of_people(seed: int):
    pair = Pair(seed)
    assume(all_assessed(*pair.alone))

    pair.merge()

    merged, apart = whole(*pair.households), whole(*pair.alone)
    assert of_people(merged) == of_people(apart)
    assert merged.households == apart.households - 1


@many
@given(seed=seeds)
def test_a_split_changes_no_count_of_people_and_none_of_the_households_needs(seed: int):
    life = OpenLife(uuid7(), seed)
    life.begin(25)
    source, before = life.household, deepcopy(life.household)
    going = [person.person_id for person in source.members if person.person_id != source.head][: 1 + seed % 3]
    assume(going)

    new = split(source, going, life.today)

    assume(all_assessed(before, source, new))
    apart, one = whole(source, new), whole(before)
    assert of_people(apart) == of_people(one)
    for measure in ("COM4", "CIT3"):
        place = MEASURES.index(measure)
        assert (apart.num[place], apart.den[place]) == (one.num[place], one.den[place])
    for measure in ("COM5", "CIT5"):
        assert apart.den[MEASURES.index(measure)] == one.den[MEASURES.index(measure)] + 1
    assert apart.households == one.households + 1


def split(source: Household, going: list[Any], on: date) -> Household:
    new = Household(uuid7())
    members = dict.fromkeys(going, "other_relative")
    two_households.split(source, new, By(on), split_on=on, members=members, head=going[0])
    return new


@pytest.mark.parametrize("seed", range(5))
def test_a_file_that_opened_again_is_replayed_as_it_is_shown(log: Simulated, seed: int):
    life = OpenLife(uuid7(), seed)
    life.begin(20)
    household, on = life.household, life.today
    household.close_household(By(on), closed_on=on, reason=("left_city", "gained_local_hukou")[seed % 2])
    later = min(UNTIL, on + timedelta(30))
    household.reopen_household(By(later), reopened_on=later, community=household.community)

    log.tell(household.collect_events())
    log.drain()

    assert log.differences() == []
