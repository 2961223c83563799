"""What lists, searches and units' figures read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from time import monotonic
from typing import Any

import pytest

from casework import wake
from casework.domain.ids import partition_of, uuid7
from casework.domain.metrics import EMPTY, MEASURES, Tally, added, unit_figures
from casework.domain.registry import unit_id
from casework.projections import reading, sets
from casework.projections.lingering import drain_behind
from casework.projections.reading import Filter
from casework.projections.verify import verify
from casework.projections.views import HouseholdRow
from tests.projections.lives import COMMUNITIES, EMPLOYERS, UNTIL, life
from tests.projections.simulated import Simulated

UNITS = [unit_id(code) for code in COMMUNITIES]


@pytest.fixture
def filled(log: Simulated) -> Simulated:
    """Sixty households, drained."""
    log.tell([event for seed in range(60) for event in life(uuid7(), seed)])
    log.drain()
    return log


def listed(log: Simulated, filter: Filter, limit: int) -> list[HouseholdRow]:
    """All pages of a list, one after the other."""
    items: list[HouseholdRow] = []
    after = None
    while True:
        with reading.live_views(log.pool) as (db, _):
            page = reading.households(db, filter, after=after, limit=limit)
        assert len(page.items) <= limit
        items += page.items
        if page.next is None:
            return items
        after = page.next


@pytest.mark.parametrize("limit", [1, 7, 60, 1000])
def test_pages_of_any_size_show_every_household_once_in_their_order(filled: Simulated, limit: int):
    items = listed(filled, Filter(), limit)

    places = [(partition_of(item.household_id), item.household_id) for item in items]
    assert places == sorted(set(places))
    assert len(places) == 60


@pytest.mark.parametrize(
    ("filter", "fits"),
    [
        (Filter(status="closed"), lambda row: row.status == "closed"),
        (Filter(band="D"), lambda row: row.band == "D"),
        (Filter(level="city", band="NA"), lambda row: row.bands[3] == "NA"),
        (Filter(communities=UNITS[:2]), lambda row: row.community_id in UNITS[:2]),
        (
            Filter(communities=UNITS[:3], status="assessed", level="school", band="NA"),
            lambda row: row.community_id in UNITS[:3] and row.status == "assessed" and row.bands[0] == "NA",
        ),
        (Filter(communities=[]), lambda row: False),
    ],
)
def test_a_filter_shows_what_fits_and_nothing_else(
    filled: Simulated, filter: Filter, fits: Callable[[HouseholdRow], Any]
):
    everything = listed(filled, Filter(), 1000)

    assert listed(filled, filter, 5) == [row for row in everything if fits(row)]


def test_a_household_is_found_by_each_of_its_people(filled: Simulated):
    some = listed(filled, Filter(), 1000)[:10]

    with reading.live_views(filled.pool) as (db, _):
        for row in some:
            for person in row.persons:
                assert [found.household_id for found in reading.with_persons(db, [person])] == [row.household_id]
        assert reading.with_persons(db, []) == reading.with_persons(db, [uuid7()]) == []


def test_a_row_and_its_assessment_are_read_by_id(filled: Simulated):
    [row, *_] = listed(filled, Filter(status="assessed"), 5)

    with reading.live_views(filled.pool) as (db, _):
        assessment = reading.assessment(db, row.household_id)
        assert reading.household(db, row.household_id) == row
        assert (reading.household(db, uuid7()), reading.assessment(db, uuid7())) == (None, None)

    assert assessment is not None
    assert len(assessment.states) == len(assessment.num) == len(assessment.den) == 18


def test_the_tally_of_some_units_is_the_sum_of_theirs(filled: Simulated):
    with reading.live_views(filled.pool) as (db, view):
        together, each = reading.tally(db, UNITS), reading.tallies(db, UNITS)
        assert reading.tally(db, [uuid7()]) == EMPTY

    assert together == Tally.of(added([tally.counts for tally in each.values()]))
    assert together.households == len(listed(filled, Filter(status="assessed"), 1000))
    assert unit_figures(together, view.policy).overall.score is not None


def test_employers_have_their_employees_counts_and_no_others(filled: Simulated):
    with reading.live_views(filled.pool) as (db, _):
        tally = reading.tally(db, [unit_id(EMPLOYERS[0])])
        behind = reading.contributors(db, unit_id(EMPLOYERS[0]), limit=100)

    counted = {code for code, den in zip(MEASURES, tally.den, strict=True) if den}
    assert counted == {"WRK1", "WRK5", "K03B", "K03D"}
    assert tally.employees == tally.den[MEASURES.index("WRK5")]
    assert len(behind) == tally.households


def test_a_parked_household_is_missing_from_its_communitys_figures(filled: Simulated):
    [row, *_] = listed(filled, Filter(status="assessed"), 5)
    assert row.community_id is not None
    filled.tell_poison(row.household_id, row.version + 1)

    filled.drain()

    with reading.live_views(filled.pool) as (db, _):
        assert reading.missing(db, [row.community_id]) == 1
        assert reading.missing(db, [unit for unit in UNITS if unit != row.community_id]) == 0
        assert [parked.household_id for parked in reading.parked(db)] == [row.household_id]


def test_figures_name_the_cut_they_were_computed_at(filled: Simulated):
    with reading.live_views(filled.pool) as (db, view):
        shown = sets.cutting(db)

    heads = {row.partition: row.head for row in reading.status(filled.pool)["view_1"]}
    assert shown.cut == heads
    assert (shown.as_of, shown.registry_position, view.policy.version) == (UNTIL, 0, "2013.1")


def test_waiting_ends_when_the_views_show_the_position(log: Simulated):
    stream = life(uuid7(), 1)
    partition = partition_of(stream[0].originator_id)
    log.tell(stream)

    before = reading.wait_for_position(log.pool, partition, len(stream), timeout=0)
    log.drain()

    assert (before, reading.wait_for_position(log.pool, partition, len(stream), timeout=0)) == (False, True)


def test_a_wait_is_woken_by_the_drain_that_moved_the_views(
    log: Simulated, redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "POLL_SECONDS", 3600)
    monkeypatch.setattr(wake, "LISTEN_SECONDS", 3600)
    stream, moves, drains = life(uuid7(), 1), wake.Shown(redis_url), wake.Wake(redis_url)
    partition = partition_of(stream[0].originator_id)

    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(reading.wait_for_position, log.pool, partition, len(stream), 60, moves)
        log.tell(stream)
        while not wait([waiting], timeout=0.1).done:  # the first hints may come before the subscription
            drain_behind(log.engine, threading.Event(), until=monotonic())
            drains.tell_shown()

    assert waiting.result() is True
    moves.close()
    drains.close()


def test_waiting_for_the_registry_waits_for_all_partitions(log: Simulated):
    log.report_contract(EMPLOYERS[0], UNTIL)

    before = reading.wait_for_position(log.pool, 64, 1, timeout=0)
    log.drain()

    assert (before, reading.wait_for_position(log.pool, 64, 1, timeout=0)) == (False, True)


def test_no_partition_of_that_number_is_ever_shown(log: Simulated):
    assert not reading.wait_for_position(log.pool, 99, 0, timeout=0)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("household", "UPDATE view_1.household SET score = score + 1 WHERE score IS NOT NULL"),
        ("assessment", "UPDATE view_1.assessment SET next_change_on = '2999-01-01'"),
        ("contribution", "DELETE FROM view_1.contribution"),
        ("worklist", "DELETE FROM view_1.worklist"),
        ("worklist", "UPDATE view_1.worklist SET closes = 'services.deliver'"),
        ("worklist", "UPDATE view_1.worklist SET community_id = household_id"),
        ("unit_total", "UPDATE view_1.unit_total SET households = households + 1"),
        ("household", "DELETE FROM view_1.household"),
        ("household", "INSERT INTO view_1.household VALUES (3, 'ffffffff-ffff-7fff-bfff-ffffffffff03', 1)"),
    ],
)
def test_verifying_finds_what_was_changed_by_hand(filled: Simulated, table: str, change: str):
    assert verify(filled.pool).differences == []

    filled.as_owner(change)

    found = verify(filled.pool, most=5)
    assert table in {difference.table for difference in found.differences}
    assert len(found.differences) == 5 or "INSERT" in change


def test_a_sample_is_verified_without_totals(filled: Simulated):
    filled.as_owner("UPDATE view_1.unit_total SET households = households + 1")

    found = verify(filled.pool, sample=30)

    assert 30 <= found.households <= 60
    assert found.differences == []
