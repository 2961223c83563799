"""Claimed partitions on their way to later checkpoints, within one transaction of a drain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from casework.domain.ids import partition_of
from casework.domain.policy import Policy
from casework.domain.registry import Facts
from casework.faults import fault
from casework.log import reading
from casework.log.pool import done, rows
from casework.log.reading import Db, Stream, Stretch
from casework.projections import tables
from casework.projections.computing import Failure, computed
from casework.projections.facts import RegistryReader
from casework.projections.views import Rows

MOST_PARKED = 20
BIG_BATCH = 1000
PARKED_PER_HUNDRED = 1


class Limits(NamedTuple):
    """How much one transaction takes on; a date or a registry change is never split within a partition."""

    partitions: int = 16
    events: int = 2000  # of one partition
    households: int = 500  # after so many no further partition is begun
    chunk: int = 500  # households computed at once: bounds memory, and how long the transaction is idle
    filled: int = 200  # households of a set beside the live one, which is looked after in between


class Checkpoint(NamedTuple):
    """Where a partition stands, and the position that it is brought to: the end of its log.

    A filling that was begun goes on after the household ``filled_to``, to the same ``head``; ``filled`` events have
    been folded for it.
    """

    partition: int
    position: int
    registry_position: int
    as_of: date
    head: int
    is_filling: bool = False
    filled_to: UUID = UUID(int=0)
    filled: int = 0

    @property
    def is_to_fill(self) -> bool:
        """Whether its rows are yet to be made, all of them or those of the households after ``filled_to``."""
        return self.position == 0 and self.head > 0


class Target(NamedTuple):
    """What a drain brings its partitions to, beside their heads."""

    registry_position: int
    as_of: date
    facts: Facts


class TooManyFail(Exception):
    """A partition is paused rather than parked household by household."""

    def __init__(self, partition: int, reason: str) -> None:
        super().__init__(reason)
        self.partition = partition


_DUE = "SELECT household_id FROM assessment WHERE partition = %b::smallint AND next_change_on <= %b::date"
_WITH_UNITS = """
SELECT DISTINCT household_id FROM contribution WHERE partition = %b::smallint AND unit_id = ANY (%b::uuid[])"""
_ASSESSED = "SELECT household_id FROM household WHERE partition = %b::smallint AND status = 'assessed'"

_ADVANCE = """
UPDATE checkpoint AS c
SET position = moved.position, registry_position = %(registry)b, as_of = %(as_of)b, advanced_at = clock_timestamp(),
    filling_to = NULL, filled_to = NULL, filled = 0
FROM unnest(%(partitions)b::smallint[], %(positions)b::bigint[]) AS moved (partition, position)
WHERE c.partition = moved.partition AND c.position <= moved.position AND c.registry_position <= %(registry)b
  AND c.as_of <= %(as_of)b"""

# The time stays, so that a partition whose filling was begun is taken up before others.
_FILLED = """
UPDATE checkpoint
SET registry_position = %(registry)b, as_of = %(as_of)b, filling_to = %(head)b, filled_to = %(filled_to)b,
    filled = %(filled)b
