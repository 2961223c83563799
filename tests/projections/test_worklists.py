"""Worklists in the views: written where something changed, gone where a household is parked, counted as listed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from uuid import UUID

import psycopg
import pytest

from casework.domain.aggregate import EVENT_TYPES, Recorded
from casework.domain.events.residence import ResidenceVerified
from casework.domain.events.services import ServiceDelivered
from casework.domain.ids import uuid7
from casework.domain.registry import unit_id
from casework.log.migrations import migrate
from casework.log.reading import Db
from casework.projections import reading, worklists
from casework.projections.worklists import Filter, Place
from tests.conftest import NewDatabase
from tests.log.given import stream_in
from tests.projections.lives import COMMUNITIES, UNTIL, life
from tests.projections.simulated import Simulated
from tests.projections.test_engine import lives

ITEMS = "SELECT household_id, place, why, due_on, xmin::text FROM worklist ORDER BY household_id, place"


def told(log: Simulated, seed: int, households: int = 8) -> list[UUID]:
    """Some households, drained; those that have something to do come first."""
    log.tell([event for stream in lives(seed, households) for event in stream])
    log.drain()
    return [row[0] for row in log.rows("SELECT household_id FROM worklist GROUP BY 1 ORDER BY count(*) DESC")]


@contextmanager
def live(log: Simulated) -> Iterator[Db]:
    with reading.live_views(log.pool) as (db, _):
        yield db


def test_what_changes_no_item_writes_none(log: Simulated):
    household = told(log, 21)[0]
    [(version,)] = log.rows("SELECT version FROM household WHERE household_id = %s", household)
    before = log.rows(ITEMS)
    moved = ServiceDelivered(occurred_on=UNTIL, episode_id=uuid7(), service="HLT-EDU")

    log.tell([Recorded(household, version + 1, moved)])
    log.drain()

    assert log.rows("SELECT version FROM household WHERE household_id = %s", household) == [(version + 1,)]
    assert log.rows(ITEMS) == before
    assert log.differences() == []


def test_an_item_that_is_done_leaves_its_place_to_the_next(log: Simulated):
    household = next(each for each in told(log, 22) if (each, "no-contact") in reasons(log))
    [(version,)] = log.rows("SELECT version FROM household WHERE household_id = %s", household)

    log.tell([Recorded(household, version + 1, ResidenceVerified(occurred_on=UNTIL, outcome="present"))])
    log.drain()

    places = [row[1] for row in log.rows(ITEMS) if row[0] == household]
    assert (household, "no-contact") not in reasons(log)
    assert places == list(range(1, len(places) + 1))
    assert log.differences() == []


def reasons(log: Simulated) -> set[tuple[UUID, str]]:
    return {(row[0], row[2]) for row in log.rows(ITEMS)}


def test_a_parked_household_has_one_item_and_its_own_again_after_the_fix(
    log: Simulated, monkeypatch: pytest.MonkeyPatch
):
    household = told(log, 23)[0]
    [(version,)] = log.rows("SELECT version FROM household WHERE household_id = %s", household)
    before = [row[:4] for row in log.rows(ITEMS) if row[0] == household]

    log.tell_poison(household, version + 1, "household.mended-worklist.v1")
    log.drain()
    with live(log) as db:
        parked = worklists.page(db, Filter(UNTIL, kind="parked", parked=True)).items
        unseen = worklists.page(db, Filter(UNTIL, kind="parked")).items
    stored = [row for row in log.rows(ITEMS) if row[0] == household]
    differences = log.differences()
    monkeypatch.setitem(EVENT_TYPES, "household.mended-worklist.v1", ResidenceVerified)
    log.engine.unpark(household.int & 63)

    assert ([item.household_id for item in parked], unseen, stored, differences) == ([household], [], [], [])
    mended = [row[:4] for row in log.rows(ITEMS) if row[0] == household]
    assert {row[2] for row in before} >= {row[2] for row in mended} != set()
    assert log.differences() == []


@pytest.mark.parametrize("begin", [date(2013, 12, 20), date(2014, 4, 20)], ids=["winter", "spring"])
def test_day_by_day_gives_the_same_items_as_one_look_at_the_end(log: Simulated, begin: date):
    log.today = begin
    told(log, 24, households=12)
    for _ in range(25):
        log.today += timedelta(1)
        log.drain()
    at_once = log.new_set()
    log.drain()

    assert log.contents(at_once)["worklist"] == log.contents("view_1")["worklist"] != []
    assert log.differences() == []


def test_pages_follow_the_days_on_which_things_are_due(log: Simulated):
    told(log, 25)
    with live(log) as db:
        whole = worklists.page(db, Filter(UNTIL), limit=1000).items
        pages, after = [], None
        while True:
            page = worklists.page(db, Filter(UNTIL), after=after, limit=7)
            pages += page.items
            after = page.next
            if after is None:
                break

    assert pages == whole
    assert [item.due_on for item in whole] == sorted(item.due_on for item in whole)
    assert len(whole) == len(log.rows(ITEMS))


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(UNTIL),
        Filter(UNTIL, kind="service_due", area="HLT"),
        Filter(UNTIL, bureau="HRSS", overdue=True),
        Filter(UNTIL, of_bureau="HLTH", bureau="HRSS"),
        Filter(UNTIL, overdue=False),
        Filter(UNTIL, communities=[unit_id(code) for code in COMMUNITIES[:2]]),
        Filter(UNTIL, communities=[unit_id(code) for code in COMMUNITIES[:2]], hidden=["FPL-FILE", "SSI-PEN"]),
        Filter(UNTIL, communities=[]),
    ],
)
def test_counts_are_the_lengths_of_lists(log: Simulated, wanted: Filter):
    told(log, 26)
    with live(log) as db:
        listed, counted = worklists.page(db, wanted, limit=10_000).items, worklists.counts(db, wanted)

    assert sum(each.items for each in counted) == len(listed)
    assert sum(each.overdue for each in counted) == sum(item.due_on < UNTIL for item in listed)
    assert not any({*item.services} & {*wanted.hidden} for item in listed)


def test_a_page_after_the_last_is_empty(log: Simulated):
    told(log, 27)
    with live(log) as db:
        page = worklists.page(db, Filter(UNTIL), after=Place(date(2999, 1, 1), stream_in(3), 1))

    assert page == ([], None)


def test_a_set_made_before_there_were_worklists_gets_the_table(empty_database: NewDatabase):
    with empty_database() as url:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("SELECT casework.create_view_set('2013.1', 1)")
            # As it was before: the file is undone, and applied once more.
            for schema in ("view_shape", "view_1"):
                db.execute(f"DROP TABLE {schema}.worklist")
                db.execute(f"ALTER TABLE {schema}.assessment DROP COLUMN worklist")
            db.execute("DELETE FROM casework.migration WHERE name = '0011_worklist.sql'")

        applied = migrate(url)

        with psycopg.connect(url) as db:
            granted = "SELECT has_table_privilege('casework_app', 'view_1.worklist', 'INSERT')"
            assert (applied, db.execute(granted).fetchone()) == (["0011_worklist.sql"], (True,))
            assert db.execute("SELECT count(worklist) FROM view_1.assessment").fetchone() == (0,)
            assert db.execute("SELECT casework.create_view_set('2013.1', 2)").fetchone() == ("view_2",)
            assert db.execute("SELECT count(*) FROM view_2.worklist").fetchone() == (0,)


def test_a_life_of_many_small_batches_ends_as_one(log: Simulated):
    stream = life(stream_in(9), 28, steps=30)
    for event in stream:
        log.tell([event])
        log.drain()

    assert log.differences() == []
