"""Typed reads of the log: by partition and position for views, by stream for timelines, by time for cuts.

Every function takes an open connection and works in the caller's transaction where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.persistence import ProgrammingError
from psycopg import Connection
from psycopg.pq import TransactionStatus

from casework.domain.ids import partition_of
from casework.log.codec import Metadata
from casework.log.pool import rows

Db = Connection[Any]
Cut = dict[int, int]
"""A position for each partition."""

StreamEvent = tuple[UUID, int, str, bytes]
"""An event as a fold needs it, as a plain tuple: stream id, version, type, state."""

LAST_POSITION = 2**63 - 1
_BEFORE_ALL = UUID(int=0)


class Place(NamedTuple):
    """Where an event stands in its partition and in its stream."""

    position: int
    stream_id: UUID
    version: int


class Stretch(NamedTuple):
    """The events of a partition after a position, up to another."""

    partition: int
    after: int
    upto: int


class Stream(NamedTuple):
    """A stream for a fold: its events from its first version on, which follow one another without a gap."""

    id: UUID
    first_version: int
    types: list[str]
    states: list[bytes]

    @property
    def version(self) -> int:
        """The version of its last event."""
        return self.first_version + len(self.types) - 1


class SignedStream(NamedTuple):
    """A stream with the metadata of some of its events, as bytes; None for the others."""

    stream: Stream
    metas: list[bytes | None]


class DatedStream(NamedTuple):
    """A signed stream, with where each of its events stands in the partition and when it was recorded."""

    signed: SignedStream
    positions: list[int]
    recorded_at: list[datetime]


class LoggedEvent(NamedTuple):
    """An event with everything that is known of it."""

    position: int
    version: int
    type: str
    state: bytes
    recorded_at: datetime
    meta: Metadata


class RegistryEvent(NamedTuple):
    """An event of the registry at its position."""

    position: int
    stream_id: UUID
    version: int
    type: str
    state: bytes
    recorded_at: datetime


_HEADS = """
SELECT part, coalesce((SELECT max(position) FROM casework.events WHERE partition = part::smallint), 0)
FROM generate_series(0, 64) AS part"""

_EVENTS_AFTER = """
SELECT position, stream_id, version FROM casework.events
WHERE partition = %b::smallint AND position > %b::bigint ORDER BY position LIMIT %b::bigint"""

_STREAMS_OF = """
SELECT e.stream_id, e.version, e.type, e.state
FROM unnest(%b::uuid[]) AS wanted(stream_id)
CROSS JOIN LATERAL (
    SELECT * FROM casework.events AS e
    WHERE e.partition = %b::smallint AND e.stream_id = wanted.stream_id AND e.position <= %b::bigint
      AND e.recorded_at <= %b::timestamptz
    ORDER BY e.version
) AS e"""

_TOUCHED = """
SELECT DISTINCT e.stream_id
FROM unnest(%b::smallint[], %b::bigint[], %b::bigint[]) AS stretch(partition, after, upto)
CROSS JOIN LATERAL (
    SELECT e.stream_id FROM casework.events AS e
    WHERE e.partition = stretch.partition AND e.position > stretch.after AND e.position <= stretch.upto
    ORDER BY e.position
) AS e"""

_EVENTS_WITHIN = """
SELECT e.partition, e.stream_id, e.position, e.version, e.type, e.state, e.recorded_at, e.meta
FROM unnest(%b::smallint[], %b::bigint[], %b::bigint[]) WITH ORDINALITY AS stretch(partition, after, upto, place)
CROSS JOIN LATERAL (
    SELECT e.* FROM casework.events AS e
    WHERE e.partition = stretch.partition AND e.position > stretch.after AND e.position <= stretch.upto
      AND e.type = ANY (%b::text[])
    ORDER BY e.position
) AS e
ORDER BY stretch.place, e.position"""

_STREAM_IDS = """
SELECT stream_id FROM casework.events
WHERE partition = %b::smallint AND stream_id > %b AND version = 1 AND position <= %b::bigint
ORDER BY stream_id LIMIT %b::bigint"""

_STREAMS_BETWEEN = """
SELECT stream_id, version, type, state FROM casework.events
WHERE partition = %b::smallint AND stream_id >= %b AND stream_id <= %b AND position <= %b::bigint
ORDER BY stream_id, version"""

# Gathered by the server: a row for each event would cost its reader twice as much.
_WHOLE_STREAMS_OF = """
SELECT e.stream_id, min(e.version), array_agg(e.type ORDER BY e.version), array_agg(e.state ORDER BY e.version)
FROM unnest(%b::smallint[], %b::uuid[], %b::bigint[]) AS wanted(partition, stream_id, upto)
CROSS JOIN LATERAL (
    SELECT * FROM casework.events AS e
    WHERE e.partition = wanted.partition AND e.stream_id = wanted.stream_id AND e.position <= wanted.upto
    ORDER BY e.version
) AS e
GROUP BY e.stream_id ORDER BY e.stream_id"""

_WHOLE_STREAMS_BETWEEN = """
SELECT stream_id, min(version), array_agg(type ORDER BY version), array_agg(state ORDER BY version)
FROM casework.events
WHERE partition = %b::smallint AND stream_id >= %b AND stream_id <= %b AND position <= %b::bigint
GROUP BY stream_id ORDER BY stream_id"""

_SIGNED_STREAMS_BETWEEN = """
SELECT stream_id, min(version), array_agg(type ORDER BY version), array_agg(state ORDER BY version),
       array_agg(CASE WHEN type = ANY (%b::text[]) THEN meta END ORDER BY version)
