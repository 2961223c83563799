"""Whether views are what they claim: every row compared with a fresh replay of the log at the same triple."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from casework.domain.contributions import Contributions
from casework.domain.ids import PARTITIONS
from casework.domain.metrics import added
from casework.domain.work_items import Item
from casework.log import reading
from casework.log.pool import Pool
from casework.log.reading import Db
from casework.projections import tables
from casework.projections.computing import Failure, computed
from casework.projections.facts import RegistryReader
from casework.projections.sets import ViewSet, enter, enter_live
from casework.projections.views import AssessmentRow, HouseholdRow, Rows

_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)
_CHUNK = 500

_items = msgspec.json.Decoder(list[Item]).decode


class Difference(NamedTuple):
    """One value that is not as the replay has it; ``id`` is a household's or a unit's."""

    partition: int
    table: str
    id: UUID
    column: str
    stored: object
    replayed: object


class Verified(NamedTuple):
    """How much was compared, and the first differences; none means that the views are right."""

    view: str
    households: int
    units: int
    differences: list[Difference]


_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_CHECKPOINT = """
SELECT coalesce(filling_to, position), registry_position, as_of,
       CASE WHEN filling_to IS NULL THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff'
            ELSE coalesce(filled_to, '00000000-0000-0000-0000-000000000000') END::uuid
FROM checkpoint WHERE partition = %b::smallint"""
_HOUSEHOLDS = """
SELECT partition, household_id, version, status, community_id, community_code, arrived_on, closed_on, head, persons,
       members, migrants, children, settled, score, band, scores, bands, stale
