"""The tables of a view set: rows replaced by whole batches, totals moved by differences.

Rows travel as JSON and become typed on the server, which was measured to cost as much as COPY for a filled
partition and less for a few households, and needs one statement for both. Every function works in the view set that
the caller's transaction has entered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from casework.domain.metrics import NOTHING
from casework.faults import fault
from casework.log.reading import Db
from casework.projections.computing import Failure
from casework.projections.views import Contributions, Rows

_HOUSEHOLDS = """
INSERT INTO household (
    partition, household_id, version, status, community_id, community_code, arrived_on, closed_on, head, persons,
    members, migrants, children, settled, score, band, scores, bands, stale
)
SELECT %b::smallint, new.* FROM json_to_recordset(%b::json) AS new (
    household_id uuid, version int, status text, community_id uuid, community_code text, arrived_on date,
    closed_on date, head uuid, persons uuid[], members int, migrants int, children int, settled boolean,
    score int, band text, scores int[], bands text[], stale boolean
)
ON CONFLICT (partition, household_id) DO UPDATE SET
    version = EXCLUDED.version, status = EXCLUDED.status, community_id = EXCLUDED.community_id,
    community_code = EXCLUDED.community_code, arrived_on = EXCLUDED.arrived_on, closed_on = EXCLUDED.closed_on,
    head = EXCLUDED.head, persons = EXCLUDED.persons, members = EXCLUDED.members, migrants = EXCLUDED.migrants,
    children = EXCLUDED.children, settled = EXCLUDED.settled, score = EXCLUDED.score, band = EXCLUDED.band,
    scores = EXCLUDED.scores, bands = EXCLUDED.bands, stale = EXCLUDED.stale"""

_ASSESSMENTS = """
INSERT INTO assessment (
    partition, household_id, states, num, den, holds_until, known, applicable, next_change_on
)
SELECT %b::smallint, new.* FROM json_to_recordset(%b::json) AS new (
    household_id uuid, states text, num int[], den int[], holds_until date[], known int[], applicable int[],
    next_change_on date
)
ON CONFLICT (partition, household_id) DO UPDATE SET
    states = EXCLUDED.states, num = EXCLUDED.num, den = EXCLUDED.den, holds_until = EXCLUDED.holds_until,
    known = EXCLUDED.known, applicable = EXCLUDED.applicable, next_change_on = EXCLUDED.next_change_on"""

_CONTRIBUTIONS_OF = """
SELECT household_id, unit_id, ARRAY[households, employees, pupils] || known || applicable || num || den
FROM contribution WHERE partition = %b::smallint AND household_id = ANY (%b::uuid[])"""

_CONTRIBUTIONS = """
INSERT INTO contribution (
    partition, household_id, unit_id, households, employees, pupils, known, applicable, num, den
)
SELECT %b::smallint, new.household_id, new.unit_id, new.counts[1], new.counts[2], new.counts[3],
       new.counts[4:7], new.counts[8:11], new.counts[12:32], new.counts[33:53]
FROM json_to_recordset(%b::json) AS new (household_id uuid, unit_id uuid, counts int[])
ON CONFLICT (partition, household_id, unit_id) DO UPDATE SET
    households = EXCLUDED.households, employees = EXCLUDED.employees, pupils = EXCLUDED.pupils,
    known = EXCLUDED.known, applicable = EXCLUDED.applicable, num = EXCLUDED.num, den = EXCLUDED.den"""

_CONTRIBUTIONS_GONE = """
DELETE FROM contribution AS old USING unnest(%b::uuid[], %b::uuid[]) AS gone (household_id, unit_id)
WHERE old.partition = %b::smallint AND old.household_id = gone.household_id AND old.unit_id = gone.unit_id"""

_TOTALS_OF = """
SELECT unit_id, ARRAY[households, employees, pupils] || known || applicable || num || den
FROM unit_total WHERE partition = %b::smallint AND unit_id = ANY (%b::uuid[])"""

_TOTALS = """
INSERT INTO unit_total (partition, unit_id, households, employees, pupils, known, applicable, num, den)
SELECT %b::smallint, new.unit_id, new.counts[1], new.counts[2], new.counts[3],
       new.counts[4:7], new.counts[8:11], new.counts[12:32], new.counts[33:53]
