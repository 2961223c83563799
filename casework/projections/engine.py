"""The drain: partitions that are behind are claimed, the households that their new events touch computed anew.

Whoever holds the lock on a partition's checkpoint works on the partition; nothing else decides. In one transaction
the rows are replaced, the totals moved by the difference, and the checkpoint moved, so that a partition's rows are
always a function of its checkpoint: (position, registry position, date).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import date
from time import monotonic
from typing import NamedTuple

import psycopg

from casework.faults import fault
from casework.log.pool import Pool, rows
from casework.log.reading import Db
from casework.projections import tables
from casework.projections.batch import Batch, Checkpoint, Limits, Target, TooManyFail
from casework.projections.computing import described
from casework.projections.facts import RegistryReader
from casework.projections.sets import ViewSet, enter, kept

log = logging.getLogger(__name__)

REFUSED = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)
"""What the database raises where rows of a partition cannot be written."""

AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
"""What a drain raises where the database is away, busy or has ended our session: nothing that a household did."""


DAMAGED = (psycopg.InternalError, psycopg.errors.IoError)
"""What it raises where a partition cannot be read, and perhaps the others can."""

LEFT_SECONDS = 5.0
"""How long such a partition is left alone, so that the others go on."""

LISTED_SECONDS = 1.0
"""How long a drain goes by a list of the sets; whether one is still there it sees whenever it enters it."""


class Waiting(NamedTuple):
    """A partition of a set that is behind, and the checkpoint at which it waits; or waits to be filled."""

    view: str
    partition: int
    position: int
    registry_position: int
    as_of: date
    is_to_fill: bool


class Triple(NamedTuple):
    """What the rows of a partition are a function of."""

    position: int
    registry_position: int
    as_of: date

    def raised(self, floor: Triple) -> Triple:
        """Return the first triple that has passed both."""
        position, registry_position = max(self.position, floor.position), max(self.registry_position, floor[1])
        return Triple(position, registry_position, max(self.as_of, floor.as_of))


# The date of the database, whose clock all workers share.
_NOW = """
SELECT (clock_timestamp() AT TIME ZONE interval '8 hours')::date,
       coalesce((SELECT max(position) FROM casework.events WHERE partition = 64), 0)"""

# A view need not be on disk before its readers see it: what a crash of the server loses is computed again.
_BEGIN = f"""
{_NOW}, set_config('search_path', made.name, true), set_config('synchronous_commit', 'off', true)
FROM casework.view_set AS made WHERE made.name = %b::text AND made.state IN ('drained', 'what_if')"""

# Heads are read before the lock is had. A checkpoint that another drain moved meanwhile is looked at again by the
# server before it is locked, and events are read by later statements: at worst there is nothing left to do.
# A filling goes up to where it was going; in a what-if set nothing else is done. The head has to stay a plain subquery
# of the checkpoint's row, so that it is asked anew for a row that changed before it was locked.
_CLAIM = """
SELECT behind.partition, behind.position, behind.registry_position, behind.as_of, log.head,
       behind.filling_to IS NOT NULL, coalesce(behind.filled_to, '00000000-0000-0000-0000-000000000000'),
       behind.filled
FROM checkpoint AS behind
CROSS JOIN LATERAL (
    SELECT coalesce(behind.filling_to, (SELECT e.position FROM casework.events AS e
                      WHERE e.partition = behind.partition AND NOT %(is_what_if)b
                      ORDER BY e.position DESC LIMIT 1), 0) AS head
) AS log
WHERE behind.paused IS NULL AND behind.registry_position <= %(registry)b::bigint
  AND (log.head > behind.position OR behind.registry_position < %(registry)b::bigint OR behind.as_of < %(as_of)b::date)
  AND (behind.position = 0 AND log.head > 0) = ANY (%(fill)b::boolean[])
  AND coalesce(behind.partition = ANY (%(among)b::smallint[]), true)
  AND behind.partition <> ALL (%(left)b::smallint[])
ORDER BY behind.advanced_at
LIMIT %(most)b::int
FOR UPDATE OF behind SKIP LOCKED"""

# The same question without a lock.
_BEHIND = """
SELECT %(view)b::text, behind.partition, behind.position, behind.registry_position, behind.as_of,
       NOT %(is_live)b AND behind.position = 0 AND log.head > 0
