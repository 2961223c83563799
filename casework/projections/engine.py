"""The drain: partitions that are behind are claimed, the households that their new events touch computed anew.

Whoever holds the lock on a partition's checkpoint works on the partition; nothing else decides. In one transaction
the rows are replaced, the totals moved by the difference, and the checkpoint moved, so that a partition's rows are
always a function of its checkpoint: (position, registry position, date).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

import psycopg

from casework.faults import fault
from casework.log.pool import Pool
from casework.log.reading import Db
from casework.projections import tables
from casework.projections.batch import Batch, Checkpoint, Limits, Target, TooManyFail
from casework.projections.computing import described
from casework.projections.facts import RegistryReader
from casework.projections.sets import ViewSet, drained, enter

log = logging.getLogger(__name__)

AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
"""What a drain raises where the database is away, busy or has ended our session: nothing that a household did."""


class Waiting(NamedTuple):
    """A partition of a set that is behind, and the checkpoint at which it waits."""

    view: str
    partition: int
    position: int
    registry_position: int
    as_of: date


# The date of the database, whose clock all workers share.
_NOW = """
SELECT (clock_timestamp() AT TIME ZONE interval '8 hours')::date,
       coalesce((SELECT max(position) FROM casework.events WHERE partition = 64), 0)"""

# Heads are read before the lock is had. A checkpoint that another drain moved meanwhile is looked at again by the
# server before it is locked, and events are read by later statements: at worst there is nothing left to do.
_CLAIM = """
SELECT behind.partition, behind.position, behind.registry_position, behind.as_of, log.head
FROM checkpoint AS behind
CROSS JOIN LATERAL (
    SELECT coalesce((SELECT e.position FROM casework.events AS e WHERE e.partition = behind.partition
                      ORDER BY e.position DESC LIMIT 1), 0) AS head
) AS log
WHERE behind.paused IS NULL AND behind.registry_position <= %b::bigint
  AND (log.head > behind.position OR behind.registry_position < %b::bigint OR behind.as_of < %b::date)
ORDER BY behind.advanced_at
LIMIT %b::int
FOR UPDATE OF behind SKIP LOCKED"""

# The same question without a lock.
_BEHIND = """
SELECT %b::text, behind.partition, behind.position, behind.registry_position, behind.as_of
FROM checkpoint AS behind
WHERE behind.paused IS NULL
  AND (behind.registry_position < %b::bigint OR behind.as_of < %b::date OR behind.position < coalesce((
      SELECT e.position FROM casework.events AS e WHERE e.partition = behind.partition
      ORDER BY e.position DESC LIMIT 1), 0))"""

_PAUSE = "UPDATE checkpoint SET paused = %b::text WHERE partition = %b::smallint"
_RESUME = """
UPDATE checkpoint SET paused = NULL WHERE partition = %b::smallint
RETURNING partition, position, registry_position, as_of, position"""


class Engine:
    """Keeps the view sets of this program's projection version at the heads of the log.

    ``today`` replaces the database's Shanghai date, for simulations. One engine belongs to one thread.
    """

    def __init__(self, pool: Pool, *, today: Callable[[], date] | None = None, limits: Limits | None = None) -> None:
        self.pool = pool
        self.limits = limits or Limits()
        self._today = today
        self._registry = RegistryReader()
        self._at_once = self.limits.partitions

    def drain(self) -> int:
        """Bring some partitions that are behind nearer to their heads; return how many.

        0 says that none is behind, or that others are at work on those that are.
        """
        with self.pool.connection() as db:
            return sum([self._drain(db, view) for view in drained(db)])

    def behind(self, db: Db) -> set[Waiting]:
        """Return what is behind in any set, whether or not somebody is at work on it; in the caller's transaction."""
        waiting: set[Waiting] = set()
        for view in drained(db):
            enter(db, view)
            target = self._target(db)
            rows = db.execute(_BEHIND, (view.name, target.registry_position, target.as_of), binary=True)
            waiting |= {Waiting._make(row) for row in rows}
        return waiting

    def unpark(self, partition: int) -> int:
        """Try the partition's parked households again and let it be drained again; return how many stay parked."""
        with self.pool.connection() as db:
            return sum([self._unpark(db, view, partition) for view in drained(db)])

    def _unpark(self, db: Db, view: ViewSet, partition: int) -> int:
        with db.transaction():
            enter(db, view)
            row = db.execute(_RESUME, (partition,), binary=True).fetchone()
            checkpoint = Checkpoint._make(row or ())
            facts = self._registry.facts(db, checkpoint.registry_position)
            target = Target(checkpoint.registry_position, checkpoint.as_of, facts)
            batch = Batch(db, view.policy, checkpoint, target, self.limits)
            batch.compute(tables.parked(db, partition), checkpoint.position)
            batch.finish(checkpoint.position)
        return len(batch.failures)

    def _drain(self, db: Db, view: ViewSet) -> int:
        moved = households = 0
        try:
            with db.transaction():
                enter(db, view)
                target = self._target(db)
                claimed = _claim(db, target, self._at_once)
                for checkpoint in claimed:
                    fault("claimed")
                    households += self._advance(Batch(db, view.policy, checkpoint, target, self.limits))
                    moved += 1
                    if households >= self.limits.households:
                        break
                fault("checkpoints-moved")
            fault("committed")
        except TooManyFail as failing:
            self._pause(db, view, failing)
            return 1
        # What was claimed in vain was kept from others: where much is to do, claim less.
        self._at_once = moved if moved < len(claimed) else min(2 * self._at_once, self.limits.partitions)
        return moved

    def _target(self, db: Db) -> Target:
        row = db.execute(_NOW, prepare=True, binary=True).fetchone()
        assert row is not None
        today, head = row
        position = self._registry.reach(db, head)
        return Target(position, self._today() if self._today else today, self._registry.facts(db, position))

    def _advance(self, batch: Batch) -> int:
        try:
            if batch.checkpoint.position == 0:
                batch.fill()
            else:
                batch.follow(self._registry)
        except psycopg.DataError as error:
            raise TooManyFail(batch.checkpoint.partition, described(error)) from error
        return batch.households

    def _pause(self, db: Db, view: ViewSet, failing: TooManyFail) -> None:
        log.error("Partition %d of %s is paused: %s", failing.partition, view.name, failing)
        with db.transaction():
            enter(db, view)
            db.execute(_PAUSE, (str(failing), failing.partition))


def _claim(db: Db, target: Target, most: int) -> list[Checkpoint]:
    parameters = (target.registry_position, target.registry_position, target.as_of, most)
    return [Checkpoint._make(row) for row in db.execute(_CLAIM, parameters, prepare=True, binary=True)]
