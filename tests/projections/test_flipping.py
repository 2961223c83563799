"""Readers see no gap and no error, and no position goes back, when the live set is another one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
from psycopg import errors

from casework.domain.ids import partition_of, uuid7
from casework.errors import CaseworkError, NotFound, Refused, Unavailable
from casework.log.pool import open_pool
from casework.projections import flipping, reading, rebuild, sets
from casework.projections.comparing import compare
from casework.projections.flipping import clean, drop_expired, flip, flip_back
from casework.projections.sets import ViewSet
from tests.projections.lives import life
from tests.projections.simulated import Simulated

READERS = 3


@pytest.fixture
def beside(log: Simulated) -> ViewSet:
    """A set that was filled beside the live one."""
    log.tell([event for seed in range(20) for event in life(uuid7(), seed)])
    log.drain()
    made = rebuild.begin(log.engine)
    log.drain()
    return made


def live(log: Simulated) -> str:
    """The name of the set that readers are in."""
    with reading.live_views(log.pool) as (_, view):
        return view.name


def eleven_minutes_pass(log: Simulated) -> None:
    """A flip lies longer back."""
    log.as_owner("UPDATE casework.live_view SET flipped_at = flipped_at - interval '11 minutes'")


def schemas(log: Simulated) -> set[str]:
    """The sets that have tables."""
    return {name for (name,) in log.rows("SELECT nspname::text FROM pg_namespace WHERE nspname ~ '^view_[0-9]'")}


@contextmanager
def busy(log: Simulated) -> Iterator[list[str]]:
    """Readers, writers and drains at work; the sets that readers were in, in the end."""
    over, seen = Event(), list[str]()

    def read() -> None:
        with open_pool(log.url, max_size=1) as pool:
            before: dict[int, int] = {}
            while not over.is_set():
                with reading.live_views(pool) as (db, view):
                    shown = sets.cutting(db)
                    rows = db.execute(COUNTED, prepare=True, binary=True).fetchall()
                assert all(shown.cut[partition] >= position for partition, position in before.items())
                assert sum(row[1] for row in rows) > 0
                before = shown.cut
                if view.name not in seen[-1:]:
                    seen.append(view.name)

    def write() -> None:
        seed = 0
        while not over.is_set():
            seed += 1
            log.tell(life(uuid7(), seed, steps=5))

    def drain() -> None:
        engine = log.new_engine()
        while not over.is_set():
            engine.drain()
            engine.fill()

    with ThreadPoolExecutor() as threads:
        jobs = [threads.submit(each) for each in (*[read] * READERS, write, drain, drain)]
        try:
            yield seen
        finally:
            over.set()
            for job in jobs:
                job.result()


COUNTED = "SELECT partition, count(*), sum(score) FROM household GROUP BY partition"


def wait_until(log: Simulated, seen: list[str], name: str) -> None:
    """Let readers arrive in a set."""
    pause = Event()
    while seen[-1:] != [name]:
        pause.wait(0.01)


def test_flip_back_and_clean_under_readers_and_writers(log: Simulated, beside: ViewSet):
    with busy(log) as seen:
        wait_until(log, seen, "view_1")
        there = flip(log.engine, beside)
        wait_until(log, seen, "view_2")
        back = flip_back(log.engine)
        wait_until(log, seen, "view_1")
        again = flip_back(log.engine)
        wait_until(log, seen, "view_2")
        eleven_minutes_pass(log)
        cleaned = clean(log.pool)

    assert [there, back, again] == [("view_2", "view_1"), ("view_1", "view_2"), ("view_2", "view_1")]
    assert cleaned == (["view_1"], [])
    assert schemas(log) == {"view_2"}
    log.drain()
    assert log.differences() == []


def test_a_flip_lets_the_other_set_pass_the_live_one(log: Simulated, beside: ViewSet):
    stream = life(uuid7(), 99)
    log.tell(stream)
    drain_live(log)

    flip(log.engine, beside)

    partition = partition_of(stream[0].originator_id)
    with reading.live_views(log.pool) as (db, view):
        assert view.name == "view_2"
        assert (
            sets.cutting(db).cut[partition]
            == log.rows("SELECT position FROM checkpoint WHERE partition = %s", partition)[0][0]
        )
    assert log.differences() == []


def drain_live(log: Simulated) -> None:
    """Let the live set alone take in what came."""
    log.as_owner("UPDATE view_2.checkpoint SET paused = 'held'")
    log.drain()
    log.as_owner("UPDATE view_2.checkpoint SET paused = NULL")


def test_flipping_to_the_live_set_changes_nothing(log: Simulated, beside: ViewSet):
    flip(log.engine, beside)

    assert flip(log.engine, beside) == ("view_2", "view_1")


def test_a_set_that_is_being_filled_is_not_flipped_to(log: Simulated):
    log.tell([event for number in range(4) for event in life(uuid7(), number)])
    log.drain()
    beside = rebuild.begin(log.engine)
    log.rows("UPDATE checkpoint SET filling_to = 9 WHERE partition = 1 RETURNING 1", view=beside.name)

    with pytest.raises(Refused, match="not filled"):
        flip(log.engine, beside)

    assert live(log) == "view_1"


def test_there_is_nothing_to_flip_back_to_before_a_flip_and_after_a_clean(log: Simulated, beside: ViewSet):
    with pytest.raises(NotFound):
        flip_back(log.engine)
    flip(log.engine, beside)
    eleven_minutes_pass(log)
    clean(log.pool)

    with pytest.raises(NotFound):
        flip_back(log.engine)
    with pytest.raises(Refused, match="was dropped"):
        flip(log.engine, ViewSet("view_1", beside.policy))


def test_both_sets_are_kept_up_until_the_former_is_dropped(log: Simulated, beside: ViewSet):
    flip(log.engine, beside)
    log.tell(life(uuid7(), 77))
    log.drain()

    assert {row.lag for rows in reading.status(log.pool).values() for row in rows} == {0}
    assert log.contents("view_1") == log.contents("view_2")


def test_nothing_is_dropped_within_ten_minutes_of_a_flip(log: Simulated, beside: ViewSet):
    flip(log.engine, beside)

    with pytest.raises(Refused, match="10 minutes"):
        clean(log.pool)

    assert schemas(log) == {"view_1", "view_2"}
    assert flip_back(log.engine).live == "view_1"


def test_a_rebuild_that_was_given_up_is_dropped(log: Simulated, beside: ViewSet):
    assert clean(log.pool) == (["view_2"], [])
    assert live(log) == "view_1"
    assert rebuild.begin(log.engine).name == "view_3"  # no name is used twice


def test_who_drains_a_set_that_was_dropped_finds_nothing_there(log: Simulated, beside: ViewSet):
    clean(log.pool)
    with log.pool.connection() as db, db.transaction():
        assert not sets.enter(db, beside)

    with pytest.raises(CaseworkError, match="was dropped"):
        rebuild.progress(log.engine, beside)


def test_a_clean_waits_until_nobody_is_in_a_set(log: Simulated, beside: ViewSet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(flipping, "TRIES", 2)
    with log.pool.connection() as db, db.transaction():
        sets.enter(db, beside)

        with pytest.raises(CaseworkError, match="readers were in the views"):
            clean(log.pool)

        assert db.execute("SELECT count(*) FROM household").fetchone() == (20,)
    assert clean(log.pool).dropped == ["view_2"]


def test_a_clean_that_was_cut_short_is_finished_by_the_next(log: Simulated, beside: ViewSet):
    with log.pool.connection() as db:
        assert db.execute("SELECT casework.retire_view_set('view_2')").fetchone() == ("retired",)
    assert [view.name for view in kept(log)] == ["view_1"]
    assert schemas(log) == {"view_1", "view_2"}

    assert drop_expired(log.pool) == ["view_2"]
    assert schemas(log) == {"view_1"}


def kept(log: Simulated) -> list[ViewSet]:
    """The sets that are worked on."""
    with log.pool.connection() as db:
        return sets.kept(db)


def test_the_live_set_cannot_be_dropped_and_another_role_drops_none(log: Simulated):
    with log.pool.connection() as db:
        assert db.execute("SELECT casework.retire_view_set('view_1')").fetchone() == ("live",)
        db.execute("SELECT casework.drop_view_set('view_1')")
        with pytest.raises(errors.InsufficientPrivilege):
            db.execute("DROP SCHEMA view_1 CASCADE")

    assert schemas(log) == {"view_1"}


def test_a_rebuild_that_is_begun_again_goes_on_with_the_same_set(log: Simulated, beside: ViewSet):
    assert rebuild.begin(log.engine) == beside
    flip(log.engine, beside)

    assert rebuild.begin(log.engine).name == "view_3"


def test_a_set_of_another_program_is_left_and_come_back_to(
    log: Simulated, beside: ViewSet, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(flipping, "WAIT_SECONDS", 0)
    log.as_owner("UPDATE casework.view_set SET projection_version = 0 WHERE name = 'view_1'")

    found = compare(log.engine, rebuild.live(log.engine), beside)
    there, back, again = flip(log.engine, beside), flip_back(log.engine), flip_back(log.engine)
    log.tell(life(uuid7(), 88))
    log.drain(log.new_engine())

    assert (found.all_rows, found.households, found.differing) == (False, 20, [])
    assert [each.live for each in (there, back, again)] == ["view_2", "view_1", "view_2"]
    with pytest.raises(Unavailable, match="has not come that far"):
        flip_back(log.engine)  # its own program's workers are not there to bring it so far


def test_the_progress_of_a_rebuild_counts_events(log: Simulated):
    log.tell([event for number in range(8) for event in life(uuid7(), number)])
    log.drain()
    beside = rebuild.begin(log.engine)

    before = rebuild.progress(log.engine, beside)
    log.drain()
    after = rebuild.progress(log.engine, beside)

    assert (before.done, before.unfilled > 0, before.paused) == (0, True, {})
    assert (after.done, after.unfilled) == (after.total, 0)
    assert after.total == before.total > 0