FROM checkpoint AS behind
CROSS JOIN LATERAL (
    SELECT coalesce(behind.filling_to, (SELECT e.position FROM casework.events AS e
                      WHERE e.partition = behind.partition AND NOT %(is_what_if)b
                      ORDER BY e.position DESC LIMIT 1), 0) AS head
) AS log
WHERE behind.paused IS NULL AND (log.head > behind.position
  OR NOT %(is_what_if)b AND (behind.registry_position < %(registry)b::bigint OR behind.as_of < %(as_of)b::date))"""

_PAUSE = "UPDATE checkpoint SET paused = %b::text WHERE partition = %b::smallint"
_RESUME = """
UPDATE checkpoint SET paused = NULL WHERE partition = %b::smallint
RETURNING partition, position, registry_position, as_of, coalesce(filling_to, position), filling_to IS NOT NULL,
          coalesce(filled_to, '00000000-0000-0000-0000-000000000000'), filled"""
_LOCK = """
SELECT position, registry_position, as_of FROM checkpoint WHERE partition = %b::smallint FOR UPDATE"""


class Engine:
    """Keeps the view sets of this program's projection version at the heads of the log.

    ``today`` replaces the database's Shanghai date, for simulations. One engine belongs to one thread.
    """

    def __init__(self, pool: Pool, *, today: Callable[[], date] | None = None, limits: Limits | None = None) -> None:
        self.pool = pool
        self.limits = limits or Limits()
        self._today = today
        self._registry = RegistryReader()
        self._earlier = RegistryReader()
        self._at_once: dict[tuple[str, bool], int] = {}
        self._left: dict[tuple[str, int], float] = {}
        self._views: list[ViewSet] = []
        self._listed_at = 0.0

    def drain(self, among: Collection[int] | None = None) -> int:
        """Bring some partitions that are behind, of all or among some, nearer to their heads; return how many.

        0 says that none is behind, or that others are at work on those that are. Sets beside the live one are kept
        up once they are filled.
        """
        with self.pool.connection() as db:
            if not self._views or monotonic() - self._listed_at > LISTED_SECONDS:
                self._list(db)
            views = [view for view in self._views if not view.is_what_if]
            return sum([self._drain(db, view, _both if view.is_live else _follow, among) for view in views])

    def fill(self, view: str | None = None, partition: int | None = None) -> int:
        """Fill a little more of a set beside the live one, or of this partition of this set; return 0 as ``drain``."""
        with self.pool.connection() as db:
            for each in self._list(db):
                if not each.is_live and each.name == (view or each.name):
                    moved = self._drain(db, each, _fill, None if partition is None else [partition])
                    if moved:
                        return moved
        return 0

    def behind(self, db: Db) -> set[Waiting]:
        """Return what is behind in any set, whether or not somebody is at work on it; in the caller's transaction."""
        waiting: set[Waiting] = set()
        for view in kept(db):
            enter(db, view)
            target = self._target(db)
            parameters = {**_named(view), "registry": target.registry_position, "as_of": target.as_of}
            waiting |= {Waiting._make(row) for row in rows(db, _BEHIND, parameters)}
        return waiting

    def unpark(self, partition: int) -> int:
        """Try the partition's parked households again and let it be drained again; return how many stay parked."""
        with self.pool.connection() as db:
            return sum([self._unpark(db, view, partition) for view in kept(db)])

    def bring(self, db: Db, view: ViewSet, partition: int, floor: Triple) -> None:
        """Bring a filled partition to a triple, or as far beyond as it stands, in the caller's transaction.

        Raises :class:`TooManyFail` where it would be paused.
        """
        enter(db, view)
        at = locked(db, partition)
        to = at.raised(floor)
        target = Target(to.registry_position, to.as_of, self._earlier.facts(db, to.registry_position))
        while at != to:
            checkpoint = Checkpoint(partition, *at, to.position)
            Batch(db, view.policy, target, self.limits).follow([checkpoint], self._registry)
            at = locked(db, partition)

    def cut(self, db: Db) -> Target:
        """Return the registry's position and the date that a drain would go to now."""
        return self._target(db)

    def _list(self, db: Db) -> list[ViewSet]:
        self._views, self._listed_at = kept(db), monotonic()
        return self._views

    def _unpark(self, db: Db, view: ViewSet, partition: int) -> int:
        with db.transaction():
            if not enter(db, view):
                return 0
            [row] = rows(db, _RESUME, (partition,))
            checkpoint = Checkpoint._make(row)
            facts = self._earlier.facts(db, checkpoint.registry_position)
            target = Target(checkpoint.registry_position, checkpoint.as_of, facts)
            batch, cut = Batch(db, view.policy, target, self.limits), {partition: checkpoint.head}
            batch.compute(tables.parked(db, partition), cut)
            if checkpoint.is_filling:
                batch.stop(checkpoint, checkpoint.filled_to, checkpoint.filled)
            else:
                batch.finish(cut)
        return len(batch.failures)

    def _drain(self, db: Db, view: ViewSet, kinds: Kinds, among: Collection[int] | None) -> int:
        key, claimed = (view.name, kinds is _fill), list[Checkpoint]()
        most, moved = self._at_once.get(key, self.limits.partitions), 0
        try:
            with db.transaction():
                target = self._begin(db, view)
                if target is None:
                    return 0
                claimed = _claim(db, view, target, kinds, among, self._left_in(view), most)
                fault("claimed")
                moved = self._advance(db, view, claimed, target, self._limits(kinds))
                fault("checkpoints-moved")
            fault("committed")
        except TooManyFail as failing:
            self._pause(db, view, failing.partition, str(failing))
            return 1
        except psycopg.Error as error:
            if not claimed:
                raise
            self._at_once[key] = 1  # of which of them it comes is seen when each is alone
            alone = claimed[0].partition if len(claimed) == 1 else None
            if not isinstance(error, REFUSED):
                if alone is not None and isinstance(error, DAMAGED):
                    self._left[view.name, alone] = monotonic() + LEFT_SECONDS
                raise
            if alone is not None:
                self._pause(db, view, alone, described(error))
            return 1
        # What was claimed in vain was kept from others: where much is to do, claim less.
        self._at_once[key] = moved if moved < len(claimed) else min(2 * most, self.limits.partitions)
        return moved

    def _left_in(self, view: ViewSet) -> list[int]:
        """Return the set's partitions that are left alone for now."""
        self._left = {which: until for which, until in self._left.items() if until > monotonic()}
        return [partition for name, partition in self._left if name == view.name]

    def _limits(self, kinds: Kinds) -> Limits:
        if kinds is _fill:
            return self.limits._replace(households=min(self.limits.filled, self.limits.households))
        return self.limits

    def _begin(self, db: Db, view: ViewSet) -> Target | None:
        """Enter the set, unless it is gone, and say what a drain goes to."""
        for today, registry_head, *_ in rows(db, _BEGIN, (view.name,)):
            return self._towards(db, today, registry_head)
        return None

    def _target(self, db: Db) -> Target:
        [(today, registry_head)] = rows(db, _NOW)
        return self._towards(db, today, registry_head)

    def _towards(self, db: Db, today: date, registry_head: int) -> Target:
        position = self._registry.reach(db, registry_head)
        return Target(position, self._today() if self._today else today, self._registry.facts(db, position))

    def _advance(self, db: Db, view: ViewSet, claimed: Sequence[Checkpoint], target: Target, limits: Limits) -> int:
        """Follow with as many as are work enough, then fill; return how many moved."""
        moved = households = 0
        for following in _by_date(claimed, target):
            if households < limits.households:
                batch = Batch(db, view.policy, _not_before(following, target), limits)
                moved += batch.follow(following, self._registry)
                households += batch.households.total()
        for checkpoint in claimed:
            if checkpoint.is_to_fill and households < limits.households:
                batch = Batch(db, view.policy, self._goal(db, checkpoint, target), limits)
                batch.fill(checkpoint)
                households += batch.households.total()
                moved += 1
        return moved

    def _goal(self, db: Db, checkpoint: Checkpoint, target: Target) -> Target:
        """A filling that was begun goes on to where it was going."""
        position, as_of = checkpoint.registry_position, checkpoint.as_of
        if not checkpoint.is_filling or (position, as_of) == target[:2]:
            return _not_before([checkpoint], target)
        return Target(position, as_of, self._earlier.facts(db, position))

    def _pause(self, db: Db, view: ViewSet, partition: int, reason: str) -> None:
        log.error("Partition %d of %s is paused: %s", partition, view.name, reason)
        with db.transaction():
            if enter(db, view):
                db.execute(_PAUSE, (reason, partition))


