"""Month ends that somebody began to count are counted by the workers of long jobs as well."""

from __future__ import annotations

from datetime import UTC, datetime

import redis

from casework.domain.ids import uuid7
from casework.domain.policy import load_policy
from casework.local.process import tries
from casework.projections import months
from casework.projections.months import MonthRun, Progress
from tests.processes import Start
from tests.projections.lives import life
from tests.projections.simulated import Simulated
from workers.queue import COUNTERS, LONG, enqueue_counts, queue

SECONDS = 60


def begun(log: Simulated) -> MonthRun:
    log.tell([event for seed in range(20) for event in life(uuid7(), seed)])
    with log.pool.connection() as db:
        return months.begin(db, 2013, load_policy("2013.1"), known_at=datetime(2026, 1, 1, tzinfo=UTC))


def progress(log: Simulated, run: MonthRun) -> Progress:
    with log.pool.connection() as db:
        return months.progress(db, run.id)


def test_workers_count_what_was_begun(log: Simulated, start: Start):
    run = begun(log)
    start("beat")
    start("long")
    start("long")

    for _ in tries(SECONDS, pause=0.1):
        if progress(log, run).is_whole:
            break

    assert progress(log, run).households == 20
    with log.pool.connection() as db:
        assert months.open_runs(db) == []


def test_no_more_is_asked_of_them_while_something_waits(log: Simulated, redis_url: str):
    run = begun(log)
    with redis.Redis.from_url(redis_url) as connection:
        long = queue(LONG, connection)

        first, second = enqueue_counts(long, [run.id]), enqueue_counts(long, [run.id])

        assert (first, second, len(long)) == (True, False, COUNTERS)
