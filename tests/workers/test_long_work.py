"""Long work as it is really carried: from the database by the beat into the queue, and to a worker of its own."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import msgspec
import pytest

from casework.domain.ids import uuid7
from casework.domain.registry import UnitRegistered, unit_id
from casework.local.process import tries
from casework.projections import jobs, replay
from casework.projections.jobs import Job
from casework.projections.replay import UnitsAsked
from tests.processes import Start
from tests.projections.lives import COMMUNITIES, UNTIL, life
from tests.projections.simulated import Simulated

SECONDS = 60
COMMUNITY = unit_id(COMMUNITIES[0])


@pytest.fixture
def asked(log: Simulated) -> UUID:
    """A job that counts a community, a year ago."""
    registered = UnitRegistered(occurred_on=date(2012, 1, 1), code=COMMUNITIES[0], kind="community", name_zh="社区")
    log.tell_registry(COMMUNITY, registered)
    log.tell([event for seed in range(20) for event in life(uuid7(), seed)])
    with log.pool.connection() as db:
        clocks = replay.clocks(db, UNTIL)
        question = UnitsAsked([COMMUNITY], clocks.as_of, clocks.cut, "2013.1")
        return jobs.ask(db, "count_units", "it", msgspec.to_builtins(question, str_keys=True))


def ended(log: Simulated, id: UUID) -> Job:
    """Wait until a job is over."""
    for _ in tries(SECONDS, pause=0.1):
        with log.pool.connection() as db:
            job = jobs.find(db, id)
        assert job is not None
        if job.state not in ("waiting", "queued", "running"):
            return job
    raise TimeoutError


def test_a_job_is_done_by_the_worker_of_long_jobs(log: Simulated, start: Start, asked: UUID):
    start("beat")
    start("long")

    job = ended(log, asked)

    assert (job.state, job.done, job.error) == ("done", 64, None)
    assert job.result is not None
    assert job.result["tallies"][str(COMMUNITY)][0] > 0


def test_a_job_whose_worker_is_gone_is_done_by_another(log: Simulated, start: Start, asked: UUID):
    log.as_owner("UPDATE casework.job SET state = 'running', touched_at = now() - interval '10 minutes'")

    start("beat")
    start("long")

    assert ended(log, asked).state == "done"
