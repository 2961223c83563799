"""The drain: partitions that are behind are claimed, the households that their new events touch computed anew.

Whoever holds the lock on a partition's checkpoint works on the partition; nothing else decides. In one transaction
the rows are replaced, the totals moved by the difference, and the checkpoint moved, so that a partition's rows are
always a function of its checkpoint: (position, registry position, date).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import date
from itertools import islice
from typing import NamedTuple
from uuid import UUID

import psycopg

from casework.domain.policy import Policy
from casework.domain.registry import Facts
from casework.faults import fault
from casework.log import reading
from casework.log.pool import Pool
from casework.log.reading import Db, Stream
from casework.projections import tables
from casework.projections.computing import Failure, computed, described
from casework.projections.facts import RegistryReader
from casework.projections.sets import ViewSet, drained, enter
from casework.projections.views import Rows

log = logging.getLogger(__name__)

MOST_PARKED = 20
BIG_BATCH = 1000
PARKED_PER_HUNDRED = 1


class Limits(NamedTuple):
    """How much one transaction takes on; a date or a registry change is never split within a partition."""

    partitions: int = 16
    events: int = 2000  # of one partition
    households: int = 500  # after so many no further partition is begun
    chunk: int = 500  # households computed at once: bounds memory, and how long the session is idle


class Checkpoint(NamedTuple):
    """Where a partition stands, and where its log ends."""

    partition: int
    position: int
    registry_position: int
    as_of: date
    head: int


class Target(NamedTuple):
    """What a drain brings its partitions to, beside their heads."""

    registry_position: int
    as_of: date
    facts: Facts


class Waiting(NamedTuple):
    """A partition of a set that is behind, and the checkpoint at which it waits."""

    view: str
    partition: int
    position: int
    registry_position: int
    as_of: date


class TooManyFail(Exception):
    """A partition is paused rather than parked household by household."""

    def __init__(self, partition: int, reason: str) -> None:
        super().__init__(reason)
        self.partition = partition


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

_DUE = "SELECT household_id FROM assessment WHERE partition = %b::smallint AND next_change_on <= %b::date"
_WITH_UNITS = """
SELECT DISTINCT household_id FROM contribution WHERE partition = %b::smallint AND unit_id = ANY (%b::uuid[])"""
_ASSESSED = "SELECT household_id FROM household WHERE partition = %b::smallint AND status = 'assessed'"

_ADVANCE = """
UPDATE checkpoint
SET position = %(position)b, registry_position = %(registry)b, as_of = %(as_of)b, advanced_at = clock_timestamp()
WHERE partition = %(partition)b::smallint AND position <= %(position)b AND registry_position <= %(registry)b
  AND as_of <= %(as_of)b"""

_PAUSE = "UPDATE checkpoint SET paused = %b::text WHERE partition = %b::smallint"
_RESUME = """
UPDATE checkpoint SET paused = NULL WHERE partition = %b::smallint
RETURNING partition, position, registry_position, as_of, position"""


class Engine:
    """Keeps the view sets of this program's projection version at the heads of the log.

    ``today`` replaces the database's Shanghai date, for simulations. One engine belongs to one thread.
    """

    def __init__(
        self, pool: Pool, *, today: Callable[[], date] | None = None, limits: Limits | None = None
    ) -> None:
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
            for view in drained(db):
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


class Batch:
    """One claimed partition on its way to a later checkpoint, within one transaction."""

    def __init__(self, db: Db, policy: Policy, checkpoint: Checkpoint, target: Target, limits: Limits) -> None:
        self.db = db
        self.policy = policy
        self.checkpoint = checkpoint
        self.partition = checkpoint.partition
        self.facts = target.facts
        self.registry_position = target.registry_position
        self.as_of = max(target.as_of, checkpoint.as_of)
        self.limits = limits
        self.totals = tables.Totals()
        self.households = 0
        self.failures: list[Failure] = []

    def follow(self, registry: RegistryReader) -> None:
        """Take in the next events, the registry's change and the date."""
        old = self.checkpoint
        places = reading.events_after(self.db, self.partition, old.position, self.limits.events)
        fault("events-read")
        upto = places[-1].position if places else old.position
        self.compute({place.stream_id for place in places} | self._dependent(registry), upto)
        self.finish(upto)

    def fill(self) -> None:
        """Compute all households of a partition that has no rows yet, in the order of their streams."""
        upto, after = self.checkpoint.head, UUID(int=0)
        while ids := reading.stream_ids(self.db, self.partition, after, self.limits.chunk, upto):
            streams = reading.whole_streams_between(self.db, self.partition, ids[0], ids[-1], upto)
            self._replace(streams, fresh=True)
            after = ids[-1]
        self.finish(upto)

    def compute(self, household_ids: set[UUID] | Sequence[UUID], upto: int) -> None:
        """Compute these households as they were at a position of the partition."""
        ids = iter(sorted(household_ids))
        while chunk := list(islice(ids, self.limits.chunk)):
            self._replace(reading.whole_streams_of(self.db, self.partition, chunk, upto), fresh=False)

    def finish(self, upto: int) -> None:
        """Move totals and checkpoint, unless too many households failed."""
        self.totals.write(self.db, self.partition)
        self._refuse_many_failures()
        where = {"partition": self.partition, "position": upto}
        triple = {**where, "registry": self.registry_position, "as_of": self.as_of}
        if self.db.execute(_ADVANCE, triple, prepare=True, binary=True).rowcount != 1:
            raise AssertionError(f"The checkpoint of partition {self.partition} would go back.")

    def _dependent(self, registry: RegistryReader) -> set[UUID]:
        """The households that depend on what changed beside the partition: the date, the registry."""
        old, ids = self.checkpoint, set[UUID]()
        if old.as_of < self.as_of:
            ids |= self._ids(_DUE, self.as_of)
        if old.registry_position < self.registry_position:
            changed = registry.changed(self.db, old.registry_position, self.registry_position)
            ids |= self._ids(_WITH_UNITS, list(changed.units)) if changed.units else set()
            ids |= self._ids(_ASSESSED) if changed.feeds else set()
        if (old.as_of, old.registry_position) != (self.as_of, self.registry_position):
            ids |= set(tables.parked(self.db, self.partition))
        return ids

    def _replace(self, streams: Sequence[Stream], *, fresh: bool) -> None:
        done = computed(streams, self.policy, self.as_of, self.facts)
        rows = [each for each in done if isinstance(each, Rows)]
        failures = [each for each in done if isinstance(each, Failure)]
        self.households += len(done)
        self.failures += failures
        tables.replace(self.db, self.partition, rows, failures, self.totals, fresh=fresh)

    def _refuse_many_failures(self) -> None:
        if not self.failures:
            return
        failed, total = len(self.failures), len(tables.parked(self.db, self.partition))
        many = self.households >= BIG_BATCH and failed * 100 > PARKED_PER_HUNDRED * self.households
        if total > MOST_PARKED or many:
            reason = f"{failed} of {self.households} households failed, {total} would be parked; the first: "
            raise TooManyFail(self.partition, reason + self.failures[0].error)

    def _ids(self, query: str, *parameters: object) -> set[UUID]:
        rows = self.db.execute(query, (self.partition, *parameters), prepare=True, binary=True)
        return {household_id for (household_id,) in rows}


def _claim(db: Db, target: Target, most: int) -> list[Checkpoint]:
    parameters = (target.registry_position, target.registry_position, target.as_of, most)
    return [Checkpoint._make(row) for row in db.execute(_CLAIM, parameters, prepare=True, binary=True)]