FROM json_to_recordset(%b::json) AS new (unit_id uuid, counts int[])
ON CONFLICT (partition, unit_id) DO UPDATE SET
    households = EXCLUDED.households, employees = EXCLUDED.employees, pupils = EXCLUDED.pupils,
    known = EXCLUDED.known, applicable = EXCLUDED.applicable, num = EXCLUDED.num, den = EXCLUDED.den"""

_TOTALS_GONE = "DELETE FROM unit_total WHERE partition = %b::smallint AND unit_id = ANY (%b::uuid[])"

_PARK = """
INSERT INTO parked (partition, household_id, error)
SELECT %b::smallint, new.* FROM json_to_recordset(%b::json) AS new (household_id uuid, error text)
ON CONFLICT (partition, household_id) DO UPDATE SET error = EXCLUDED.error"""

_STALE = """
INSERT INTO household (partition, household_id, version, stale)
SELECT %b::smallint, new.*, true FROM json_to_recordset(%b::json) AS new (household_id uuid, version int)
ON CONFLICT (partition, household_id) DO UPDATE SET version = EXCLUDED.version, stale = true"""

_UNPARK = "DELETE FROM parked WHERE partition = %b::smallint AND household_id = ANY (%b::uuid[])"

_PARKED = "SELECT household_id FROM parked WHERE partition = %b::smallint"

_as_json = msgspec.json.Encoder().encode


class Totals:
    """How much each unit's total of one partition has to move; kept over the chunks of a batch."""

    def __init__(self) -> None:
        self.moves: dict[UUID, list[int]] = {}

    def move(self, old: Contributions, new: Contributions) -> None:
        """Take one household's old counts away and add the new ones."""
        for unit, counts in new.items():
            before = old.get(unit, NOTHING)
            if counts != before:
                move = self.moves.setdefault(unit, list(NOTHING))
                self.moves[unit] = [m + n - b for m, n, b in zip(move, counts, before, strict=True)]
        for unit in old.keys() - new.keys():
            move = self.moves.setdefault(unit, list(NOTHING))
            self.moves[unit] = [m - b for m, b in zip(move, old[unit], strict=True)]

    def write(self, db: Db, partition: int) -> None:
        """Move the totals; a unit that nobody contributes to any more has none."""
        moved = {unit: move for unit, move in self.moves.items() if any(move)}
        if not moved:
            return
        before = dict(_rows(db, _TOTALS_OF, partition, list(moved)))
        after = {
            unit: [t + m for t, m in zip(before.get(unit, NOTHING), move, strict=True)] for unit, move in moved.items()
        }
        kept = [{"unit_id": unit, "counts": counts} for unit, counts in after.items() if counts[0]]
        _run(db, _TOTALS, partition, _json(kept))
        gone = [unit for unit, counts in after.items() if not counts[0]]
        if gone:
            _run(db, _TOTALS_GONE, partition, gone)
        fault("totals-moved")


def replace(
    db: Db, partition: int, computed: Sequence[Rows], failures: Sequence[Failure], totals: Totals, *, fresh: bool
) -> None:
    """Put the new rows of some households in the place of the old, and note how the totals have to move.

    ``fresh`` says that the partition has no rows yet, so that there is nothing to look up or to take away.
    """
    ids = [rows.household.household_id for rows in computed] + [failure.household_id for failure in failures]
    old = {} if fresh else contributions_of(db, partition, ids)
    new = {rows.household.household_id: rows.contributions for rows in computed}
    for household_id in ids:
        totals.move(old.get(household_id, {}), new.get(household_id, {}))
    if computed:
        _run(db, _HOUSEHOLDS, partition, _json([rows.household for rows in computed]))
        _run(db, _ASSESSMENTS, partition, _json([rows.assessment for rows in computed]))
    _replace_contributions(db, partition, old, new)
    if not fresh:
        _run(db, _UNPARK, partition, list(new))
    _park(db, partition, failures)
    fault("rows-written")


def contributions_of(db: Db, partition: int, household_ids: Sequence[UUID]) -> dict[UUID, Contributions]:
    """Return what some households contribute to which units."""
    stored: dict[UUID, Contributions] = {}
    for household_id, unit, counts in _rows(db, _CONTRIBUTIONS_OF, partition, list(household_ids)):
        stored.setdefault(household_id, {})[unit] = tuple(counts)
    return stored


def parked(db: Db, partition: int) -> list[UUID]:
    """Return the partition's households that could not be computed."""
    return [household_id for (household_id,) in _rows(db, _PARKED, partition)]


def _replace_contributions(
    db: Db, partition: int, old: Mapping[UUID, Contributions], new: Mapping[UUID, Contributions]
) -> None:
    changed = [
        {"household_id": household_id, "unit_id": unit, "counts": counts}
        for household_id, units in new.items()
        for unit, counts in units.items()
        if old.get(household_id, {}).get(unit) != counts
    ]
    gone = [(h, unit) for h, units in old.items() for unit in units if unit not in new.get(h, {})]
    if changed:
        _run(db, _CONTRIBUTIONS, partition, _json(changed))
    if gone:
        _run(db, _CONTRIBUTIONS_GONE, *(list(column) for column in zip(*gone, strict=True)), partition)


def _park(db: Db, partition: int, failures: Sequence[Failure]) -> None:
    if failures:
        stale = _json([{"household_id": failure.household_id, "version": failure.version} for failure in failures])
        _run(db, _STALE, partition, stale)
        _run(db, _PARK, partition, _json([failure._asdict() for failure in failures]))


def _json(rows: Iterable[Any]) -> str:
    return _as_json(rows).decode()


def _run(db: Db, query: str, *parameters: Any) -> None:
    db.execute(query, parameters, prepare=True)


def _rows(db: Db, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    return db.execute(query, parameters, prepare=True, binary=True).fetchall()
