"""Long work, as the database knows it: asked once, done by any worker, begun again where one died, or cancelled.

The queue carries a job's id and nothing else. A job is safe to repeat: it only reads the log, at the cut that it was
asked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from casework.domain.ids import uuid8_from
from casework.log.reading import Db

KEPT_DAYS = 7
DEAD_SECONDS = 60
"""A job that nobody has touched for so long is begun again."""

DEAD_AT_ROWS_SECONDS = 20
"""The same, of an import that has begun with its rows: its worker tells how far it is every two seconds."""

UNFINISHED = ("failed", "cancelled")
OVER = (*UNFINISHED, "done")


class Cancelled(Exception):
    """The one who asked does not want it any more."""


class Job(NamedTuple):
    """A job: ``state`` is waiting, queued, running, done, failed or cancelled; progress is ``done`` of ``total``."""

    id: UUID
    kind: str
    asked: dict[str, Any]
    state: str
    done: int
    total: int
    result: dict[str, Any] | None
    error: str | None
    created_at: datetime


_COLUMNS = "SELECT id, kind, asked, state, done, total, result, error, created_at FROM casework.job "
_ASK = """
INSERT INTO casework.job AS job (id, kind, asked) VALUES (%(id)s, %(kind)s, %(asked)s)
ON CONFLICT (id)
DO UPDATE SET state = 'waiting', done = 0, result = NULL, error = NULL, touched_at = clock_timestamp()
WHERE job.state = ANY (%(again)s)"""
_FORGET = "DELETE FROM casework.job WHERE created_at < clock_timestamp() - make_interval(days => %s)"
_DUE = """
UPDATE casework.job SET state = 'queued', touched_at = clock_timestamp()
WHERE id IN (SELECT id FROM casework.job
              WHERE state = 'waiting' OR (state IN ('queued', 'running')
                    AND touched_at < clock_timestamp() - make_interval(secs => CASE
                        WHEN state = 'running' AND kind = 'import_rows' AND done > 0 THEN least(%(rows)s, %(secs)s)
                        ELSE %(secs)s END))
              ORDER BY created_at FOR UPDATE SKIP LOCKED)
RETURNING id"""
_BEGIN = """
UPDATE casework.job SET state = 'running', touched_at = clock_timestamp()
WHERE id = %s AND state IN ('waiting', 'queued', 'running')"""
_PROGRESS = """
UPDATE casework.job SET done = %(done)s, total = %(total)s, touched_at = clock_timestamp()
WHERE id = %(id)s AND state = 'running'"""
_END = """
UPDATE casework.job SET state = %(state)s, result = %(result)s, error = %(error)s, touched_at = clock_timestamp()
WHERE id = %(id)s AND state = 'running'"""
_CANCEL = """
UPDATE casework.job SET state = 'cancelled', touched_at = clock_timestamp()
WHERE id = %s AND state IN ('waiting', 'queued', 'running')"""


def ask(db: Db, kind: str, key: str, asked: dict[str, Any], again: Sequence[str] = UNFINISHED) -> UUID:
    """Ask for a job; the same key finds the same job, and begins it again only where it is in one of some states."""
    id = id_of(kind, key)
    db.execute(_FORGET, (KEPT_DAYS,))
    db.execute(_ASK, {"id": id, "kind": kind, "asked": Jsonb(asked), "again": list(again)})
    return id


def id_of(kind: str, key: str) -> UUID:
    """Return the id of the job that is asked for under a key."""
    return uuid8_from(f"job\0{kind}\0{key}".encode())


def some(db: Db, ids: Sequence[UUID]) -> list[Job]:
    """Return those of some jobs that were asked for, the one that was touched last coming last."""
    return [Job(*row) for row in db.execute(_COLUMNS + "WHERE id = ANY (%s) ORDER BY touched_at", (list(ids),))]


def find(db: Db, id: UUID) -> Job | None:
    """Return a job, if it is known."""
    row = db.execute(_COLUMNS + "WHERE id = %s", (id,)).fetchone()
    return Job(*row) if row else None


def due(db: Db) -> list[UUID]:
    """Take the jobs that nobody works on, for the queue: new ones, and those whose worker or queue is gone."""
    return [id for (id,) in db.execute(_DUE, {"secs": DEAD_SECONDS, "rows": DEAD_AT_ROWS_SECONDS})]


def begin(db: Db, id: UUID) -> bool:
    """Begin, or begin again; false where it is over."""
    return db.execute(_BEGIN, (id,)).rowcount == 1


def progress(db: Db, id: UUID, done: int, total: int) -> None:
    """Say how far it is; Cancelled where it is to end."""
    if db.execute(_PROGRESS, {"id": id, "done": done, "total": total}).rowcount != 1:
        raise Cancelled


def finish(db: Db, id: UUID, result: dict[str, Any]) -> None:
    """Keep what came of it."""
    db.execute(_END, {"id": id, "state": "done", "result": Jsonb(result), "error": None})


def fail(db: Db, id: UUID, error: str, values: dict[str, Any] | None = None) -> None:
    """Say that nothing came of it, by a code, and with what its sentence is filled in."""
    db.execute(_END, {"id": id, "state": "failed", "result": values and Jsonb(values), "error": error})


def cancel(db: Db, id: UUID) -> None:
    """Let it end at its next step; one that is over stays as it is."""
    db.execute(_CANCEL, (id,))
