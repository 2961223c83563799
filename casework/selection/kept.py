"""What came of comparing a round, as it is kept for a week: in the job that did it, and events beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from casework.log.reading import Db
from casework.selection.responsible import Responsible
from casework.selection.trying import Compared

Content = dict[str, Any]

_KEEP = """
INSERT INTO casework.appeal_event
    (appeal, unit, partition, position, type, recorded_at, occurred_on, household, changed)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""
_COUNTS = "SELECT unit, count(*) FROM casework.appeal_event WHERE appeal = %s AND unit = ANY (%s) GROUP BY unit"
_EVENTS = """
SELECT unit, partition, position, type, recorded_at, occurred_on, household, changed FROM casework.appeal_event
WHERE appeal = %s AND unit = %s AND (partition, position) > (%s, %s) ORDER BY partition, position LIMIT %s"""

BEFORE_ALL = (-1, 0)


def told(compared: Compared) -> Content:
    """Return all of a comparison as a job keeps it: ``moved`` are kind by kind those who stand otherwise."""
    return {**compared.told(), "moved": [each.told() for kind in compared.kinds for each in kind.moved]}


def keep(db: Db, appeal: UUID, events: Sequence[Responsible]) -> None:
    """Keep more events of an appeal; it always comes to the same ones, so two that do it at once do no harm."""
    with db.cursor() as cursor, db.transaction():
        cursor.executemany(_KEEP, [(appeal, *each[:-1], list(each.changed)) for each in events])


def counts(db: Db, appeal: UUID, units: Sequence[UUID]) -> dict[UUID, int]:
    """Return how many events are responsible for each of some units; a unit without any is left out."""
    return dict(db.execute(_COUNTS, (appeal, list(units))).fetchall())


def events(db: Db, appeal: UUID, unit: UUID, after: tuple[int, int] = BEFORE_ALL, limit: int = 20) -> list[Responsible]:
    """Return the next events responsible for a unit, after a partition's position."""
    found = db.execute(_EVENTS, (appeal, unit, *after, limit)).fetchall()
    return [Responsible._make((*row[:-1], tuple(row[-1]))) for row in found]
