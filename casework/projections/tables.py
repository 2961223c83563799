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

from casework.domain.contributions import Contributions
from casework.domain.ids import partition_of
from casework.domain.metrics import NOTHING
from casework.faults import fault
from casework.log.pool import done, rows
from casework.log.reading import Db
from casework.projections.computing import Failure
from casework.projections.views import Rows

_CONTRIBUTIONS_OF = """
SELECT household_id, unit_id, ARRAY[households, employees, pupils] || known || applicable || num || den
FROM unnest(%(partitions)b::smallint[], %(ids)b::uuid[]) AS wanted (partition, household_id)
JOIN contribution USING (partition, household_id)"""

# One statement, since each costs a round trip that readers wait for. It returns what the households contributed, and
# the digests of their worklists: what was there before it.
_HOUSEHOLDS = f"""
WITH assessed AS (
    INSERT INTO assessment (
        partition, household_id, states, num, den, holds_until, known, applicable, next_change_on, worklist
    )
    SELECT * FROM json_to_recordset(%(assessments)b::json) AS new (
        partition smallint, household_id uuid, states text, num int[], den int[], holds_until date[], known int[],
        applicable int[], next_change_on date, worklist bigint
    )
    ON CONFLICT (partition, household_id) DO UPDATE SET
        states = EXCLUDED.states, num = EXCLUDED.num, den = EXCLUDED.den, holds_until = EXCLUDED.holds_until,
        known = EXCLUDED.known, applicable = EXCLUDED.applicable, next_change_on = EXCLUDED.next_change_on,
        worklist = EXCLUDED.worklist
), unparked AS (
    DELETE FROM parked USING json_to_recordset(%(households)b::json) AS new (partition smallint, household_id uuid)
    WHERE parked.partition = new.partition AND parked.household_id = new.household_id
), described AS (
    INSERT INTO household (
        partition, household_id, version, status, community_id, community_code, arrived_on, closed_on, head, persons,
        members, migrants, children, settled, score, band, scores, bands, stale
    )
    SELECT * FROM json_to_recordset(%(households)b::json) AS new (
        partition smallint, household_id uuid, version int, status text, community_id uuid, community_code text,
        arrived_on date, closed_on date, head uuid, persons uuid[], members int, migrants int, children int,
        settled boolean, score int, band text, scores int[], bands text[], stale boolean
    )
    ON CONFLICT (partition, household_id) DO UPDATE SET
        version = EXCLUDED.version, status = EXCLUDED.status, community_id = EXCLUDED.community_id,
        community_code = EXCLUDED.community_code, arrived_on = EXCLUDED.arrived_on, closed_on = EXCLUDED.closed_on,
        head = EXCLUDED.head, persons = EXCLUDED.persons, members = EXCLUDED.members, migrants = EXCLUDED.migrants,
        children = EXCLUDED.children, settled = EXCLUDED.settled, score = EXCLUDED.score, band = EXCLUDED.band,
        scores = EXCLUDED.scores, bands = EXCLUDED.bands, stale = EXCLUDED.stale
)
SELECT contributed.*, NULL::bigint FROM ({_CONTRIBUTIONS_OF}) AS contributed
UNION ALL
SELECT household_id, NULL, NULL, worklist
FROM unnest(%(partitions)b::smallint[], %(ids)b::uuid[]) AS wanted (partition, household_id)
JOIN assessment USING (partition, household_id)
WHERE worklist <> 0"""

_NEW_WORKLIST = """
INSERT INTO worklist AS old (
    partition, household_id, place, community_id, due_on, kind, why, services, person_id, record_id, area, bureau,
    closes
)
SELECT new.partition, new.household_id, item.place, new.community_id, item.due_on, item.kind, item.why, item.services,
       item.person_id, item.record_id, item.area, item.bureau, item.closes
FROM json_to_recordset(%(worklists)b::json) AS new (
    partition smallint, household_id uuid, community_id uuid, items json
)
CROSS JOIN LATERAL ROWS FROM (json_to_recordset(new.items) AS (
    due_on date, kind text, why text, services text[], person_id uuid, record_id uuid, area text, bureau text,
    closes text
)) WITH ORDINALITY AS item (
    due_on, kind, why, services, person_id, record_id, area, bureau, closes, place
)"""

