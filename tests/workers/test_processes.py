"""Real workers and beats on real servers: stopped, killed, and without Redis."""

from __future__ import annotations

from subprocess import PIPE
from threading import Event
from time import monotonic
from uuid import UUID

import psycopg
import pytest
import redis

from casework.domain.ids import partition_of, uuid7
from casework.domain.policy import load_policy
from casework.projections import reading, rebuild
from casework.wake import Wake
from tests.processes import Start, stop
from tests.projections.lives import life
from tests.projections.simulated import Simulated, stored
from workers.beat import Beat
from workers.queue import DRAINS, ClosedJob, DrainWaker, enqueue_drain, queue

LONG_ENOUGH = 60


def commit(log: Simulated, household_id: UUID | None = None) -> tuple[int, int]:
    """A new household; its partition and position."""
    household_id = household_id or uuid7()
    appended = log.recorder.append([stored(item) for item in life(household_id, 1, steps=4)])
    return partition_of(household_id), appended.positions[-1]


def is_shown(log: Simulated, place: tuple[int, int]) -> bool:
    """Wait until the views show a position."""
    return reading.wait_for_position(log.pool, *place, timeout=LONG_ENOUGH)


def test_a_commit_is_soon_in_the_views(log: Simulated, start: Start, redis_url: str):
    start("drains")
    start("beat")  # a hint may be lost
    waker = DrainWaker(redis_url)

    for _ in range(3):
        place = commit(log)
        waker([place[0]])
        assert is_shown(log, place)
    waker.close()


def test_a_stop_signal_ends_a_lingering_drain(log: Simulated, start: Start, redis_url: str):
    worker = start("drains", CASEWORK_DRAIN_LINGER_SECONDS="300")
    place = commit(log)
    with redis.Redis.from_url(redis_url) as connection:
        enqueue_drain(queue(DRAINS, connection))
    assert is_shown(log, place)

    assert stop(worker) == 0


@pytest.mark.parametrize("kind", ["drains", "long", "beat"])
def test_an_idle_process_stops_when_asked(log: Simulated, start: Start, redis_url: str, kind: str):
    process = start(kind)
    if kind == "beat":
        place = commit(log)
        start("drains")
        assert is_shown(log, place)
    else:
        registered = Event()
        with redis.Redis.from_url(redis_url) as connection:
            while not connection.scard("rq:workers"):
                registered.wait(0.05)

    assert stop(process) == 0


def test_the_tick_finds_what_nobody_was_woken_for(log: Simulated, start: Start):
    start("drains")
    start("beat")
    start("beat")

    assert is_shown(log, commit(log))


def test_a_killed_worker_is_replaced_by_another(log: Simulated, start: Start):
    start("beat")
    dying = start("drains", CASEWORK_FAULT="rows-written=kill")
    place = commit(log)
    assert dying.wait(timeout=LONG_ENOUGH) == -9

    start("drains")

    assert is_shown(log, place)
    assert log.differences() == []


def test_flushing_redis_loses_nothing(log: Simulated, start: Start, redis_url: str):
    start("beat")
    start("drains", CASEWORK_DRAIN_LINGER_SECONDS="1")
    places = []
    for _ in range(4):
        places.append(commit(log))
        with redis.Redis.from_url(redis_url) as connection:
            connection.flushdb()

    assert all(is_shown(log, place) for place in places)


def test_the_beat_drains_by_itself_while_redis_is_away(log: Simulated, start: Start):
    start("beat", CASEWORK_REDIS_URL="redis://127.0.0.1:1/0")

    assert is_shown(log, commit(log))


def test_a_worker_that_does_not_find_redis_tries_again_until_it_is_stopped(log: Simulated, start: Start):
    nowhere = {"CASEWORK_REDIS_URL": "redis://127.0.0.1:1/0", "CASEWORK_LOG_LEVEL": "warning"}
    worker = start("drains", stderr=PIPE, **nowhere)
    assert worker.stderr is not None

    said = [worker.stderr.readline() for _ in range(2)]

    assert all(b"Redis does not answer" in line for line in said)
    assert stop(worker) == 0


def test_a_beat_goes_on_where_the_database_gives_way_in_the_middle_of_a_tick(log: Simulated, redis_url: str):
    with redis.Redis.from_url(redis_url) as connection, psycopg.connect(log.url) as other:
        beat = Beat(log.engine, Wake(redis_url), queue(DRAINS, connection), Event())
        other.execute("LOCK TABLE casework.job")

        beat.tick()

    beat.tick()
    beat.wake.close()


