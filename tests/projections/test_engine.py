"""Live = rebuilt = replayed, whatever comes in whichever order."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from time import monotonic

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.domain import registry
from casework.domain.aggregate import EVENT_TYPES, Recorded
from casework.domain.events.residence import ResidenceVerified
from casework.domain.ids import uuid7
from casework.projections import engine, reading
from tests.domain.rounds.given import given_round
from tests.log.given import stream_in
from tests.projections.lives import EMPLOYERS, UNTIL, life
from tests.projections.simulated import Simulated, cut

seeds = st.integers(0, 2**32 - 1)
several = settings(
    max_examples=4, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def lives(seed: int, households: int = 8, steps: int = 25) -> list[list[Recorded]]:
    """The streams of some new households."""
    return [life(uuid7(), seed * 1000 + number, steps) for number in range(households)]


def test_a_new_set_is_made_by_the_application_and_shown_by_the_live_one(log: Simulated):
    name = log.new_set()

    with reading.live_views(log.pool) as (_, live):
        assert (live.name, name) == ("view_1", "view_2")
    assert log.rows("SELECT count(*) FROM checkpoint WHERE position = 0", view=name) == [(64,)]


@several
@given(seed=seeds, shares=st.lists(st.floats(0, 1), min_size=1, max_size=3), days=st.integers(0, 400))
def test_live_views_equal_a_replay_and_a_rebuild(log: Simulated, seed: int, shares: list[float], days: int):
    left = lives(seed)
    for share in shares:
        first, _ = cut(left, share)
        left = [stream[round(len(stream) * share) :] for stream in left]
        log.tell(first)
        log.drain()
    log.tell([event for stream in left for event in stream])
    log.report_contract(EMPLOYERS[seed % len(EMPLOYERS)], UNTIL - timedelta(days))
    log.drain()
    log.today += timedelta(days)
    log.close_feed("HRSS", ("EMP", "SSH")[seed % 2], f"2013-{seed % 9 + 1:02}")
    log.drain()

    rebuilt = log.new_set()
    log.drain()

    assert log.differences() == []
    assert log.contents(rebuilt) == log.contents("view_1")


def test_a_batch_of_any_size_gives_the_same_rows(log: Simulated):
    streams = lives(1, households=12)
    first, second = cut(streams, 0.3)
    log.tell(first)
    small = log.new_engine(partitions=3, events=2, households=4, chunk=1)
    log.drain(small)

    log.tell(second)
    log.drain(small)

    assert log.differences() == []


def test_draining_again_moves_nothing(log: Simulated):
    log.tell([event for stream in lives(2) for event in stream])
    log.drain()

    assert log.drain() == 0


def test_day_by_day_gives_the_same_rows_as_one_look_at_the_end(log: Simulated):
    log.today = date(2013, 8, 25)
    log.tell([event for stream in lives(3) for event in stream])
    for month in range(1, 8):
        log.close_feed("EDUB", "EDU", f"2013-{month:02}")
    for _ in range(40):
        log.today += timedelta(1)
        log.drain()

    at_once = log.new_set()
    log.drain()

    assert log.differences() == []
    assert log.contents(at_once) == log.contents("view_1")


def test_a_date_that_goes_back_changes_nothing(log: Simulated):
    log.tell([event for stream in lives(4) for event in stream])
    log.drain()
    before = log.contents("view_1")

    log.today -= timedelta(100)

    assert log.drain() == 0
    assert log.contents("view_1") == before


def test_where_the_clock_is_behind_a_checkpoint_its_date_stands(log: Simulated):
    log.tell([event for stream in lives(5) for event in stream])
    log.today = date(2014, 6, 1)
    log.drain()
    log.today = UNTIL
    log.tell([event for stream in lives(6) for event in stream])

    log.drain()

    assert {row.lag for row in reading.status(log.pool)["view_1"]} == {0}
    assert {row[0] for row in log.rows("SELECT as_of FROM checkpoint")} == {date(2014, 6, 1)}
    assert log.differences() == []


def test_a_partition_that_is_ahead_in_date_takes_no_other_with_it(log: Simulated):
    streams = {partition: life(stream_in(partition), partition) for partition in range(6)}
    log.tell([event for stream in streams.values() for event in stream[:5]])
    log.drain()
    log.today += timedelta(365)
    log.tell(streams[0][5:10])
    log.engine.drain([0])  # by a clock that is wrong for a moment
    log.today -= timedelta(365)

    log.tell([event for partition, stream in streams.items() for event in stream[5 if partition else 10 :]])
    log.drain()

    ahead = log.rows("SELECT partition FROM checkpoint WHERE as_of > %s", log.today)
    assert ahead == [(0,)]
    assert {row.lag for row in reading.status(log.pool)["view_1"]} == {0}
    assert log.differences() == []


def test_a_collective_contract_is_seen_in_the_figures_of_the_employer(log: Simulated):
    log.tell([event for stream in lives(7, households=40) for event in stream])
    log.drain()
    employer = registry.unit_id(EMPLOYERS[0])

    def met() -> int:
        with reading.live_views(log.pool) as (db, _):
            rate = reading.tally(db, [employer]).rate("WRK5")
            assert rate is not None
            return rate.num

    before = met()
    log.report_contract(EMPLOYERS[0], UNTIL - timedelta(30))
    log.drain()

    assert before == 0 < met()


def test_a_contract_whose_report_was_voided_counts_no_more(log: Simulated):
    log.tell([event for stream in lives(7, households=40) for event in stream])
    log.report_contract(EMPLOYERS[0], UNTIL - timedelta(30))
    log.drain()
    employer = registry.unit_id(EMPLOYERS[0])

    voided = registry.UnitFactVoided(occurred_on=UNTIL, voids=1, fact="UF-COLL", reason="entry_error")
    log.tell_registry(employer, voided)
    log.drain()

    with reading.live_views(log.pool) as (db, _):
        rate = reading.tally(db, [employer]).rate("WRK5")
    assert rate is not None
    assert (rate.num, rate.den > 0) == (0, True)
    assert log.differences() == []


def test_an_unknown_type_parks_one_household_and_the_rest_go_on(log: Simulated):
    streams = lives(8)
    poisoned = streams[0][0].originator_id
    log.tell([event for stream in streams for event in stream])
    log.drain()
    log.tell_poison(poisoned, len(streams[0]) + 1)

    log.drain()

    [(stale,)] = log.rows("SELECT stale FROM household WHERE household_id = %s", poisoned)
    assert stale
    assert log.rows("SELECT household_id, error FROM parked") == [(poisoned, "Undecodable: household.unheard-of.v1")]
    assert log.rows("SELECT count(*) FROM contribution WHERE household_id = %s", poisoned) == [(0,)]
    assert log.differences() == []


def test_after_the_fix_an_unparked_household_counts_again(log: Simulated, monkeypatch: pytest.MonkeyPatch):
    streams = lives(9, households=3)
    poisoned = streams[0][0].originator_id
    log.tell([event for stream in streams for event in stream])
    log.tell_poison(poisoned, len(streams[0]) + 1, "household.mended.v1")
    log.drain()

    monkeypatch.setitem(EVENT_TYPES, "household.mended.v1", ResidenceVerified)
    left = log.engine.unpark(poisoned.int & 63)

    assert left == 0
    assert log.rows("SELECT count(*) FROM parked") == [(0,)]
    assert log.differences() == []


def test_a_household_that_can_be_read_again_is_unparked_by_its_next_event(
    log: Simulated, monkeypatch: pytest.MonkeyPatch
):
    stream = life(uuid7(), 10)
    log.tell(stream[:5])
    log.tell_poison(stream[0].originator_id, 6, "household.mended-too.v1")
    log.drain()
    monkeypatch.setitem(EVENT_TYPES, "household.mended-too.v1", ResidenceVerified)

    log.tell([Recorded(stream[0].originator_id, 7, ResidenceVerified(occurred_on=UNTIL, outcome="present"))])
    log.drain()

    assert log.rows("SELECT count(*) FROM parked") == [(0,)]
    assert log.differences() == []


def test_many_failures_pause_their_partition_and_no_other(log: Simulated):
    bad = [stream_in(5) for _ in range(21)]
    for household_id in bad:
        log.tell_poison(household_id, 1)
    log.tell([event for stream in lives(11) for event in stream if stream[0].originator_id.int & 63 != 5])

    log.drain()

    paused = {row.partition: row.paused for row in reading.status(log.pool)["view_1"] if row.paused}
    assert list(paused) == [5]
    assert "21 of 21 households failed" in str(paused[5])
    assert {row.lag for row in reading.status(log.pool)["view_1"] if row.partition != 5} == {0}


def test_a_paused_partition_goes_on_after_the_fix(log: Simulated, monkeypatch: pytest.MonkeyPatch):
    streams = [life(stream_in(5), seed, steps=3) for seed in range(21)]
    log.tell([event for stream in streams for event in stream])
    for stream in streams:
        log.tell_poison(stream[0].originator_id, len(stream) + 1, "household.mended-at-last.v1")
    log.drain()
    assert log.rows("SELECT partition FROM checkpoint WHERE paused IS NOT NULL") == [(5,)]

    monkeypatch.setitem(EVENT_TYPES, "household.mended-at-last.v1", ResidenceVerified)
    log.engine.unpark(5)
    log.drain()

    assert log.rows("SELECT partition FROM checkpoint WHERE paused IS NOT NULL") == []
    assert log.differences() == []


def test_a_registry_event_that_cannot_be_read_stops_the_registry_alone(log: Simulated):
    log.report_contract(EMPLOYERS[1], date(2013, 1, 1))
    log.tell_poison(registry.unit_id("somewhere"), 1, "unit.unheard-of.v1")
    log.report_contract(EMPLOYERS[2], date(2013, 1, 1))
    log.tell([event for stream in lives(12) for event in stream])

    log.drain()

    assert {row[0] for row in log.rows("SELECT registry_position FROM checkpoint")} == {1}
    assert {row.lag for row in reading.status(log.pool)["view_1"]} == {0}
    assert log.differences() == []


def test_two_engines_share_the_work_and_count_nothing_twice(log: Simulated):
    streams = lives(13, households=40)
    first, second = cut(streams, 0.5)
    engines = [log.new_engine(partitions=2), log.new_engine(partitions=2)]
    for events in (first, second):
        log.tell(events)
        with ThreadPoolExecutor() as pool:
            list(pool.map(log.drain, engines))
        log.drain()

    assert log.differences() == []


def test_the_database_cutting_the_connection_parks_nothing(log: Simulated):
    log.tell([event for stream in lives(14) for event in stream])
    log.as_owner(CUT_WHO_WRITES)

    with pytest.raises(psycopg.OperationalError):
        log.drain()
    log.as_owner("DROP TRIGGER cut ON view_1.household")
    log.drain()

    assert log.rows("SELECT count(*) FROM parked") == [(0,)]
    assert log.differences() == []


@pytest.mark.parametrize("code", ["22003", "23514", "54000"])  # data, integrity, a program's limit
def test_rows_that_the_database_refuses_pause_their_partition_alone(log: Simulated, code: str):
    streams = [life(stream_in(partition), partition) for partition in range(20)]
    log.tell([event for stream in streams for event in stream])
    log.as_owner(REFUSED.format(code))

    log.drain()

    assert log.rows("SELECT partition FROM checkpoint WHERE paused IS NOT NULL") == [(7,)]
    assert {row.partition for row in reading.status(log.pool)["view_1"] if row.lag} == {7}

    log.as_owner("DROP TRIGGER refuse ON view_1.household")
    log.engine.unpark(7)
    log.drain()

    assert log.differences() == []


def test_a_partition_whose_own_transactions_break_off_holds_up_no_other(
    log: Simulated, monkeypatch: pytest.MonkeyPatch
):
    """A damaged page, say: nothing that a household did, so nothing is parked or paused, and it is tried again."""
    log.tell([event for p in range(20) for event in life(stream_in(p), p)])
    log.as_owner(REFUSED.format("XX001"))

    for _ in range(40):
        with suppress(psycopg.errors.DataCorrupted):
            if not log.engine.drain():
                break

    assert {row.partition for row in reading.status(log.pool)["view_1"] if row.lag} == {7}
    assert log.rows("SELECT paused FROM checkpoint WHERE paused IS NOT NULL") == []
    assert log.rows("SELECT count(*) FROM parked") == [(0,)]

    log.as_owner("DROP TRIGGER refuse ON view_1.household")
    monkeypatch.setattr(engine, "monotonic", lambda: monotonic() + engine.LEFT_SECONDS)
    log.drain()

    assert log.differences() == []


REFUSED = """
CREATE FUNCTION view_1.refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{}'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON view_1.household
    FOR EACH ROW WHEN (NEW.partition = 7) EXECUTE FUNCTION view_1.refuse()"""

CUT_WHO_WRITES = """
CREATE FUNCTION view_1.cut() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE TRIGGER cut AFTER INSERT ON view_1.household FOR EACH STATEMENT EXECUTE FUNCTION view_1.cut()"""


@pytest.mark.parametrize(
    "place", ["claimed", "events-read", "rows-written", "totals-moved", "checkpoints-moved", "committed"]
)
def test_killed_anywhere_another_goes_on(log: Simulated, place: str):
    streams = lives(15)
    first, second = cut(streams, 0.5)
    log.tell(first)
    log.drain()
    log.tell(second)
    log.report_contract(EMPLOYERS[0], UNTIL)

    killed = log.drain_in_process(f"{place}=kill@2")
    log.drain()

    assert killed == -9
    assert log.differences() == []


def test_a_fact_and_a_household_that_change_together_are_both_seen(log: Simulated):
    """No lost re-assessment, in whatever order drains, facts and events of the same household come."""
    stream = life(stream_in(7), 16, steps=25)
    change: list[Callable[[], object]] = [
        lambda: log.drain(),
        lambda: log.report_contract(EMPLOYERS[0], UNTIL),
        lambda: log.engine.drain(),
        lambda: log.close_feed("HRSS", "EMP", "2013-08"),
    ]
    for place, event in enumerate(stream):
        log.tell([event])
        change[place % len(change)]()
    log.drain()

    assert log.differences() == []


def test_what_happens_to_a_round_leaves_every_household_as_it_is(log: Simulated):
    log.tell([event for stream in lives(3) for event in stream])
    log.drain()
    rows = "SELECT household_id, xmin::text FROM assessment ORDER BY 1"
    before = log.rows(rows)

    log.tell(given_round("closed").pending)
    assert log.drain_in_process("") == 0

    assert log.rows(rows) == before
    assert log.rows("SELECT DISTINCT registry_position FROM checkpoint") == [(len(given_round("closed").pending),)]
    assert log.differences() == []
