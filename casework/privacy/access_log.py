"""The record of who read what names a person, and for which purpose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from casework.domain.ids import partition_of, uuid7

_RECORD = """
    INSERT INTO vault.access (partition, id, household_id, person_id, actor, role, bureau, purpose, action, request_id)
    SELECT read.partition, read.id, read.household_id, read.person_id,
           %(actor)s, %(role)s, %(bureau)s, %(purpose)s, %(action)s, %(request_id)s
    FROM unnest(%(partitions)s::smallint[], %(ids)s::uuid[], %(households)s::uuid[], %(persons)s::uuid[])
         AS read (partition, id, household_id, person_id)"""

_READS = """
    SELECT read_at, person_id, actor, role, bureau, purpose, action FROM vault.access
    WHERE partition = %(partition)s AND person_id = ANY (%(persons)s::uuid[]) AND household_id = %(household)s
    ORDER BY read_at, id"""


class Read(NamedTuple):
    """One reading, as it was recorded."""

    read_at: datetime
    person_id: UUID
    actor: str
    role: str
    bureau: str | None
    purpose: str
    action: str


class Reader(NamedTuple):
    """Who reads, as what, for what, by which request; all of it opaque ids and codes."""

    actor: str
    role: str
    bureau: str | None
    purpose: str
    action: str
    request_id: UUID


def record_reads(db: Connection[Any], reader: Reader, persons: Iterable[tuple[UUID, UUID]]) -> None:
    """Keep, in one statement, that these people's names were read; each is given as (household, person)."""
    read = list(dict.fromkeys(persons))
    if not read:
        return
    values: dict[str, Any] = {
        **reader._asdict(),
        "partitions": [partition_of(household_id) for household_id, _ in read],
        "ids": [uuid7() for _ in read],
        "households": [household_id for household_id, _ in read],
        "persons": [person_id for _, person_id in read],
    }
    db.execute(_RECORD, values)


def reads_of(db: Connection[Any], household_id: UUID, persons: Sequence[UUID]) -> list[Read]:
    """Return who read of some people in a household's file, the oldest reading first."""
    values = {"partition": partition_of(household_id), "persons": list(persons), "household": household_id}
    return [Read(*row) for row in db.execute(_READS, values)]
