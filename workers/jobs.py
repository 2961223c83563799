"""The jobs: thin, safe to repeat, ids only. A worker runs nothing that is not in ``JOBS``."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from casework import wiring
from casework.application import Casework
from casework.bulk import exporting, importing, undoing
from casework.bulk.sheets import FileRefused
from casework.config import Settings
from casework.domain.ids import PARTITIONS
from casework.domain.policy import load_policy, parse_draft
from casework.errors import CaseworkError, Refused, Unavailable
from casework.log.pool import Pool, open_pool
from casework.outcome import Context
from casework.privacy.duplicates import Duplicates
from casework.projections import counting, jobs, replay, verify
from casework.projections.engine import AWAY, Engine
from casework.projections.lingering import drain_all, fill_until
from casework.projections.replay import Clocks, UnitsAsked
from casework.selection import freezing, kept
from casework.selection.appealing import appeal
from casework.selection.kept import told
from casework.selection.trying import what_if
from casework.stopping import StopEvent
from casework.streams.webhooks.lanes import Lanes, lanes_of
from casework.wake import Wake

stopping = StopEvent()
"""Set by a stop signal: what lingers ends, what works ends after its transaction."""


class Runtime(NamedTuple):
    """What the jobs of one process share; made at the first job, so after any fork."""

    settings: Settings
    pool: Pool
    engine: Engine
    wake: Wake

    def close(self) -> None:
        """Close its connections."""
        self.wake.close()
        self.pool.close()


_runtimes: dict[int, Runtime] = {}
_settings: list[Settings] = []
_lanes: list[Lanes] = []
"""This process's, once it has sent webhooks; such a process never forks."""


def configure(settings: Settings) -> None:
    """Say what this process and its children work on; nothing is opened yet."""
    _settings[:] = [settings]


def runtime() -> Runtime:
    """Return this very process's connections, opened when they are first asked for."""
    made = _runtimes.get(os.getpid())
    if made is None:
        settings = _settings[0] if _settings else Settings.from_env()
        if settings.database_url is None or settings.redis_url is None:
            raise RuntimeError("A worker needs CASEWORK_DATABASE_URL and CASEWORK_REDIS_URL.")
        pool = open_pool(settings.database_url, role=settings.database_role, max_size=6)
        made = Runtime(settings, pool, Engine(pool), Wake(settings.redis_url))
        _runtimes[os.getpid()] = made
    return made


def close() -> None:
    """Close this process's connections, if it has any."""
    while _lanes:
        _lanes.pop().close()
    made = _runtimes.pop(os.getpid(), None)
    if made is not None:
        made.close()


def drain_views(seconds: float | None = None) -> int:
    """Take partitions that are behind until none is, and linger for more until the time is spent."""
    ours = runtime()
    linger = ours.settings.drain_linger_seconds if seconds is None else seconds
    return drain_all(ours.engine, ours.wake, until=monotonic() + linger, stop=stopping)


def fill_partition(view: str, partition: int, seconds: float = 60) -> int:
    """Fill a partition of a set beside the live one, until it is filled or the time is spent.

    What is behind is drained in between. Where another worker has the partition there is nothing to do.
    """
    ours = runtime()
    return fill_until(ours.engine, monotonic() + seconds, stopping, ours.wake.tell_shown, view, partition)


def count_months(run: str, seconds: float = 60) -> int:
    """Count partitions of a run of month ends until none waits or the time is spent; return how many were counted."""
    with runtime().pool.connection() as db:
        return counting.count_until(db, UUID(run), until=monotonic() + seconds, stop=stopping)


def deliver_webhooks(seconds: float | None = None) -> None:
    """Send what webhooks are due, and what comes, until the time is spent."""
    ours = runtime()
    if not _lanes:
        _lanes.append(lanes_of(_casework(ours.pool), ours.settings, stopping))
    linger = ours.settings.drain_linger_seconds if seconds is None else seconds
    _lanes[0].attend(ours.wake, until=monotonic() + linger)


def verify_views(sample: int | None = None, seed: int = 0) -> dict[str, Any]:
    """Compare view rows with a replay; return how many were compared and the first differences as text."""
    found = verify.verify(runtime().pool, sample=sample, seed=seed)
    return {**found._asdict(), "differences": [str(difference) for difference in found.differences]}


def run_job(job_id: str) -> None:
    """Do a job of the database's; whoever asked for it looks there."""
    pool, id = runtime().pool, UUID(job_id)
    with pool.connection() as db:
        job = jobs.find(db, id)
        if job is None or not jobs.begin(db, id):
            return
    try:
        result = KINDS[job.kind](pool, job)
    except jobs.Cancelled:
        return
    except (*AWAY, Unavailable):
        raise  # the beat finds it untouched and has it begun again
    except (Refused, FileRefused) as error:  # an answer to whoever asked: nothing is wrong with the work
        with pool.connection() as db:
            jobs.fail(db, id, error.code, error.values if isinstance(error, FileRefused) else None)
        return
    except Exception as error:
        with pool.connection() as db:
            jobs.fail(db, id, error.code if isinstance(error, CaseworkError) else "internal")
        raise
    with pool.connection() as db:
        jobs.finish(db, id, result)