def test_only_one_of_two_beats_ticks(log: Simulated, redis_url: str):
    with redis.Redis.from_url(redis_url) as connection, log.pool.connection() as db, db.transaction():
        beat = Beat(log.engine, Wake(redis_url), queue(DRAINS, connection), Event())
        db.execute("SELECT pg_advisory_xact_lock(1128354629, -3)")
        commit(log)

        beat.tick()

        assert queue(DRAINS, connection).job_ids == []
    beat.wake.close()


def test_a_tick_asks_for_one_drain_where_nobody_lingers(log: Simulated, redis_url: str):
    with redis.Redis.from_url(redis_url) as connection:
        beat = Beat(log.engine, Wake(redis_url), queue(DRAINS, connection), Event())
        commit(log)

        beat.tick()
        beat.tick()

        assert len(queue(DRAINS, connection).job_ids) == 1
    beat.wake.close()


def test_a_tick_asks_for_another_drain_where_those_that_linger_do_not_manage(log: Simulated, redis_url: str):
    listener = Wake(redis_url)
    with redis.Redis.from_url(redis_url) as connection, listener.listening(Event()):
        beat = Beat(log.engine, Wake(redis_url), queue(DRAINS, connection), Event())
        commit(log)

        beat.tick()
        first = queue(DRAINS, connection).job_ids
        beat.tick()

        assert first == []
        assert len(queue(DRAINS, connection).job_ids) == 1
    beat.wake.close()
    listener.close()


def test_a_current_log_needs_no_drain(log: Simulated, redis_url: str):
    with redis.Redis.from_url(redis_url) as connection:
        log.engine = log.new_engine()
        commit(log)
        log.drain()
        beat = Beat(log.engine, Wake(redis_url), queue(DRAINS, connection), Event())

        beat.tick()

        assert queue(DRAINS, connection).job_ids == []
    beat.wake.close()


def test_a_tick_asks_once_for_each_partition_that_waits_to_be_filled(log: Simulated, redis_url: str):
    filled = {commit(log)[0] for _ in range(3)}
    log.drain()
    rebuilt = log.new_set()
    with redis.Redis.from_url(redis_url) as connection:
        log.engine = log.new_engine()
        beat = Beat(log.engine, Wake(redis_url), queue(DRAINS, connection), Event())

        beat.tick()
        beat.tick()

        waiting = [beat.fills.fetch_job(each) for each in beat.fills.job_ids]
    assert [job.kwargs for job in waiting if isinstance(job, ClosedJob)] == [
        {"view": rebuilt, "partition": partition} for partition in sorted(filled)
    ]
    beat.wake.close()


def test_a_tick_drops_a_what_if_after_seven_days(log: Simulated, redis_url: str):
    what_if = rebuild.begin_what_if(log.engine, load_policy("2013.1"), None)
    log.as_owner("UPDATE casework.view_set SET created_at = created_at - interval '8 days' WHERE state = 'what_if'")
    with redis.Redis.from_url(redis_url) as connection:
        beat = Beat(log.engine, Wake(redis_url), queue(DRAINS, connection), Event())

        beat.tick()

    assert log.rows("SELECT state FROM casework.view_set WHERE name = %s", what_if.name) == [("dropped",)]
    beat.wake.close()


def test_a_killed_filling_is_gone_on_with_by_another_worker(log: Simulated, start: Start):
    for _ in range(20):
        commit(log)
    log.drain()
    rebuilt = log.new_set()
    start("beat")

    dying = start("drains", CASEWORK_FAULT="rows-written=kill@5")
    assert dying.wait(timeout=LONG_ENOUGH) == -9
    start("drains")
    start("drains")

    assert is_filled(log, rebuilt)
    assert log.differences(log.view(rebuilt)) == []


def test_without_redis_the_beat_fills_by_itself(log: Simulated, start: Start):
    commit(log)
    log.drain()
    rebuilt = log.new_set()

    start("beat", CASEWORK_REDIS_URL="redis://127.0.0.1:1/0")

    assert is_filled(log, rebuilt)


def is_filled(log: Simulated, view: str) -> bool:
    """Wait until a set has taken in all there is."""
    pause, ends = Event(), monotonic() + LONG_ENOUGH
    while monotonic() < ends:
        [rows] = [rows for name, rows in reading.status(log.pool).items() if name == view]
        if not any(row.lag for row in rows):
            return True
        pause.wait(0.05)
    return False