FROM casework.events
WHERE partition = %b::smallint AND stream_id >= %b AND stream_id <= %b AND position <= %b::bigint
GROUP BY stream_id ORDER BY stream_id"""

_DATED_STREAMS_OF = """
SELECT e.stream_id, min(e.version), array_agg(e.type ORDER BY e.version), array_agg(e.state ORDER BY e.version),
       array_agg(CASE WHEN e.type = ANY (%b::text[]) THEN e.meta END ORDER BY e.version),
       array_agg(e.position ORDER BY e.version), array_agg(e.recorded_at ORDER BY e.version)
FROM unnest(%b::uuid[]) AS wanted(stream_id)
CROSS JOIN LATERAL (
    SELECT * FROM casework.events AS e
    WHERE e.partition = %b::smallint AND e.stream_id = wanted.stream_id AND e.position <= %b::bigint
    ORDER BY e.version
) AS e
GROUP BY e.stream_id ORDER BY e.stream_id"""

_METAS_AT = """
SELECT e.stream_id, e.version, e.meta
FROM unnest(%b::smallint[], %b::uuid[], %b::int[]) AS wanted(partition, stream_id, version)
JOIN casework.events AS e USING (partition, stream_id, version)"""

_TIMELINE = """
SELECT position, version, type, state, recorded_at, meta FROM casework.events
WHERE partition = %b::smallint AND stream_id = %b AND version > %b::int AND recorded_at <= %b::timestamptz
ORDER BY version LIMIT %b::bigint"""

_COMMAND_EVENTS = """
SELECT position, version, type, state, recorded_at, meta FROM casework.events
WHERE partition = %b::smallint AND stream_id = %b AND position(%b IN meta) > 0
ORDER BY version"""

_STREAMS_AND_METAS = """
SELECT stream_id, version, type, state, meta FROM casework.events
WHERE partition = %b::smallint AND stream_id = ANY (%b::uuid[]) ORDER BY stream_id, version"""

_LOGGED_BETWEEN = """
SELECT stream_id, position, version, type, state, recorded_at, meta FROM casework.events
WHERE partition = %b::smallint AND stream_id >= %b AND stream_id <= %b AND position <= %b::bigint
ORDER BY stream_id, version"""

_EVENTS_OF_TYPES = """
SELECT stream_id, version, type, state FROM casework.events
WHERE partition = ANY (%b::smallint[]) AND stream_id = ANY (%b::uuid[]) AND type = ANY (%b::text[])
ORDER BY stream_id, version"""

_REGISTRY_EVENTS = """
SELECT position, stream_id, version, type, state, recorded_at FROM casework.events
WHERE partition = 64 AND position > %b::bigint AND position <= %b::bigint ORDER BY position"""

# Partitions whose lock somebody has or wants: only their appends can be in flight.
_BUSY = """
SELECT part FROM generate_series(0, 64) AS part
WHERE NOT pg_try_advisory_xact_lock_shared(1128354629, part)"""

_WAIT_FOR = "SELECT pg_advisory_xact_lock_shared(1128354629, %b::int)"

_POSITIONS_AT = """
SELECT part, casework.position_at(part::smallint, %b::timestamptz) FROM generate_series(0, 64) AS part"""


def heads(db: Db) -> Cut:
    """Return each partition's last position, 0 where it is empty; one look into the index for each."""
    return dict(_rows(db, _HEADS))


