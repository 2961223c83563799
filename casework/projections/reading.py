"""The read side of the live views: households for lists and searches, the tallies of units, how far views are.

A request enters the live set once, in a transaction of its own, and asks everything there::

    with reading.live_views(pool) as (db, view):
        page = reading.households(db, Filter(communities=below), after=None, limit=50)
        shown = sets.cutting(db)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from time import monotonic, sleep
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from casework.domain.ids import PARTITIONS, REGISTRY, partition_of
from casework.domain.metrics import EMPTY, MEASURED_LEVELS, MEASURES, Tally
from casework.log.pool import Pool
from casework.log.reading import Db
from casework.projections.sets import ViewSet, enter, enter_live, enter_under, kept
from casework.projections.views import AssessmentRow, HouseholdRow

POLL_SECONDS = 0.25
LOOK_SECONDS = 0.02
"""How often a wait looks at the checkpoint: where it is told of moves, and where it is not."""

Place = tuple[int, UUID]
"""Where a household stands in the order of lists: partition, then id."""


class Filter(NamedTuple):
    """Which households a list shows; None does not filter. ``level`` says whose band, else it is the overall's."""

    communities: Sequence[UUID] | None = None
    status: str | None = None
    band: str | None = None
    level: str | None = None


class Page(NamedTuple):
    """One page of a list, and the place after which the next begins, if there is one."""

    items: list[HouseholdRow]
    next: Place | None


class PartitionStatus(NamedTuple):
    """How far the views of one partition are: ``lag`` in events, ``registry_lag`` in events of the registry.

    ``lag_seconds`` is the age of the first event that is not shown yet, ``frozen_seconds`` how long the checkpoint of
    a partition that is behind has not moved.
    """

    partition: int
    head: int
    position: int
    lag: int
    registry_lag: int
    as_of: date
    parked: int
    paused: str | None
    lag_seconds: float
    frozen_seconds: float


class Parked(NamedTuple):
    """A household that could not be computed, and why."""

    household_id: UUID
    error: str


_COLUMNS = """
SELECT partition, household_id, version, status, community_id, community_code, arrived_on, closed_on, head, persons,
       members, migrants, children, settled, score, band, scores, bands, stale
FROM household
"""
_ONE = _COLUMNS + "WHERE partition = %b::smallint AND household_id = %b"
_BY_PERSONS = _COLUMNS + "WHERE persons && %b::uuid[] ORDER BY partition, household_id LIMIT %b::bigint"
_WANTED = """
(partition, household_id) > (%(partition)b::smallint, %(household)b::uuid)
AND (%(status)b::text IS NULL OR status = %(status)b::text)
AND (%(band)b::text IS NULL
     OR %(band)b::text = CASE WHEN %(place)b::int IS NULL THEN band ELSE bands[%(place)b::int] END)
ORDER BY partition, household_id LIMIT %(limit)b::bigint"""
_LIST = _COLUMNS + "WHERE " + _WANTED
_LIST_OF = _COLUMNS + "WHERE community_id = ANY (%(communities)b::uuid[]) AND " + _WANTED

_ASSESSMENT = """
SELECT partition, household_id, states, num, den, holds_until, known, applicable, next_change_on, worklist
FROM assessment WHERE partition = %b::smallint AND household_id = %b"""

# Named one by one, since adding up subscripts is four times as fast as taking the arrays apart.
_PARTS = (
    "households", "employees", "pupils",
    *(f"known[{place + 1}]" for place in range(len(MEASURED_LEVELS))),
    *(f"applicable[{place + 1}]" for place in range(len(MEASURED_LEVELS))),
    *(f"num[{place + 1}]" for place in range(len(MEASURES))),
    *(f"den[{place + 1}]" for place in range(len(MEASURES))),
)  # fmt: skip
_SUMS = ", ".join(f"sum({part})::bigint" for part in _PARTS)
_SUM = f"SELECT {_SUMS} FROM unit_total WHERE unit_id = ANY (%b::uuid[])"
_SUM_EACH = f"SELECT unit_id, {_SUMS} FROM unit_total WHERE unit_id = ANY (%b::uuid[]) GROUP BY unit_id"

_STALE = """
SELECT count(*) FILTER (WHERE community_id = ANY (%b::uuid[]) OR community_id IS NULL)
FROM household WHERE stale"""

