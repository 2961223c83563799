"""Whether two view sets show the same: counts and checksums of each partition, where both stand at one triple."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import sleep
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from casework.domain.ids import PARTITIONS
from casework.errors import Refused, Unavailable
from casework.log.reading import Db
from casework.projections.batch import TooManyFail
from casework.projections.engine import Engine, Triple, locked
from casework.projections.sets import ViewSet, enter

TRIES = 100
PAUSE_SECONDS = 0.1

Sums = dict[str, tuple[Any, ...]]


class Different(NamedTuple):
    """One household or unit that two sets show differently; ``id`` is its own."""

    partition: int
    table: str
    id: UUID


class Compared(NamedTuple):
    """What was compared, and the first differences; ``differing`` are all partitions that differ.

    ``all_rows`` is False where the sets are of different policies or projection versions, whose assessments may
    differ: then only the households and their versions were compared. A partition that is paused in the first set
    cannot be compared, and stands in ``left_out`` with the reason.
    """

    view: str
    other: str
    all_rows: bool
    households: int
    differing: list[int]
    differences: list[Different]
    left_out: dict[int, str]


# A stale row is the last that could be computed, which a set that was filled later never had.
_ROWS = {
    "household": """
SELECT h.household_id AS id,
       hashtextextended(CASE WHEN h.stale THEN ROW(h.household_id, h.version)::text ELSE h::text END, 0) AS hash
FROM household AS h WHERE h.partition = %b::smallint""",
    "assessment": """
SELECT a.household_id AS id, hashtextextended(a::text, 0) AS hash
FROM assessment AS a JOIN household AS h USING (partition, household_id)
WHERE a.partition = %b::smallint AND NOT h.stale""",
    "contribution": """
SELECT c.household_id AS id, hashtextextended(c::text, 0) AS hash
FROM contribution AS c WHERE c.partition = %b::smallint""",
    "worklist": """
SELECT w.household_id AS id, hashtextextended(w::text, 0) AS hash
FROM worklist AS w WHERE w.partition = %b::smallint""",
    "unit_total": """
SELECT u.unit_id AS id, hashtextextended(u::text, 0) AS hash
FROM unit_total AS u WHERE u.partition = %b::smallint""",
}
_VERSIONS = {
    "household": """
SELECT h.household_id AS id, hashtextextended(ROW(h.household_id, h.version)::text, 0) AS hash
FROM household AS h WHERE h.partition = %b::smallint""",
}
_STANDS = "SELECT position, registry_position, as_of FROM checkpoint WHERE partition = %b::smallint"
_PAUSED = "SELECT partition, paused FROM checkpoint WHERE paused IS NOT NULL ORDER BY partition"


def compare(
    engine: Engine,
    view: ViewSet,
    other: ViewSet,
    *,
    most: int = 20,
    progress: Callable[[int], None] = lambda partitions: None,
) -> Compared:
    """Compare a set with the one that is to take its place; ``progress`` is told how many partitions are done.

    Both go on meanwhile. Raises :class:`Refused` where a partition of the other is paused.
    """
    pair = (view, other)
    queries = _ROWS if view.policy == other.policy and view.is_ours and other.is_ours else _VERSIONS
    left_out, households, differing, differences = _paused(engine, pair), 0, list[int](), list[Different]()
    for partition in range(PARTITIONS):
        if partition not in left_out:
            with _level(engine, pair, partition) as db:
                sums = [_sums(db, each, queries, partition) for each in pair]
                households += sums[0]["household"][0]
                if sums[0] != sums[1]:
                    differing.append(partition)
                    tables = {table: queries[table] for table in queries if sums[0][table] != sums[1][table]}
                    found = _differences(db, pair, tables, partition)
                    differences += [each for _, each in zip(range(most - len(differences)), found, strict=False)]
        progress(partition + 1)
    return Compared(view.name, other.name, queries is _ROWS, households, differing, differences, left_out)


def _paused(engine: Engine, pair: tuple[ViewSet, ViewSet]) -> dict[int, str]:
    with engine.pool.connection() as db, db.transaction():
        found = []
        for each in pair:
            _enter(db, each)
            found.append({row[0]: row[1] for row in db.execute(_PAUSED)})
    for partition, reason in found[1].items():
        raise Refused("views-paused", view=pair[1].name, partition=partition, reason=reason)
    return found[0]


@contextmanager
def _level(engine: Engine, pair: tuple[ViewSet, ViewSet], partition: int) -> Iterator[Db]:
    """One moment in which both sets show a partition at the same triple: a snapshot, so that both can go on."""
    for _ in range(TRIES):
        with suppress(psycopg.errors.LockNotAvailable):  # a drain that takes long has it
            _bring_level(engine, pair, partition)
        with engine.pool.connection() as db, db.transaction():
            db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if len({_stands(db, each, partition) for each in pair}) == 1:
                yield db
                return
        if not all(each.is_ours for each in pair):
            sleep(PAUSE_SECONDS)  # the other program's workers come as far by themselves
    raise Unavailable("views-behind", partition=partition)


def _bring_level(engine: Engine, pair: tuple[ViewSet, ViewSet], partition: int) -> None:
    with engine.pool.connection() as db, db.transaction():
        stands = []
        for each in sorted(pair, key=lambda each: each.name):
            _enter(db, each)
            stands.append(locked(db, partition))
        to = stands[0].raised(stands[1])
        for each in pair:
            if each.is_ours:
                try:
                    engine.bring(db, each, partition, to)
                except TooManyFail as failing:
                    raise Refused("views-paused", view=each.name, partition=partition, reason=str(failing)) from failing


def _stands(db: Db, view: ViewSet, partition: int) -> Triple:
    _enter(db, view)
    [row] = db.execute(_STANDS, (partition,), binary=True)
    return Triple._make(row)


def _sums(db: Db, view: ViewSet, queries: dict[str, str], partition: int) -> Sums:
    """The count of rows of each table, and a checksum for which their order does not matter."""
    _enter(db, view)
    return {
        table: _asked(db, f"SELECT count(*), sum(hash) FROM ({rows}) AS hashed", partition)[0]
        for table, rows in queries.items()
    }


def _differences(db: Db, pair: tuple[ViewSet, ViewSet], queries: dict[str, str], partition: int) -> Iterator[Different]:
    for table, rows in queries.items():
        hashes = []
        for each in pair:
            _enter(db, each)
            hashes.append(dict(_asked(db, f"SELECT id, sum(hash) FROM ({rows}) AS hashed GROUP BY id", partition)))
        first, second = hashes
        for id in sorted(first.keys() | second.keys()):
            if first.get(id) != second.get(id):
                yield Different(partition, table, id)


def _enter(db: Db, view: ViewSet) -> None:
    if not enter(db, view):
        raise Refused("views-gone", view=view.name)


def _asked(db: Db, query: str, partition: int) -> list[tuple[Any, ...]]:
    return db.execute(query, (partition,), binary=True).fetchall()