# A household's items are numbered from 1 in their order; what stays in its place is not written again.
_WORKLIST = f"""
WITH shorter AS (
    DELETE FROM worklist AS old
    USING unnest(%(partitions)b::smallint[], %(ids)b::uuid[], %(counts)b::int[]) AS new (partition, household_id, count)
    WHERE old.partition = new.partition AND old.household_id = new.household_id AND old.place > new.count
)
{_NEW_WORKLIST}
ON CONFLICT (partition, household_id, place) DO UPDATE SET
    community_id = EXCLUDED.community_id, due_on = EXCLUDED.due_on, kind = EXCLUDED.kind, why = EXCLUDED.why,
    services = EXCLUDED.services, person_id = EXCLUDED.person_id, record_id = EXCLUDED.record_id,
    area = EXCLUDED.area, bureau = EXCLUDED.bureau, closes = EXCLUDED.closes
WHERE ROW(old.*) IS DISTINCT FROM ROW(EXCLUDED.*)"""

_NOTHING_DUE = """
WITH new AS (
    SELECT * FROM json_to_recordset(%b::json) AS new (partition smallint, household_id uuid)
), gone AS (
    DELETE FROM worklist AS old USING new
    WHERE old.partition = new.partition AND old.household_id = new.household_id
)
UPDATE assessment AS old SET worklist = 0 FROM new
WHERE old.partition = new.partition AND old.household_id = new.household_id"""

_CONTRIBUTIONS = """
INSERT INTO contribution (
    partition, household_id, unit_id, households, employees, pupils, known, applicable, num, den
)
SELECT new.partition, new.household_id, new.unit_id, new.counts[1], new.counts[2], new.counts[3],
       new.counts[4:7], new.counts[8:11], new.counts[12:32], new.counts[33:53]
FROM json_to_recordset(%b::json) AS new (partition smallint, household_id uuid, unit_id uuid, counts int[])
ON CONFLICT (partition, household_id, unit_id) DO UPDATE SET
    households = EXCLUDED.households, employees = EXCLUDED.employees, pupils = EXCLUDED.pupils,
    known = EXCLUDED.known, applicable = EXCLUDED.applicable, num = EXCLUDED.num, den = EXCLUDED.den"""

_CONTRIBUTIONS_GONE = """
DELETE FROM contribution AS old
USING unnest(%b::smallint[], %b::uuid[], %b::uuid[]) AS gone (partition, household_id, unit_id)
WHERE old.partition = gone.partition AND old.household_id = gone.household_id AND old.unit_id = gone.unit_id"""

_TOTALS_OF = """
SELECT partition, unit_id, ARRAY[households, employees, pupils] || known || applicable || num || den
FROM unnest(%b::smallint[], %b::uuid[]) AS wanted (partition, unit_id)
JOIN unit_total USING (partition, unit_id)"""

_TOTALS = """
INSERT INTO unit_total (partition, unit_id, households, employees, pupils, known, applicable, num, den)
SELECT new.partition, new.unit_id, new.counts[1], new.counts[2], new.counts[3],
       new.counts[4:7], new.counts[8:11], new.counts[12:32], new.counts[33:53]
FROM json_to_recordset(%b::json) AS new (partition smallint, unit_id uuid, counts int[])
ON CONFLICT (partition, unit_id) DO UPDATE SET
    households = EXCLUDED.households, employees = EXCLUDED.employees, pupils = EXCLUDED.pupils,
    known = EXCLUDED.known, applicable = EXCLUDED.applicable, num = EXCLUDED.num, den = EXCLUDED.den"""

_TOTALS_GONE = """
DELETE FROM unit_total AS old USING unnest(%b::smallint[], %b::uuid[]) AS gone (partition, unit_id)
WHERE old.partition = gone.partition AND old.unit_id = gone.unit_id"""

_PARK = """
INSERT INTO parked (partition, household_id, error)
SELECT * FROM json_to_recordset(%b::json) AS new (partition smallint, household_id uuid, error text)
ON CONFLICT (partition, household_id) DO UPDATE SET error = EXCLUDED.error"""

_STALE = """
INSERT INTO household (partition, household_id, version, stale)
SELECT new.*, true FROM json_to_recordset(%b::json) AS new (partition smallint, household_id uuid, version int)
ON CONFLICT (partition, household_id) DO UPDATE SET version = EXCLUDED.version, stale = true"""

_PARKED = "SELECT household_id FROM parked WHERE partition = %b::smallint"

_as_json = msgspec.json.Encoder().encode


