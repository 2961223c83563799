"""The read side of worklists: pages and counts by one filter, so that a count is the length of its list.

Two kinds of items are no rows of the worklist, and are looked up where they are noted. Of parked households nothing
could be computed. Pairs of people who are probably one stand in the reviewers' queue and in no event; a view is made
from events alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain import work_items
from casework.domain.ids import partition_of
from casework.log.pool import rows
from casework.log.reading import Db


class Filter(NamedTuple):
    """Which items are shown; None does not filter. ``as_of`` is the day on which they are overdue or not.

    ``hidden`` are services of which nothing is shown; ``of_bureau`` that of a caller who sees no other's items. Parked
    and possibly duplicate households, and requests to be erased, are for some callers alone.
    """

    as_of: date
    communities: Sequence[UUID] | None = None
    kind: str | None = None
    area: str | None = None
    bureau: str | None = None
    overdue: bool | None = None
    hidden: Sequence[str] = ()
    of_bureau: str | None = None
    parked: bool = False
    duplicates: bool = False
    erasures: bool = False


class Place(NamedTuple):
    """Where an item stands in the order of lists: what is due first comes first."""

    due_on: date
    household_id: UUID
    place: int


class WorkItem(NamedTuple):
    """An item with its household; of one that is parked nothing is known but since when.

    ``record_id`` is an episode or employment; of a possible duplicate, the other person.
    """

    household_id: UUID
    place: int
    community_id: UUID | None
    due_on: date
    kind: str
    why: str
    services: list[str]
    person_id: UUID | None
    record_id: UUID | None
    area: str | None
    bureau: str | None
    closes: str | None


class Page(NamedTuple):
    """One page of items, and the place after which the next begins, if there is one."""

    items: list[WorkItem]
    next: Place | None


class Counted(NamedTuple):
    """How many items of a kind there are in an area for a bureau, and how many of them are overdue."""

    kind: str
    area: str | None
    bureau: str | None
    items: int
    overdue: int


_ALL = """
(SELECT partition, household_id, place, community_id, due_on, kind, why, services, person_id, record_id, area, bureau,
        closes
 FROM worklist
 UNION ALL
 SELECT parked.partition, parked.household_id, 0::smallint, household.community_id,
        (parked.since AT TIME ZONE interval '8 hours')::date, 'parked', 'parked', '{}'::text[], NULL, NULL, NULL, NULL,
        NULL
 FROM parked JOIN household USING (partition, household_id) WHERE %(parked)b
 UNION ALL
 SELECT partition, household_id,
        (10000 + row_number() OVER (PARTITION BY household_id ORDER BY one, other))::smallint, community_id,
        (since AT TIME ZONE interval '8 hours')::date + %(review_days)b::int, 'duplicate',
        why, '{}'::text[], person_id, other_id, NULL, NULL, closes
 FROM pair_of_household) AS item"""
# Whoever is in several files is looked for where they are active now.
_HOME_OF = """
    SELECT partition, household_id, community_id, is_active FROM household
    CROSS JOIN LATERAL (SELECT EXISTS (
        SELECT FROM casework.claim
        WHERE stream_id = household_id AND subject_id = {person} AND kind = 'person')) AS claimed (is_active)
    WHERE persons @> ARRAY[{person}]
    ORDER BY is_active DESC, partition, household_id
    LIMIT 1"""
# Where both are of one household, it has one item. Who were found to be one are settled once one of the records left.
# In two households the last member of one cannot leave it: the whole file is merged.
_PAIRS = f"""
WITH pair_of_household AS (
    SELECT DISTINCT ON (pair.one, pair.other, side.household_id)
           pair.one, pair.other, coalesce(pair.decided_at, pair.found_at) AS since, side.*,
           CASE WHEN pair.decision IS NULL THEN 'possibly-duplicate'
                WHEN home.household_id = away.household_id THEN 'registered-twice' ELSE 'in-two-households' END AS why,
           CASE WHEN pair.decision IS NULL THEN 'duplicates.decide'
                WHEN 1 < (SELECT count(*) FROM casework.claim
                          WHERE stream_id = side.household_id AND kind = 'person') THEN 'members.leave'
                ELSE 'regrouping.merge' END AS closes
    FROM vault.duplicate AS pair
    LEFT JOIN LATERAL ({_HOME_OF.format(person="pair.one")}) AS home ON TRUE
    LEFT JOIN LATERAL ({_HOME_OF.format(person="pair.other")}) AS away ON TRUE
    CROSS JOIN LATERAL (VALUES
        (pair.one, pair.other, home.partition, home.household_id, home.community_id),
        (pair.other, pair.one, away.partition, away.household_id, away.community_id)
    ) AS side (person_id, other_id, partition, household_id, community_id)
    WHERE %(duplicates)b AND side.household_id IS NOT NULL
      AND (pair.decision IS NULL OR (pair.decision = 'same' AND home.is_active AND away.is_active))
    ORDER BY pair.one, pair.other, side.household_id, side.person_id
)"""
_WANTED = """
(%(kind)b::text IS NULL OR kind = %(kind)b::text)
AND (%(area)b::text IS NULL OR area = %(area)b::text)
AND (%(bureau)b::text IS NULL OR bureau = %(bureau)b::text)
AND (%(of_bureau)b::text IS NULL OR bureau = %(of_bureau)b::text)
AND (%(overdue)b::boolean IS NULL OR (due_on < %(as_of)b::date) = %(overdue)b::boolean)
AND NOT services && %(hidden)b::text[]
AND (kind <> 'erasure' OR %(erasures)b)"""
_THERE = "community_id = ANY (%(communities)b::uuid[]) AND"
_PAGE = """
AND (due_on, partition, household_id, place)
    > (%(due_on)b::date, %(partition)b::smallint, %(household)b::uuid, %(place)b::smallint)
