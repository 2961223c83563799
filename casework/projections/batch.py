"""One partition on its way to a later checkpoint, within one transaction of a drain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from casework.domain.policy import Policy
from casework.domain.registry import Facts
from casework.faults import fault
from casework.log import reading
from casework.log.reading import Db, Stream
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
UPDATE checkpoint
SET position = %(position)b, registry_position = %(registry)b, as_of = %(as_of)b, advanced_at = clock_timestamp(),
    filling_to = NULL, filled_to = NULL, filled = 0
WHERE partition = %(partition)b::smallint AND position <= %(position)b AND registry_position <= %(registry)b
  AND as_of <= %(as_of)b"""

# The time stays, so that a partition whose filling was begun is taken up before others.
_FILLED = """
UPDATE checkpoint
SET registry_position = %(registry)b, as_of = %(as_of)b, filling_to = %(head)b, filled_to = %(filled_to)b,
    filled = %(filled)b
WHERE partition = %(partition)b::smallint AND position = 0"""


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
        """Take in the next events up to the head, the registry's change and the date."""
        old = self.checkpoint
        most = min(self.limits.events, old.head - old.position)  # positions have no gaps
        places = reading.events_after(self.db, self.partition, old.position, most)
        fault("events-read")
        upto = places[-1].position if places else old.position
        self.compute({place.stream_id for place in places} | self._dependent(registry), upto)
        self.finish(upto)

    def fill(self) -> None:
        """Compute the next households of a partition that is being filled, in the order of their ids."""
        upto, after, events = self.checkpoint.head, self.checkpoint.filled_to, self.checkpoint.filled
        chunk = min(self.limits.chunk, self.limits.households)
        while ids := reading.stream_ids(self.db, self.partition, after, chunk, upto):
            streams = reading.whole_streams_between(self.db, self.partition, ids[0], ids[-1], upto)
            self._replace(streams, fresh=True)
            after, events = ids[-1], events + sum([len(stream.types) for stream in streams])
            if len(ids) == chunk and self.households >= self.limits.households:
                self.stop(after, events)
                return
        self.finish(upto)

    def compute(self, household_ids: set[UUID] | Sequence[UUID], upto: int) -> None:
        """Compute these households as they were at a position of the partition."""
        ids = iter(sorted(household_ids))
        while chunk := list(islice(ids, self.limits.chunk)):
            self._replace(reading.whole_streams_of(self.db, self.partition, chunk, upto), fresh=False)

    def finish(self, upto: int) -> None:
        """Move totals and checkpoint, unless too many households failed."""
        self._settle(_ADVANCE, position=upto)

    def stop(self, after: UUID, events: int) -> None:
        """Move totals, and note up to which household the partition is filled, unless too many failed."""
        self._settle(_FILLED, head=self.checkpoint.head, filled_to=after, filled=events)

    def _settle(self, statement: str, **place: object) -> None:
        self.totals.write(self.db, self.partition)
        self._refuse_many_failures()
        parameters = {"partition": self.partition, "registry": self.registry_position, "as_of": self.as_of, **place}
        if self.db.execute(statement, parameters, prepare=True, binary=True).rowcount != 1:
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