FROM household WHERE partition = %b::smallint AND household_id = ANY (%b::uuid[])"""
_ASSESSMENTS = """
SELECT partition, household_id, states, num, den, holds_until, known, applicable, next_change_on, worklist
FROM assessment WHERE partition = %b::smallint AND household_id = ANY (%b::uuid[])"""
_WORKLISTS = """
SELECT household_id, due_on, kind, why, services, person_id, record_id, area, bureau, closes, community_id
FROM worklist WHERE partition = %b::smallint AND household_id = ANY (%b::uuid[]) ORDER BY household_id, place"""
_STORED_IDS = "SELECT household_id FROM household WHERE partition = %b::smallint"
_TOTALS = """
SELECT unit_id, ARRAY[households, employees, pupils] || known || applicable || num || den
FROM unit_total WHERE partition = %b::smallint"""


def verify(
    pool: Pool, *, sample: int | None = None, seed: int = 0, view: ViewSet | None = None, most: int = 20
) -> Verified:
    """Compare all rows, or those of about ``sample`` households, with a replay; return at most so many differences.

    Each partition is looked at as of one moment. Totals are compared where all households are.
    """
    households = units = 0
    found: list[Difference] = []
    registry, name = RegistryReader(), ""
    for partition in range(PARTITIONS):
        with pool.connection() as db, _moment(db, view) as entered:
            replay = Replay(db, entered, partition, registry)
            ids = replay.ids(sample and -(-sample // PARTITIONS), Random(seed + partition))
            differences = replay.differences(ids, totals=sample is None)
            found += islice(differences, most - len(found))
            households, units, name = households + len(ids), units + len(replay.totals), entered.name
        if len(found) >= most:
            break
    return Verified(name, households, units, found)


@contextmanager
def _moment(db: Db, view: ViewSet | None) -> Iterator[ViewSet]:
    with db.transaction():
        db.execute(_SNAPSHOT)
        if view is None:
            yield enter_live(db)
        else:
            enter(db, view)
            yield view


class Replay:
    """One partition computed anew at the triple of its checkpoint."""

    def __init__(self, db: Db, view: ViewSet, partition: int, registry: RegistryReader) -> None:
        self.db, self.view, self.partition = db, view, partition
        [(self.position, registry_position, self.as_of, self.filled_to)] = self._rows(_CHECKPOINT)
        self.facts = registry.facts(db, registry_position)
        self.totals: dict[UUID, list[tuple[int, ...]]] = {}

    def ids(self, sample: int | None, random: Random) -> list[UUID]:
        """All households of the log or the view, or some of them; those that a filling has not reached have no rows."""
        logged = reading.stream_ids(self.db, self.partition, _FIRST, 2**31, self.position)
        ids = sorted(
            {*(each for each in logged if each <= self.filled_to), *(row[0] for row in self._rows(_STORED_IDS))}
        )
        return ids if sample is None or sample >= len(ids) else sorted(random.sample(ids, sample))

    def differences(self, ids: Sequence[UUID], *, totals: bool) -> Iterator[Difference]:
        """Every value that is not as the replay has it."""
        for start in range(0, len(ids), _CHUNK):
            yield from self._chunk(ids[start : start + _CHUNK])
        if totals:
            replayed = {unit: added(counts) for unit, counts in self.totals.items()}
            stored = {unit: tuple(counts) for unit, counts in self._rows(_TOTALS)}
            yield from self._differ("unit_total", "counts", stored, replayed)

    def _chunk(self, ids: Sequence[UUID]) -> Iterator[Difference]:
        replayed = dict(self._replayed(ids))
        stored = {row[1]: HouseholdRow(*row) for row in self._rows(_HOUSEHOLDS, list(ids))}
        assessed = {row[1]: AssessmentRow(*row) for row in self._rows(_ASSESSMENTS, list(ids))}
        worklists = self._worklists(ids)
        contributed = tables.contributions_of(self.db, ids)
        for household_id in ids:
            rows, row = replayed.get(household_id), stored.get(household_id)
            contributions: Contributions = rows.contributions if isinstance(rows, Rows) else {}
            for unit, counts in contributions.items():
                self.totals.setdefault(unit, []).append(counts)
            yield from self._differ("contribution", "counts", contributed.get(household_id, {}), contributions)
            yield from self._worklist(household_id, worklists.get(household_id, ([], set())), rows)
            if isinstance(rows, Rows):
                yield from self._fields("household", household_id, row, rows.household)
                yield from self._fields("assessment", household_id, assessed.get(household_id), rows.assessment)
            elif row is None or not row.stale or rows is None:
                yield Difference(self.partition, "household", household_id, "", row, rows)

    def _worklists(self, ids: Sequence[UUID]) -> dict[UUID, tuple[list[Item], set[UUID]]]:
        """The stored items of some households, and the communities that they say."""
        found: dict[UUID, tuple[list[Item], set[UUID]]] = {}
        for household_id, due_on, kind, why, services, *item, community_id in self._rows(_WORKLISTS, list(ids)):
            items, communities = found.setdefault(household_id, ([], set()))
            items.append(Item(due_on, kind, why, tuple(services), *item))
            communities.add(community_id)
        return found

    def _worklist(
        self, id: UUID, stored: tuple[list[Item], set[UUID]], rows: Rows | Failure | None
    ) -> Iterator[Difference]:
        items = _items(rows.worklist.items) if isinstance(rows, Rows) else []
        community = {rows.household.community_id} if isinstance(rows, Rows) and items else set()
        for column, values in {"items": (stored[0], items), "community_id": (stored[1], community)}.items():
            if values[0] != values[1]:
                yield Difference(self.partition, "worklist", id, column, *values)

    def _replayed(self, ids: Sequence[UUID]) -> Iterator[tuple[UUID, Rows | Failure]]:
        streams = reading.whole_streams_of(self.db, ids, {self.partition: self.position})
        for each in computed(streams, self.view.policy, self.as_of, self.facts):
            yield each.household.household_id if isinstance(each, Rows) else each.household_id, each

    def _fields(self, table: str, id: UUID, stored: Any, replayed: Any) -> Iterator[Difference]:
        if stored is None:
            yield Difference(self.partition, table, id, "", None, replayed)
        elif stored != replayed:
            for column in replayed.__struct_fields__:
                values = getattr(stored, column), getattr(replayed, column)
                if values[0] != values[1]:
                    yield Difference(self.partition, table, id, column, *values)

    def _differ(
        self, table: str, column: str, stored: Mapping[UUID, Any], replayed: Mapping[UUID, Any]
    ) -> Iterator[Difference]:
        for id in stored.keys() | replayed.keys():
            if stored.get(id) != replayed.get(id):
                yield Difference(self.partition, table, id, column, stored.get(id), replayed.get(id))

    def _rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.db.execute(query, (self.partition, *parameters), prepare=True, binary=True).fetchall()