WHERE partition = %(partition)b::smallint AND position = 0"""


class Batch:
    """Partitions on their way to one target, and what it takes to bring them there."""

    def __init__(self, db: Db, policy: Policy, target: Target, limits: Limits) -> None:
        self.db = db
        self.policy = policy
        self.target = target
        self.limits = limits
        self.totals = tables.Totals()
        self.households: Counter[int] = Counter()  # computed so far, by partition
        self.failures: list[Failure] = []

    def follow(self, claimed: Sequence[Checkpoint], registry: RegistryReader) -> int:
        """Take in the next events up to the heads, the registry's change and the date; return how many moved.

        Where a few partitions are work enough, the others are left.
        """
        stretches = [self._stretch(each) for each in claimed]
        touched = _by_partition(reading.touched(self.db, stretches))
        fault("events-read")
        ids, cut = list[UUID](), dict[int, int]()
        for old, stretch in zip(claimed, stretches, strict=True):
            if cut and len(ids) >= self.limits.households:
                break
            ids += sorted(touched.get(old.partition, set()) | self._dependent(old, registry))
            cut[old.partition] = stretch.upto
        self.compute(ids, cut)
        self.finish(cut)
        return len(cut)

    def fill(self, checkpoint: Checkpoint) -> None:
        """Compute the next households of a partition that is being filled, in the order of their ids."""
        partition, upto = checkpoint.partition, checkpoint.head
        after, events = checkpoint.filled_to, checkpoint.filled
        chunk = min(self.limits.chunk, self.limits.households)
        while ids := reading.stream_ids(self.db, partition, after, chunk, upto):
            streams = reading.whole_streams_between(self.db, partition, ids[0], ids[-1], upto)
            self._replace(streams, fresh=True)
            after, events = ids[-1], events + sum([len(stream.types) for stream in streams])
            if len(ids) == chunk and self.households[partition] >= self.limits.households:
                self.stop(checkpoint, after, events)
                return
        self.finish({partition: upto})

    def compute(self, household_ids: Iterable[UUID], cut: Mapping[int, int]) -> None:
        """Compute these households as they were at a cut of their partitions."""
        ids = iter(household_ids)
        while chunk := list(islice(ids, self.limits.chunk)):
            self._replace(reading.whole_streams_of(self.db, chunk, cut), fresh=False)

    def finish(self, cut: Mapping[int, int]) -> None:
        """Move totals and checkpoints, unless too many households of a partition failed."""
        self._settle(_ADVANCE, len(cut), partitions=list(cut), positions=list(cut.values()))

    def stop(self, checkpoint: Checkpoint, after: UUID, events: int) -> None:
        """Move totals, and note up to which household the partition is filled, unless too many failed."""
        place = {"head": checkpoint.head, "filled_to": after, "filled": events}
        self._settle(_FILLED, 1, partition=checkpoint.partition, **place)

    def _stretch(self, old: Checkpoint) -> Stretch:
        upto = min(old.head, old.position + self.limits.events)  # positions have no gaps
        return Stretch(old.partition, old.position, max(upto, old.position))

    def _settle(self, statement: str, count: int, /, **place: object) -> None:
        self.totals.write(self.db)
        self._refuse_many_failures()
        parameters = {"registry": self.target.registry_position, "as_of": self.target.as_of, **place}
        if done(self.db, statement, parameters).rowcount != count:
            raise AssertionError(f"A checkpoint would go back: {place}.")

    def _dependent(self, old: Checkpoint, registry: RegistryReader) -> set[UUID]:
        """The households of a partition that depend on what changed beside it: the date, the registry."""
        partition, ids, target = old.partition, set[UUID](), self.target
        if old.as_of < target.as_of:
            ids |= self._ids(_DUE, partition, target.as_of)
        if old.registry_position < target.registry_position:
            changed = registry.changed(self.db, old.registry_position, target.registry_position)
            ids |= self._ids(_WITH_UNITS, partition, list(changed.units)) if changed.units else set()
            ids |= self._ids(_ASSESSED, partition) if changed.feeds else set()
        if (old.as_of, old.registry_position) != (target.as_of, target.registry_position):
            ids |= set(tables.parked(self.db, partition))
        return ids

    def _replace(self, streams: Sequence[Stream], *, fresh: bool) -> None:
        found = computed(streams, self.policy, self.target.as_of, self.target.facts)
        good = [each for each in found if isinstance(each, Rows)]
        failures = [each for each in found if isinstance(each, Failure)]
        self.households.update([partition_of(stream.id) for stream in streams])
        self.failures += failures
        tables.replace(self.db, good, failures, self.totals, fresh=fresh)

    def _refuse_many_failures(self) -> None:
        failed = _by_partition(failure.household_id for failure in self.failures)
        for partition, ids in failed.items():
            households, total = self.households[partition], len(tables.parked(self.db, partition))
            many = households >= BIG_BATCH and len(ids) * 100 > PARKED_PER_HUNDRED * households
            if total > MOST_PARKED or many:
                first = next(failure.error for failure in self.failures if failure.household_id in ids)
                told = f"{len(ids)} of {households} households failed, {total} would be parked; the first: {first}"
                raise TooManyFail(partition, told)

    def _ids(self, query: str, *parameters: object) -> set[UUID]:
        return {household_id for (household_id,) in rows(self.db, query, parameters)}


def _by_partition(household_ids: Iterable[UUID]) -> dict[int, set[UUID]]:
    by_partition: dict[int, set[UUID]] = {}
    for household_id in household_ids:
        by_partition.setdefault(partition_of(household_id), set()).add(household_id)
    return by_partition