ORDER BY due_on, partition, household_id, place LIMIT %(limit)b::bigint"""
_COLUMNS = f"""{_PAIRS}
SELECT household_id, place, community_id, due_on, kind, why, services, person_id, record_id, area, bureau, closes
FROM"""
_COUNTS = f"{_PAIRS} SELECT kind, area, bureau, count(*), count(*) FILTER (WHERE due_on < %(as_of)b::date) FROM"
_BY_GROUP = "GROUP BY kind, area, bureau ORDER BY kind, area, bureau"

_LIST = f"{_COLUMNS} {_ALL} WHERE {_WANTED} {_PAGE}"
_LIST_OF = f"{_COLUMNS} {_ALL} WHERE {_THERE} {_WANTED} {_PAGE}"
_COUNT = f"{_COUNTS} {_ALL} WHERE {_WANTED} {_BY_GROUP}"
_COUNT_OF = f"{_COUNTS} {_ALL} WHERE {_THERE} {_WANTED} {_BY_GROUP}"

_FIRST = Place(date.min, UUID(int=0), -1)


def page(db: Db, wanted: Filter, *, after: Place | None = None, limit: int = 50) -> Page:
    """Return one page of items of the set that the caller's transaction has entered."""
    begins = after or _FIRST
    place = {"due_on": begins.due_on, "household": begins.household_id, "place": begins.place, "limit": limit + 1}
    partition = partition_of(begins.household_id) if after else -1
    query = _LIST if wanted.communities is None else _LIST_OF
    found = [WorkItem._make(row) for row in rows(db, query, {**_parameters(wanted), **place, "partition": partition})]
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1]
    return Page(found[:limit], Place(last.due_on, last.household_id, last.place))


def counts(db: Db, wanted: Filter) -> list[Counted]:
    """Return how many items there are by kind, area and bureau: together, the length of the list."""
    query = _COUNT if wanted.communities is None else _COUNT_OF
    return [Counted._make(row) for row in rows(db, query, _parameters(wanted))]


def _parameters(wanted: Filter) -> dict[str, Any]:
    communities = {} if wanted.communities is None else {"communities": list(wanted.communities)}
    review_days = work_items.settings().review_days
    return {**wanted._asdict(), "hidden": list(wanted.hidden), "review_days": review_days, **communities}
