"""Phrases for tests of the log: events that may be appended, and what stands in the log afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg

from casework.domain.ids import REGISTRY, partition_of, uuid7
from casework.log.append import Claim, NewEvent
from casework.log.codec import Metadata

LOCK = 1128354629
"""The first half of the key of every partition's lock."""

Db = psycopg.Connection[Any]


def stream_in(partition: int) -> UUID:
    """A new stream's id in a partition of one's choice."""
    if partition == REGISTRY:
        return uuid5(NAMESPACE_URL, str(uuid7()))
    return UUID(int=uuid7().int & ~0xFF | partition)


def event(
    stream_id: UUID, version: int, *, type: str = "test.happened.v1", state: bytes = b"{}", **meta: Any
) -> NewEvent:
    """An event that may be appended to its stream."""
    metadata = Metadata(event_id=uuid7(), **meta).encode()
    return NewEvent(partition_of(stream_id), stream_id, version, type, state, metadata)


SOMEBODY = UUID("0190a000-0000-7000-8000-000000000001")
"""Whom claims are about, where it does not matter."""


def claim(hash: bytes, stream_id: UUID | None = None, *, kind: str = "person", of: UUID = SOMEBODY) -> Claim:
    """A claim on a person or an ID number, for somebody; or on a feed's reference."""
    return Claim(hash, kind, stream_id, None if kind == "source" else of)


def events(stream_id: UUID, versions: range, **rest: Any) -> list[NewEvent]:
    """Events that follow each other."""
    return [event(stream_id, version, **rest) for version in versions]


def log_of(db: Db, partition: int) -> list[tuple[int, UUID, int]]:
    """Position, stream and version of all events of a partition, in the order of positions."""
    return db.execute(
        "SELECT position, stream_id, version FROM casework.events WHERE partition = %s ORDER BY position", (partition,)
    ).fetchall()


@contextmanager
def held(database_url: str, partition: int) -> Iterator[Db]:
    """A transaction of somebody else's that keeps a partition's lock until the end of the block, and commits."""
    with psycopg.connect(database_url) as db:
        db.execute("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK, partition))
        yield db


def wait_for_waiting(db: Db, partition: int, number: int = 1) -> list[int]:
    """Ask the server until so many backends wait for a partition's lock; return their process ids."""
    while True:
        waiting = db.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = %s AND objid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            (LOCK, partition),
        ).fetchall()
        if len(waiting) >= number:
            return [pid for (pid,) in waiting]