def events_after(db: Db, partition: int, position: int, limit: int) -> list[Place]:
    """Return where the next events of a partition stand, in the order of their commits."""
    return [Place(*row) for row in _rows(db, _EVENTS_AFTER, partition, position, limit)]


def streams_of(
    db: Db,
    partition: int,
    stream_ids: Sequence[UUID],
    upto: int = LAST_POSITION,
    *,
    known_at: datetime | None = None,
) -> list[StreamEvent]:
    """Return all events of some streams of a partition up to a position, stream by stream, by version.

    With ``known_at`` events that were recorded later are left out too.
    """
    if not stream_ids:
        return []
    return _rows(db, _STREAMS_OF, list(stream_ids), partition, upto, known_at or "infinity")


def stream_ids(
    db: Db, partition: int, after: UUID = _BEFORE_ALL, limit: int = 1000, upto: int = LAST_POSITION
) -> list[UUID]:
    """Return the next streams of a partition in stream order, as far as they had begun by a position."""
    return [row[0] for row in _rows(db, _STREAM_IDS, partition, after, upto, limit)]


def stretches_of_streams(db: Db, partition: int, upto: int, size: int) -> Iterator[tuple[UUID, UUID]]:
    """Return, in stream order, the first and last of so many streams of a partition that had begun by a position."""
    after = _BEFORE_ALL
    while ids := stream_ids(db, partition, after, size, upto):
        yield ids[0], ids[-1]
        after = ids[-1]


def streams_between(db: Db, partition: int, first: UUID, last: UUID, upto: int = LAST_POSITION) -> list[StreamEvent]:
    """Return all events of a stretch of streams up to a position; cheaper than naming each of them."""
    return _rows(db, _STREAMS_BETWEEN, partition, first, last, upto)


def touched(db: Db, stretches: Sequence[Stretch]) -> set[UUID]:
    """Return the streams that have events in some stretches of partitions."""
    columns = [list(column) for column in zip(*stretches, strict=True)] or [[], [], []]
    return {stream_id for (stream_id,) in _rows(db, _TOUCHED, *columns)}


def events_within(db: Db, stretches: Sequence[Stretch], types: Sequence[str]) -> list[tuple[int, UUID, LoggedEvent]]:
    """Return partition, stream and event of some types, stretch after stretch, in the order of their positions."""
    columns = [list(column) for column in zip(*stretches, strict=True)] or [[], [], []]
    found = _rows(db, _EVENTS_WITHIN, *columns, list(types))
    return [(row[0], row[1], LoggedEvent._make((*row[2:7], Metadata.decode(row[7])))) for row in found]


def whole_streams_of(db: Db, stream_ids: Sequence[UUID], cut: Mapping[int, int]) -> list[Stream]:
    """Return some streams as they were at a cut of their partitions, each as a whole, in the order of their ids."""
    if not stream_ids:
        return []
    partitions = [partition_of(stream_id) for stream_id in stream_ids]
    upto = [cut[partition] for partition in partitions]
    return [Stream(*row) for row in _rows(db, _WHOLE_STREAMS_OF, partitions, list(stream_ids), upto)]


def whole_streams_between(db: Db, partition: int, first: UUID, last: UUID, upto: int = LAST_POSITION) -> list[Stream]:
    """Return a stretch of streams up to a position, each as a whole; cheaper than naming each of them."""
    return [Stream(*row) for row in _rows(db, _WHOLE_STREAMS_BETWEEN, partition, first, last, upto)]


def signed_streams_between(
    db: Db, partition: int, first: UUID, last: UUID, upto: int, types: Sequence[str]
) -> list[SignedStream]:
    """Return a stretch of streams up to a position, each as a whole, with the metadata of events of some types."""
    found = _rows(db, _SIGNED_STREAMS_BETWEEN, list(types), partition, first, last, upto)
    return [SignedStream(Stream(*row[:4]), row[4]) for row in found]


