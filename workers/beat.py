"""The beat: every second a tick looks for what waits. Two may run; none leads, and nothing depends on either alone."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from threading import Event
from time import monotonic

import redis
from rq import Queue

from casework.bulk import files
from casework.domain.calendar import shanghai_date
from casework.log.reading import Db
from casework.projections import jobs, months
from casework.projections.engine import AWAY, Engine, Waiting
from casework.projections.flipping import drop_expired
from casework.projections.lingering import drain_behind, fill_until
from casework.streams.webhooks import endpoints, waiting
from casework.wake import Wake
from workers.queue import (
    FILLS,
    LONG,
    WEBHOOKS,
    enqueue,
    enqueue_counts,
    enqueue_drain,
    enqueue_fills,
    enqueue_webhooks,
    queue,
    sweep,
)

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
SWEEP_SECONDS = 15.0
DEAD_TICKS = 4
"""After so many ticks in which a partition that is behind has not moved, the beat drains in its own process."""

LONG_SECONDS = 3600
NIGHT_BEGINS = timedelta(hours=2)
"""After midnight in Shanghai."""

# The key's first half is told in the log's schema; the second is this tick's.
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(1128354629, -3)"


class Beat:
    """One of the processes that tick."""

    def __init__(self, engine: Engine, wake: Wake, drains: Queue, stop: Event) -> None:
        self.engine = engine
        self.wake = wake
        self.drains = drains
        self.fills = queue(FILLS, drains.connection)
        self.long = queue(LONG, drains.connection)
        self.webhooks = queue(WEBHOOKS, drains.connection)
        self.stop = stop
        self.waited: set[Waiting] = set()
        self.unmoved = 0
        self.swept_at = float("-inf")
        self.asked_for: date | None = None

    def run(self) -> None:
        """Tick until a stop."""
        while not self.stop.is_set():
            begun = monotonic()
            self.tick()
            self.stop.wait(max(0.0, begun + TICK_SECONDS - monotonic()))

    def tick(self) -> None:
        """Look once. A database that is away is a tick missed."""
        try:
            waiting = self._waiting()
            if waiting is not None:
                self._call(waiting)
                self._ask_nightly()
                self._carry_jobs()
                self._call_counters()
                self._ask_for_webhooks()
                if monotonic() - self.swept_at >= SWEEP_SECONDS:
                    self._sweep()
        except AWAY as error:
            log.warning("The database does not answer (%s).", type(error).__name__)

    def _waiting(self) -> set[Waiting] | None:
        """The partitions that are behind; None where the other beat ticks."""
        with self.engine.pool.connection() as db, db.transaction():
            return self.engine.behind(db) if _is_ours(db) else None

    def _call(self, waiting: set[Waiting]) -> None:
        """Wake the drains that linger; ask for another one where nobody heard, or nothing moved since the last tick.

        Each partition that waits to be filled is a job.
        """
        to_fill = sorted((each.view, each.partition) for each in waiting if each.is_to_fill)
        waiting = {each for each in waiting if not each.is_to_fill}
        still = waiting & self.waited
        self.waited, stuck = waiting, bool(still)
        self._replace_the_dead(still)
        try:
            heard = self.wake.publish([each.partition for each in waiting]) if waiting else 1
            if heard is None:
                raise redis.ConnectionError
            if stuck or not heard:
                enqueue_drain(self.drains)
            if to_fill:
                enqueue_fills(self.fills, to_fill)
        except redis.RedisError:
            drain_behind(self.engine, self.stop, until=monotonic() + TICK_SECONDS)
            fill_until(self.engine, monotonic() + TICK_SECONDS, self.stop, lambda: None)

    def _replace_the_dead(self, still: set[Waiting]) -> None:
        """Drain here where no worker seems to live."""
        self.unmoved = self.unmoved + 1 if still else 0
        if self.unmoved >= DEAD_TICKS:
            log.warning("%d partitions have not moved for %d ticks: no worker drains them.", len(still), self.unmoved)
            drain_behind(self.engine, self.stop, until=monotonic() + TICK_SECONDS)

    def _sweep(self) -> None:
        """Close the jobs of workers that died, and drop the view sets, files and deliveries whose time is over."""
        self.swept_at = monotonic()
        with suppress(redis.RedisError):
            sweep(self.drains.connection)
        with self.engine.pool.connection() as db:
            files.forget_old(db)
            waiting.forget_dead(db)
        for name in drop_expired(self.engine.pool):
            log.info("The view set %s was dropped.", name)

    def _ask_nightly(self) -> None:
        """Once a night, when the desks are closed, ask for what looks at everybody; asking again changes nothing."""
        now = datetime.now(UTC)
        night = shanghai_date(now - NIGHT_BEGINS)
        if night != self.asked_for:
            with self.engine.pool.connection() as db:
                jobs.ask(db, "find_duplicates", night.isoformat(), {"night": night.isoformat()})
            self.asked_for = night

    def _carry_jobs(self) -> None:
        """Put into the queue what the database has waiting; what the queue loses comes again."""
        with self.engine.pool.connection() as db:
            for id in jobs.due(db):
                with suppress(redis.RedisError):
                    enqueue("run_job", self.long, timeout=LONG_SECONDS, job_id=str(id))

    def _call_counters(self) -> None:
        """Ask the workers of long jobs to help where month ends are being counted; whoever began that counts too."""
        with self.engine.pool.connection() as db:
            runs = months.open_runs(db)
        with suppress(redis.RedisError):
            if runs:
                enqueue_counts(self.long, runs)

    def _ask_for_webhooks(self) -> None:
        """Let somebody be there to send, wherever anything is to be sent; what is due they find themselves."""
        with self.engine.pool.connection() as db:
            wanted = endpoints.any_wanted(db)
        if wanted:
            with suppress(redis.RedisError):
                enqueue_webhooks(self.webhooks)


def _is_ours(db: Db) -> bool:
    row = db.execute(_TRY_LOCK).fetchone()
    return row is not None and bool(row[0])