def count_units(pool: Pool, job: jobs.Job) -> dict[str, Any]:
    """Count units at a past cut, date or policy: what was asked names them by id, the unit that is meant first."""
    asked = msgspec.convert(job.asked, UnitsAsked, str_keys=True)
    units, policy = asked.units, load_policy(asked.policy)
    found = replay.replay_units(
        pool,
        units,
        policy,
        Clocks(asked.as_of, asked.cut, asked.known_at),
        _progress(pool, job),
        tree=asked.tree,
    )
    return {"tallies": {str(unit): tally.counts for unit, tally in found.tallies.items()}, "failed": found.failed}


def import_rows(pool: Pool, job: jobs.Job) -> dict[str, Any]:
    """Try or give the rows of a file that was uploaded; return how many came to what."""
    id, stage = UUID(job.asked["import"]), job.asked["stage"]
    return importing.run(_casework(pool), id, stage, _progress(pool, job))


def undo_import(pool: Pool, job: jobs.Job) -> dict[str, Any]:
    """Undo the rows of an import; return how many could not be."""
    return undoing.run(_casework(pool), UUID(job.asked["import"]), _progress(pool, job))


def export_rows(pool: Pool, job: jobs.Job) -> dict[str, Any]:
    """Write a file of what somebody may see; return its manifest."""
    return exporting.run(_casework(pool), UUID(job.asked["export"]), _progress(pool, job))


def _casework(pool: Pool) -> Casework:
    ours = runtime()
    return Casework(pool, wiring.open_persons(ours.settings, pool), wake=ours.wake)


def _progress(pool: Pool, job: jobs.Job) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        with pool.connection() as db:
            jobs.progress(db, job.id, done, total)

    return progress


def find_duplicates(pool: Pool, job: jobs.Job) -> dict[str, Any]:
    """Compare all people who share what probable duplicates share, and queue those whom a reviewer should see."""
    duplicates = Duplicates(wiring.open_persons(runtime().settings, pool))
    queued = 0
    with pool.connection() as db, pool.connection() as telling:
        for done, found in enumerate(duplicates.look_at_all(db), 1):
            queued += found
            jobs.progress(telling, job.id, done, 0)
    return {"queued": queued}


def freeze_round(pool: Pool, job: jobs.Job) -> dict[str, Any]:
    """Count a year and freeze the figures of its round; one that is frozen stays as it is."""
    return _of_round(pool, job, freezing.freeze)


def rank_round(pool: Pool, job: jobs.Job) -> dict[str, Any]:
    """Rank the candidates of a round; one that is ranked stays as it is."""
    return _of_round(pool, job, freezing.rank)


def try_policy(pool: Pool, job: jobs.Job) -> dict[str, Any]:
    """Compute what a round would come to under a draft policy; nothing of the round is changed."""
    content = job.asked["draft"].encode()
    with pool.connection() as db:
        found = what_if(_casework(pool), db, job.asked["year"], parse_draft(content), content, _count(pool, job))
    return told(found)


def appeal_round(pool: Pool, job: jobs.Job) -> dict[str, Any]:
    """Compute what a round's figures are as known at a later instant, and keep the events responsible."""
    known_at, progress = datetime.fromisoformat(job.asked["known_at"]), _progress(pool, job)
    with pool.connection() as db, pool.connection() as keeping:
        found = appeal(_casework(pool), db, job.asked["year"], known_at, _count(pool, job))
        for done, some in enumerate(found.events, 1):
            kept.keep(keeping, job.id, some)
            progress(done, PARTITIONS + 1)
    return told(found.compared)


def _of_round(pool: Pool, job: jobs.Job, step: freezing.Step) -> dict[str, Any]:
    year, context = int(job.asked["year"]), Context(actor=job.asked["actor"], role=job.asked["role"])
    with pool.connection() as db:
        step(_casework(pool), db, context, year, _count(pool, job))
    return {"round": year}


def _count(pool: Pool, job: jobs.Job) -> freezing.Count:
    progress = _progress(pool, job)
    return lambda db, run: counting.count_all(db, run, lambda now: progress(now.done, now.total))


KINDS: dict[str, Callable[[Pool, jobs.Job], dict[str, Any]]] = {
    "count_units": count_units,
    "find_duplicates": find_duplicates,
    "import_rows": import_rows,
    "undo_import": undo_import,
    "export_rows": export_rows,
    "freeze_round": freeze_round,
    "rank_round": rank_round,
    "try_policy": try_policy,
    "appeal_round": appeal_round,
}
"""What the database's jobs can be."""

JOBS: dict[str, Callable[..., Any]] = {
    "drain_views": drain_views,
    "fill_partition": fill_partition,
    "count_months": count_months,
    "verify_views": verify_views,
    "run_job": run_job,
    "deliver_webhooks": deliver_webhooks,
}
