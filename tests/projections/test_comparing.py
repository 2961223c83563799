"""Two sets that show the same are found equal while both go on, and one that was doctored is found out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from casework.domain.aggregate import Recorded
from casework.domain.ids import partition_of, uuid7
from casework.errors import Refused
from casework.projections import rebuild
from casework.projections.comparing import Different, compare
from casework.projections.sets import ViewSet
from tests.projections.lives import EMPLOYERS, UNTIL, life
from tests.projections.simulated import Simulated, cut

HOUSEHOLDS = 12


def lives(seed: int) -> list[list[Recorded]]:
    """The streams of some new households."""
    return [life(uuid7(), seed * 1000 + number) for number in range(HOUSEHOLDS)]


@pytest.fixture
def pair(log: Simulated) -> tuple[ViewSet, ViewSet]:
    """The live set, and another that was filled beside it."""
    log.tell([event for stream in lives(1) for event in stream])
    log.drain()
    beside = rebuild.begin(log.engine)
    log.drain()
    return log.view("view_1"), beside


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_a_rebuild_equals_the_live_set_wherever_either_stands(log: Simulated, seed: int, share: float):
    first, rest = cut(lives(seed), share)
    log.tell(first)
    log.drain()
    beside = rebuild.begin(log.engine)
    while log.engine.fill():
        pass
    log.tell(rest)
    log.report_contract(EMPLOYERS[seed % len(EMPLOYERS)], UNTIL)
    log.engine.drain()

    found = compare(log.engine, log.view("view_1"), log.view(beside.name))

    assert found.all_rows
    assert (found.differing, found.differences, found.left_out) == ([], [], {})
    log.drain()


def test_sets_are_compared_while_events_come_and_both_go_on(log: Simulated, pair: tuple[ViewSet, ViewSet]):
    over = Event()

    def write() -> None:
        for seed in range(2, 1000):
            if over.is_set():
                return
            log.tell(life(uuid7(), seed))

    def drain() -> None:
        engine = log.new_engine()
        while not over.is_set():
            engine.drain()
            engine.fill()

    with ThreadPoolExecutor() as threads:
        busy = [threads.submit(write), threads.submit(drain), threads.submit(drain)]
        found = compare(log.engine, *pair)
        over.set()
        [each.result() for each in busy]

    assert (found.differing, found.differences) == ([], [])


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("household", "UPDATE view_2.household SET members = members + 1 WHERE household_id = %s"),
        ("household", "DELETE FROM view_2.household WHERE household_id = %s"),
        ("assessment", "UPDATE view_2.assessment SET next_change_on = '2999-01-01' WHERE household_id = %s"),
        ("contribution", "UPDATE view_2.contribution SET num[1] = num[1] + 1 WHERE household_id = %s"),
        ("worklist", "UPDATE view_2.worklist SET due_on = due_on + 1 WHERE household_id = %s"),
    ],
)
def test_a_doctored_row_is_named(log: Simulated, pair: tuple[ViewSet, ViewSet], table: str, change: str):
    [(household,), *_] = log.rows("SELECT household_id FROM contribution JOIN worklist USING (household_id) ORDER BY 1")
    log.as_owner(change, household)

    found = compare(log.engine, *pair)

    assert found.differing == [partition_of(household)]
    assert Different(partition_of(household), table, household) in found.differences


def test_a_doctored_total_is_named_by_its_unit(log: Simulated, pair: tuple[ViewSet, ViewSet]):
    [(partition, unit), *_] = log.rows("SELECT partition, unit_id FROM unit_total ORDER BY 1, 2")
    log.as_owner("UPDATE view_2.unit_total SET pupils = 99 WHERE partition = %s AND unit_id = %s", partition, unit)

    assert compare(log.engine, *pair).differences == [Different(partition, "unit_total", unit)]


def test_a_household_that_is_parked_in_both_sets_is_equal_whenever_it_was_parked(log: Simulated):
    stream = life(uuid7(), 3)
    log.tell(stream)
    log.drain()
    log.tell_poison(stream[0].originator_id, len(stream) + 1)
    log.drain()
    beside = rebuild.begin(log.engine)
    log.drain()

    found = compare(log.engine, log.view("view_1"), beside)

    assert (found.households, found.differences) == (1, [])


def test_a_partition_that_is_paused_beside_is_no_match(log: Simulated, pair: tuple[ViewSet, ViewSet]):
    log.as_owner("UPDATE view_2.checkpoint SET paused = 'why' WHERE partition = 3")

    with pytest.raises(Refused, match="Partition 3 of view_2 is paused: why"):
        compare(log.engine, *pair)


def test_a_partition_that_is_paused_in_the_first_set_is_left_out(log: Simulated, pair: tuple[ViewSet, ViewSet]):
    log.as_owner("UPDATE view_1.checkpoint SET paused = 'why' WHERE partition = 3")

    found = compare(log.engine, *pair)

    assert (found.left_out, found.differing) == ({3: "why"}, [])


def test_under_another_version_only_households_and_their_versions_must_be_equal(
    log: Simulated, pair: tuple[ViewSet, ViewSet]
):
    live, beside = pair
    log.as_owner("UPDATE view_2.household SET score = 0")
    other = beside._replace(policy=structs.replace(live.policy, version="2099.1"))

    found = compare(log.engine, live, other)
    log.as_owner("UPDATE view_2.household SET version = version + 1")
    worse = compare(log.engine, live, other)

    assert not found.all_rows
    assert (found.households, found.differing) == (HOUSEHOLDS, [])
    assert len(worse.differences) == HOUSEHOLDS