class Totals:
    """How much each unit's total of each partition has to move; kept over the chunks of a batch."""

    def __init__(self) -> None:
        self.moves: dict[tuple[int, UUID], list[int]] = {}

    def move(self, partition: int, old: Contributions, new: Contributions) -> None:
        """Take one household's old counts away and add the new ones."""
        for unit in old.keys() | new.keys():
            before, after = old.get(unit, NOTHING), new.get(unit, NOTHING)
            if after != before:
                move = self.moves.setdefault((partition, unit), list(NOTHING))
                self.moves[partition, unit] = [m + a - b for m, a, b in zip(move, after, before, strict=True)]

    def write(self, db: Db) -> None:
        """Move the totals; a unit that nobody contributes to any more has none."""
        moved = {place: move for place, move in self.moves.items() if any(move)}
        if not moved:
            return
        before = {(partition, unit): counts for partition, unit, counts in rows(db, _TOTALS_OF, _columns(moved))}
        after = {
            place: [t + m for t, m in zip(before.get(place, NOTHING), move, strict=True)]
            for place, move in moved.items()
        }
        kept = [
            {"partition": partition, "unit_id": unit, "counts": counts}
            for (partition, unit), counts in after.items()
            if counts[0]
        ]
        done(db, _TOTALS, (_json(kept),))
        gone = [place for place, counts in after.items() if not counts[0]]
        if gone:
            done(db, _TOTALS_GONE, _columns(gone))
        fault("totals-moved")


def replace(db: Db, computed: Sequence[Rows], failures: Sequence[Failure], totals: Totals, *, fresh: bool) -> None:
    """Put the new rows of some households in the place of the old, and note how the totals have to move.

    ``fresh`` says that their partition has no rows of them yet, so that there is nothing to look up or to take away.
    """
    new = {each.household.household_id: each.contributions for each in computed}
    ids = [*new, *(failure.household_id for failure in failures)]
    written = {
        "households": _json([each.household for each in computed]),
        "assessments": _json([each.assessment for each in computed]),
    }
    found = rows(db, _HOUSEHOLDS, {**written, **_wanted([] if fresh else ids)})
    old = _contributions(row[:3] for row in found if row[1] is not None)
    for household_id in ids:
        totals.move(partition_of(household_id), old.get(household_id, {}), new.get(household_id, {}))
    _replace_contributions(db, old, new)
    _replace_worklists(db, {row[0]: row[3] for row in found if row[1] is None}, computed, fresh=fresh)
    _park(db, failures)
    fault("rows-written")


def contributions_of(db: Db, household_ids: Sequence[UUID]) -> dict[UUID, Contributions]:
    """Return what some households contribute to which units."""
    return _contributions(rows(db, _CONTRIBUTIONS_OF, _wanted(household_ids)))


def _wanted(household_ids: Sequence[UUID]) -> dict[str, Any]:
    return {"partitions": [partition_of(id) for id in household_ids], "ids": list(household_ids)}


def _contributions(stored: Iterable[tuple[Any, ...]]) -> dict[UUID, Contributions]:
    found: dict[UUID, Contributions] = {}
    for household_id, unit, counts in stored:
        found.setdefault(household_id, {})[unit] = tuple(counts)
    return found


def parked(db: Db, partition: int) -> list[UUID]:
    """Return the partition's households that could not be computed."""
    return [household_id for (household_id,) in rows(db, _PARKED, (partition,))]


def _replace_contributions(db: Db, old: Mapping[UUID, Contributions], new: Mapping[UUID, Contributions]) -> None:
    changed = [
        {"partition": partition_of(household_id), "household_id": household_id, "unit_id": unit, "counts": counts}
        for household_id, units in new.items()
        for unit, counts in units.items()
        if old.get(household_id, {}).get(unit) != counts
    ]
    gone = [(partition_of(h), h, unit) for h, units in old.items() for unit in units if unit not in new.get(h, {})]
    if changed:
        done(db, _CONTRIBUTIONS, (_json(changed),))
    if gone:
        done(db, _CONTRIBUTIONS_GONE, _columns(gone))


def _replace_worklists(db: Db, old: Mapping[UUID, int], computed: Sequence[Rows], *, fresh: bool) -> None:
    """Write the worklists whose digests are not the old ones; 0 is that of an empty one."""
    changed = [each for each in computed if each.assessment.worklist != old.get(each.household.household_id, 0)]
    if changed:
        worklists = [
            {
                "partition": each.household.partition,
                "household_id": each.household.household_id,
                "community_id": each.household.community_id,
                "items": msgspec.Raw(each.worklist.items),
            }
            for each in changed
        ]
        if fresh:
            done(db, _NEW_WORKLIST, {"worklists": _json(worklists)})
            return
        counts = [each.worklist.length for each in changed]
        wanted = _wanted([each.household.household_id for each in changed])
        done(db, _WORKLIST, {"worklists": _json(worklists), "counts": counts, **wanted})


def _park(db: Db, failures: Sequence[Failure]) -> None:
    if failures:
        parked = _json([{"partition": partition_of(each.household_id), **each._asdict()} for each in failures])
        done(db, _STALE, (parked,))
        done(db, _PARK, (parked,))
        done(db, _NOTHING_DUE, (parked,))


def _columns(places: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """The columns of some rows, of which there is one at least."""
    return [list(column) for column in zip(*places, strict=True)]


def _json(values: Iterable[Any]) -> str:
    return _as_json(values).decode()
