"""Replay on two clocks: what stood on a day (``as_of``), by what was recorded at an instant (``known_at``).

A household or a unit is computed from the log alone, at a cut, by the same function as the views. A unit takes one pass
over all households, with flat memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from casework.domain.assessment import Assessment, assess
from casework.domain.household import Household
from casework.domain.ids import PARTITIONS, REGISTRY, partition_of
from casework.domain.metrics import NOTHING, Counts, Tally, added
from casework.domain.policy import Policy
from casework.domain.registry import Registry
from casework.domain.tree import TreeOf
from casework.errors import NotFound
from casework.log import reading
from casework.log.pool import Pool
from casework.log.reading import Cut, Db
from casework.projections.computing import Failure, computed, folded
from casework.projections.facts import registry_at
from casework.projections.views import Rows

CHUNK = 500


class Clocks(NamedTuple):
    """The day that is asked about, and the positions up to which the log is read; ``known_at`` None is now."""

    as_of: date
    cut: Cut
    known_at: datetime | None = None


class UnitsAsked(msgspec.Struct, frozen=True):
    """Which units are to be counted, on which clocks and under which policy; as a job keeps it."""

    units: list[UUID]
    as_of: date
    cut: Cut
    policy: str
    known_at: datetime | None = None
    tree: TreeOf = "then"


class HouseholdReplay(NamedTuple):
    """A household at a cut, and how it was assessed on the day."""

    household: Household
    assessment: Assessment
    clocks: Clocks


class UnitsReplay(NamedTuple):
    """What the households add up to in each unit on the day; ``failed`` of them could not be computed."""

    tallies: dict[UUID, Tally]
    failed: int
    clocks: Clocks


def clocks(db: Db, as_of: date, known_at: datetime | None = None) -> Clocks:
    """Resolve the cut once; outside of transactions. Waits for the appends in flight. A future instant means now."""
    known_at = min(known_at, datetime.now(UTC)) if known_at is not None else None
    return Clocks(as_of, reading.cut_at(db, known_at) if known_at is not None else reading.heads(db), known_at)


def replay_household(db: Db, household_id: UUID, policy: Policy, clocks: Clocks) -> HouseholdReplay:
    """Fold one household up to the cut and assess it; NotFound where it was not known."""
    if partition_of(household_id) == REGISTRY:
        raise NotFound
    for stream in reading.whole_streams_of(db, [household_id], clocks.cut):
        household = folded(stream)
        facts = registry_at(db, clocks.cut[REGISTRY]).facts
        return HouseholdReplay(household, assess(household, policy, clocks.as_of, facts), clocks)
    raise NotFound


def replay_units(
    pool: Pool,
    units: Sequence[UUID],
    policy: Policy,
    clocks: Clocks,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    tree: TreeOf = "then",
) -> UnitsReplay:
    """Count units from all households at the cut; ``progress`` is told how many partitions are done, of how many.

    A division is the communities that made it up on the day, or would now; NotFound where a unit was not known.
    """
    with pool.connection() as db:
        registry = registry_at(db, clocks.cut[REGISTRY])
    counted_in = _counted_in(registry, units, clocks.as_of, tree)
    totals, failed = dict.fromkeys(units, NOTHING), 0
    for partition in range(PARTITIONS):
        with pool.connection() as db:
            for rows in _rows(db, partition, policy, clocks, registry):
                failed += sum(isinstance(each, Failure) for each in rows)
                for unit, counts in _added(rows, counted_in).items():
                    totals[unit] = added([totals[unit], *counts])
        progress(partition + 1, PARTITIONS)
    return UnitsReplay({unit: Tally.of(total) for unit, total in totals.items()}, failed, clocks)


def _counted_in(registry: Registry, units: Sequence[UUID], on: date, tree: TreeOf) -> dict[UUID, list[UUID]]:
    """In which of the units a contribution to a community, an employer or a school counts."""
    found: dict[UUID, list[UUID]] = {}
    for unit in units:
        known = registry.units.get(unit)
        if known is None or known.registered is None:
            raise NotFound
        for part in registry.counted(unit, on, tree):
            found.setdefault(part, []).append(unit)
    return found


def _added(rows: Sequence[Rows | Failure], counted_in: Mapping[UUID, list[UUID]]) -> dict[UUID, list[Counts]]:
    counts: dict[UUID, list[Counts]] = {}
    for each in rows:
        if isinstance(each, Rows):
            for part, contribution in each.contributions.items():
                for unit in counted_in.get(part, ()):
                    counts.setdefault(unit, []).append(contribution)
    return counts


def _rows(
    db: Db, partition: int, policy: Policy, clocks: Clocks, registry: Registry
) -> Iterator[Sequence[Rows | Failure]]:
    """The rows of a partition's households at the cut, chunk by chunk."""
    for first, last in reading.stretches_of_streams(db, partition, clocks.cut[partition], CHUNK):
        streams = reading.whole_streams_between(db, partition, first, last, clocks.cut[partition])
        yield computed(streams, policy, clocks.as_of, registry.facts)