# A parked household's row is the last that could be made, or has no community at all.
_LIVED_IN = """
SELECT EXISTS (SELECT FROM household WHERE community_id = ANY (%b::uuid[])
               AND status IS DISTINCT FROM 'closed' AND status IS DISTINCT FROM 'merged_away')"""

_CONTRIBUTORS = """
SELECT household_id FROM contribution
WHERE unit_id = %b AND (partition, household_id) > (%b::smallint, %b::uuid)
ORDER BY partition, household_id LIMIT %b::bigint"""

_POSITION = "SELECT position FROM checkpoint WHERE partition = %b::smallint"
_REGISTRY_POSITION = "SELECT min(registry_position) FROM checkpoint"

# A what-if set goes no further than its cut.
_STATUS = """
WITH registry AS (SELECT coalesce(max(position), 0) AS head FROM casework.events WHERE partition = 64)
SELECT c.partition, log.head, c.position, greatest(log.head - c.position, 0), log.registry_lag, c.as_of,
       (SELECT count(*) FROM parked WHERE parked.partition = c.partition), c.paused,
       CASE WHEN log.head > c.position
            THEN greatest(extract(epoch FROM now() - next.recorded_at), 0) ELSE 0 END::float8,
       CASE WHEN log.head > c.position OR log.registry_lag > 0
            THEN greatest(extract(epoch FROM now() - c.advanced_at), 0) ELSE 0 END::float8
FROM checkpoint AS c
CROSS JOIN registry
LEFT JOIN casework.events AS next ON next.partition = c.partition AND next.position = c.position + 1
CROSS JOIN LATERAL (
    SELECT coalesce(CASE WHEN %(is_what_if)b THEN coalesce(c.filling_to, c.position) ELSE (
               SELECT e.position FROM casework.events AS e WHERE e.partition = c.partition
               ORDER BY e.position DESC LIMIT 1) END, 0) AS head,
           CASE WHEN %(is_what_if)b THEN 0 ELSE greatest(registry.head - c.registry_position, 0) END AS registry_lag
) AS log
ORDER BY c.partition"""
_PARKED = "SELECT household_id, error FROM parked ORDER BY partition, household_id LIMIT %b::bigint"


# The lock comes before the snapshot: a set that the snapshot shows is not dropped before the end.
_SNAPSHOT_OF_SETS = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
LOCK TABLE casework.view_set IN ACCESS SHARE MODE"""


@contextmanager
def live_views(pool: Pool) -> Iterator[tuple[Db, ViewSet]]:
    """One moment of the live set: a snapshot in which every answer belongs to the same checkpoints."""
    with pool.connection() as db, db.transaction():
        db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield db, enter_live(db)


@contextmanager
def views_under(pool: Pool, policy: str | None) -> Iterator[tuple[Db, ViewSet]]:
    """One moment of the set under a policy's version, or of the live one where none is named.

    Raises :class:`NoViews` where there is none, and Unavailable while it is being filled.
    """
    if policy is None:
        with live_views(pool) as live:
            yield live
        return
    with pool.connection() as db, db.transaction():
        db.execute(_SNAPSHOT_OF_SETS)
        yield db, enter_under(db, policy)


def household(db: Db, household_id: UUID) -> HouseholdRow | None:
    """Return a household's row, if the views have one."""
    return next(iter(_households(db, _ONE, (partition_of(household_id), household_id))), None)


def assessment(db: Db, household_id: UUID) -> AssessmentRow | None:
    """Return how a household was assessed, if the views have it."""
    rows = _rows(db, _ASSESSMENT, (partition_of(household_id), household_id))
    return AssessmentRow(*rows[0]) if rows else None


def households(db: Db, filter: Filter, *, after: Place | None = None, limit: int = 50) -> Page:
    """Return one page of households, in the order of their partitions and ids."""
    partition, household_id = after or (-1, UUID(int=0))
    parameters = {
        "partition": partition,
        "household": household_id,
        "communities": list(filter.communities or ()),
        "status": filter.status,
        "band": filter.band,
        "place": MEASURED_LEVELS.index(filter.level) + 1 if filter.level else None,
        "limit": limit + 1,
    }
    items = _households(db, _LIST if filter.communities is None else _LIST_OF, parameters)
    if len(items) <= limit:
        return Page(items, None)
    last = items[limit - 1].household_id
    return Page(items[:limit], (partition_of(last), last))


