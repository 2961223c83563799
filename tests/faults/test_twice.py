"""Row 6: whatever comes twice counts once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import redis

from casework.application import Casework
from casework.domain.ids import uuid7
from casework.errors import ClaimTaken
from casework.outcome import Outcome
from tests.faults.amounts import amount, seeds, within
from tests.faults.clients import Command, register, two_processes, visit
from tests.faults.invariants import assert_each_once, assert_views_hold, is_caught_up
from tests.given import by, registered
from tests.processes import Start
from tests.projections.lives import life
from tests.projections.simulated import Simulated
from workers.queue import DRAINS, DrainWaker, enqueue_drain, queue

SHOWN_SECONDS = 5
WAKE_UPS = amount(short=1000, long=20_000)


def test_the_same_job_twice_is_done_once(log: Simulated, start: Start, redis_url: str):
    workers = [start("drains", CASEWORK_DRAIN_LINGER_SECONDS="1") for _ in range(2)]
    for round in range(amount(short=2, long=50)):
        log.tell([event for seed in range(20) for event in life(uuid7(), 100 * round + seed, steps=5)])
        with redis.Redis.from_url(redis_url) as connection:
            drains = queue(DRAINS, connection)
            connection.delete(drains.key)
            enqueue_drain(drains)
            for job_id in drains.job_ids * 3:
                connection.rpush(drains.key, job_id)

        assert within(SHOWN_SECONDS, lambda: is_caught_up(log))

    assert [worker.poll() for worker in workers] == [None, None]
    assert_views_hold(log)


def test_a_thousand_wake_ups_at_once_are_one_drain(log: Simulated, start: Start, redis_url: str):
    log.tell([event for seed in range(20) for event in life(uuid7(), seed, steps=5)])
    waker = DrainWaker(redis_url)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(waker, [[number % 64] for number in range(WAKE_UPS)]))

    with redis.Redis.from_url(redis_url) as connection:
        assert len(queue(DRAINS, connection).job_ids) == 1
    start("drains")
    assert within(SHOWN_SECONDS, lambda: is_caught_up(log))
    assert_views_hold(log)
    waker.close()


def test_a_command_that_its_client_sends_again_has_one_effect_and_one_answer(log: Simulated, tmp_path: Path):
    answers: dict[UUID, Outcome] = {}
    with two_processes(log.url, tmp_path) as offices, ThreadPoolExecutor(4) as threads:
        household = registered(offices[0]).id
        for seed in seeds(short=10, long=1000):
            chance = Random(seed)
            context = by(key=uuid4().hex, body=b"1")
            person_id = uuid4()
            commands: list[Command] = [partial(register, office, person_id) for office in offices]
            if seed % 5 == 0:
                commands = [partial(visit, office, household) for office in offices]
                household = registered(offices[0]).id

            given = [threads.submit(chance.choice(commands), context) for _ in range(4)]

            first, *others = [each.result() for each in given]
            assert others == [first] * 3
            assert context.command_id is not None
            answers[context.command_id] = first
    assert_each_once(log, answers)


def test_the_same_row_in_two_feeds_counts_once(log: Simulated, tmp_path: Path):
    """Whether the feeds tell it of one household or of two, at once or one after the other."""
    with two_processes(log.url, tmp_path) as offices, ThreadPoolExecutor(8) as threads:
        for seed in seeds(short=6, long=500):
            chance = Random(seed)
            office = offices[0]
            households = [registered(office).id for _ in range(chance.randrange(1, 3))]

            def tell(office: Casework, household: UUID, row: str = f"row-{seed}") -> Outcome | ClaimTaken:
                context = by("service", key=uuid4().hex, body=b"1", source="HRSS", source_ref=row)
                try:
                    return visit(office, household, context)
                except ClaimTaken as taken:
                    return taken

            told = list(threads.map(tell, chance.choices(offices, k=8), chance.choices(households, k=8)))
            again = tell(office, households[0])

            [counted] = [each for each in told if isinstance(each, Outcome)]
            refused = [each for each in (*told, again) if isinstance(each, ClaimTaken)]
            assert [each.values["held_by"] for each in refused] == [counted.id] * 8