def dated_streams_of(
    db: Db, partition: int, stream_ids: Sequence[UUID], upto: int, types: Sequence[str]
) -> list[DatedStream]:
    """Return some streams of a partition up to a position, with the metadata of events of some types, by their ids."""
    found = _rows(db, _DATED_STREAMS_OF, list(types), list(stream_ids), partition, upto)
    return [DatedStream(SignedStream(Stream(*row[:4]), row[4]), row[5], row[6]) for row in found]


def metas_at(db: Db, places: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], bytes]:
    """Return the metadata, as bytes, of the events at some places: stream and version."""
    if not places:
        return {}
    partitions = [partition_of(stream_id) for stream_id, _ in places]
    streams, versions = [list(column) for column in zip(*places, strict=True)]
    return {(row[0], row[1]): row[2] for row in _rows(db, _METAS_AT, partitions, streams, versions)}


def timeline(
    db: Db,
    stream_id: UUID,
    *,
    after_version: int = 0,
    limit: int | None = None,
    known_at: datetime | None = None,
) -> list[LoggedEvent]:
    """Return a stream's events after a version, as they were known at an instant."""
    place = (partition_of(stream_id), stream_id)
    return _logged(_rows(db, _TIMELINE, *place, after_version, known_at or "infinity", limit))


def command_events(db: Db, stream_id: UUID, command_id: UUID) -> list[LoggedEvent]:
    """Return the events of a stream that came from one command; none where it was never carried out there."""
    wanted = str(command_id).encode()
    found = _logged(_rows(db, _COMMAND_EVENTS, partition_of(stream_id), stream_id, wanted))
    return [event for event in found if event.meta.command_id == command_id]


def streams_and_metas(db: Db, partition: int, stream_ids: Sequence[UUID]) -> list[tuple[UUID, int, str, bytes, bytes]]:
    """Return all events of some streams of a partition with their metadata as bytes, stream by stream, by version."""
    return _rows(db, _STREAMS_AND_METAS, partition, list(stream_ids)) if stream_ids else []


def logged_between(db: Db, partition: int, first: UUID, last: UUID, upto: int) -> list[tuple[UUID, LoggedEvent]]:
    """Return all that is known of the events of a stretch of streams up to a position, stream by stream."""
    found = _rows(db, _LOGGED_BETWEEN, partition, first, last, upto)
    return [(row[0], LoggedEvent._make((*row[1:6], Metadata.decode(row[6])))) for row in found]


def events_of_types(db: Db, stream_ids: Sequence[UUID], types: Sequence[str]) -> list[StreamEvent]:
    """Return the events of some types in some streams, stream by stream, by version."""
    partitions = sorted({partition_of(stream_id) for stream_id in stream_ids})
    return _rows(db, _EVENTS_OF_TYPES, partitions, list(stream_ids), list(types)) if stream_ids else []


def registry_events(db: Db, after: int = 0, upto: int = LAST_POSITION) -> list[RegistryEvent]:
    """Return the registry's events after a position and up to another, in the order of their commits."""
    return [RegistryEvent(*row) for row in _rows(db, _REGISTRY_EVENTS, after, upto)]


def cut_at(db: Db, known_at: datetime) -> Cut:
    """Return each partition's last position that was recorded at or before an instant.

    Waits for the appends in flight, so that the answer is final. A future instant means now.
    The connection must not be in a transaction, which would keep the locks that are only touched here.
    """
    if db.info.transaction_status is not TransactionStatus.IDLE or not db.autocommit:
        raise ProgrammingError("A cut is resolved outside of transactions.")
    return dict(_rows(db, _POSITIONS_AT, _settled(db, known_at)))


def _settled(db: Db, known_at: datetime) -> datetime:
    """Return the instant, or now if that is earlier, when no append that began before it is in flight."""
    now: datetime
    [(now, *_)] = _rows(db, "SELECT clock_timestamp()")
    for (partition,) in _rows(db, _BUSY):
        _rows(db, _WAIT_FOR, partition)
    return min(known_at, now)


def _rows(db: Db, query: str, *parameters: Any) -> list[Any]:
    return rows(db, query, parameters)


def _logged(found: list[Any]) -> list[LoggedEvent]:
    return [LoggedEvent._make((*event, Metadata.decode(meta))) for *event, meta in found]