def with_persons(db: Db, person_ids: Sequence[UUID], *, limit: int = 50) -> list[HouseholdRow]:
    """Return the households whose files are about any of these people, members or gone from the city."""
    return _households(db, _BY_PERSONS, (list(person_ids), limit)) if person_ids else []


def tally(db: Db, units: Sequence[UUID]) -> Tally:
    """Return what the households add up to in some units together; a household counts once in each of them."""
    [row] = _rows(db, _SUM, (list(units),))
    return EMPTY if row[0] is None else Tally.of(row)


def tallies(db: Db, units: Sequence[UUID]) -> dict[UUID, Tally]:
    """Return the tally of each unit; empty ones too."""
    found = {row[0]: Tally.of(row[1:]) for row in _rows(db, _SUM_EACH, (list(units),))}
    return {unit: found.get(unit, EMPTY) for unit in units}


def missing(db: Db, communities: Sequence[UUID]) -> int:
    """Return how many households these communities' figures may lack, because they are parked."""
    return int(_rows(db, _STALE, (list(communities),))[0][0])


def contributors(db: Db, unit: UUID, *, after: Place | None = None, limit: int = 50) -> list[UUID]:
    """Return the households behind a unit's figures, in the order of lists."""
    return [row[0] for row in _rows(db, _CONTRIBUTORS, (unit, *(after or (-1, UUID(int=0))), limit))]


def is_lived_in(db: Db, communities: Sequence[UUID]) -> bool:
    """Whether a household whose file is open lives in one of some communities, or is to arrive there."""
    ((lived_in,),) = _rows(db, _LIVED_IN, (list(communities),))
    return bool(lived_in)


class Moves(Protocol):
    """Tells when views have moved: ``wait`` returns when ``turn`` is another, or after so many seconds."""

    turn: int

    def wait(self, turn: int, seconds: float) -> None: ...


class Unheard:
    """Nobody tells when views move: only looking again does."""

    turn = 0

    def wait(self, turn: int, seconds: float) -> None:
        """Wait for a moment."""
        sleep(min(seconds, LOOK_SECONDS))


def wait_for_position(pool: Pool, partition: int, position: int, timeout: float, moves: Moves | None = None) -> bool:
    """Wait until the live views show a position, so many seconds at most; say whether they do.

    A position of the registry is shown once every partition has taken it in. ``moves`` wakes the wait; a short poll
    stands behind it.
    """
    told, ends = moves or Unheard(), monotonic() + timeout
    while True:
        turn = told.turn
        if _shows(pool, partition, position):
            return True
        left = ends - monotonic()
        if left <= 0:
            return False
        told.wait(turn, min(left, POLL_SECONDS))


def status(pool: Pool) -> dict[str, list[PartitionStatus]]:
    """Return how far each set is that workers keep or fill, partition by partition, the live one first."""
    with pool.connection() as db, db.transaction():
        found = {}
        for view in kept(db):
            enter(db, view)
            asked = {"is_what_if": view.is_what_if}
            found[view.name] = [PartitionStatus._make(row) for row in _rows(db, _STATUS, asked)]
        return found


def parked(db: Db, *, limit: int = 100) -> list[Parked]:
    """Return the parked households of the set, and why they are."""
    return [Parked._make(row) for row in _rows(db, _PARKED, (limit,))]


def _shows(pool: Pool, partition: int, position: int) -> bool:
    with pool.connection() as db, db.transaction():
        enter_live(db)
        if partition == REGISTRY:
            [(shown,)] = _rows(db, _REGISTRY_POSITION, ())
        elif 0 <= partition < PARTITIONS:
            [(shown,)] = _rows(db, _POSITION, (partition,))
        else:
            return False
        return bool(shown >= position)


def _households(db: Db, query: str, parameters: Any) -> list[HouseholdRow]:
    return [HouseholdRow(*row) for row in _rows(db, query, parameters)]


def _rows(db: Db, query: str, parameters: Any) -> list[tuple[Any, ...]]:
    return db.execute(query, parameters, binary=True).fetchall()
