"""Row 1: a worker is killed wherever it stands; another goes on within 5 seconds."""

from __future__ import annotations

from random import Random

import pytest
import redis

from casework.domain.ids import uuid7
from casework.projections.engine import Engine
from tests.faults.amounts import seeds, within
from tests.faults.invariants import assert_views_hold, is_caught_up, wrong_moves
from tests.processes import Process, Start
from tests.projections.lives import EMPLOYERS, UNTIL, life
from tests.projections.simulated import Simulated
from workers.queue import DRAINS, enqueue_drain, queue

GOES_ON_SECONDS = 5
MOST_TURNS = 50
PLACES = ("claimed", "events-read", "rows-written", "totals-moved", "checkpoints-moved", "committed")


def test_killed_at_any_place_another_goes_on_within_5_seconds(log: Simulated, start: Start, redis_url: str):
    start("beat")
    start("drains")
    for number, seed in enumerate(seeds(short=6, long=200)):
        chance = Random(seed)
        place, turn = PLACES[number % len(PLACES)], chance.randrange(1, 4)
        dying = start("drains", CASEWORK_FAULT=f"{place}=kill@{turn}")

        keep_busy_until_it_dies(log, chance, dying, redis_url)

        assert within(GOES_ON_SECONDS, lambda: is_caught_up(log)), place
        assert_views_hold(log)


def keep_busy_until_it_dies(log: Simulated, chance: Random, dying: Process, redis_url: str) -> None:
    """Tell more and more, in all partitions, with a drain for each worker, until one of them is killed."""
    with redis.Redis.from_url(redis_url) as connection:
        for _ in range(MOST_TURNS):
            if dying.poll() is not None:
                break
            streams = [life(uuid7(), chance.getrandbits(32), steps=4) for _ in range(60)]
            for part in (slice(2), slice(2, None)):  # what is new is read in another way than what goes on
                log.tell([event for stream in streams for event in stream[part]])
                log.report_contract(chance.choice(EMPLOYERS), UNTIL)
                enqueue_drain(queue(DRAINS, connection))
                assert within(GOES_ON_SECONDS, lambda: is_caught_up(log))
    assert dying.poll() == -9


def test_a_checkpoint_that_is_set_back_is_noticed(log: Simulated):
    log.tell(life(uuid7(), 1))
    log.drain()

    log.as_owner("UPDATE view_1.checkpoint SET position = 0 WHERE position > 0")

    assert len(wrong_moves(log)) == 1


def test_rows_that_are_written_without_their_totals_are_noticed(log: Simulated, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("casework.projections.tables.Totals.write", lambda *_: None)
    log.tell(life(uuid7(), 1, steps=3))

    log.drain(Engine(log.pool, today=lambda: log.today))

    assert {difference.table for difference in log.differences()} == {"unit_total"}