def _by_date(claimed: Sequence[Checkpoint], target: Target) -> list[list[Checkpoint]]:
    """Those that follow, together by the date that they are brought to: one that is ahead takes no other with it."""
    by_date: dict[date, list[Checkpoint]] = {}
    for each in claimed:
        if not each.is_to_fill:
            by_date.setdefault(max(each.as_of, target.as_of), []).append(each)
    return list(by_date.values())


def _not_before(checkpoints: Sequence[Checkpoint], target: Target) -> Target:
    """The target, at the date of the checkpoints where the clock went back behind it."""
    return target._replace(as_of=max([target.as_of, *(each.as_of for each in checkpoints)]))


def locked(db: Db, partition: int) -> Triple:
    """Lock a partition of the set that this transaction has entered, and return where it stands."""
    [row] = rows(db, _LOCK, (partition,))
    return Triple._make(row)


Kinds = tuple[bool, ...]
_follow: Kinds = (False,)
_fill: Kinds = (True,)
_both: Kinds = (False, True)


def _claim(
    db: Db, view: ViewSet, target: Target, kinds: Kinds, among: Collection[int] | None, left: list[int], most: int
) -> list[Checkpoint]:
    parameters = {
        **_named(view),
        "registry": target.registry_position,
        "as_of": target.as_of,
        "fill": list(kinds),
        "among": None if among is None else list(among),
        "left": left,
        "most": most,
    }
    return [Checkpoint._make(row) for row in rows(db, _CLAIM, parameters)]


def _named(view: ViewSet) -> dict[str, object]:
    return {"view": view.name, "is_live": view.is_live, "is_what_if": view.is_what_if}
