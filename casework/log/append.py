"""One append: what is written together, and the one statement that writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection


class VaultRow(NamedTuple):
    """A sealed row about a person; its revision is given by the append."""

    subject_id: UUID
    kind: str
    key_id: str
    sealed: bytes
    commitment: bytes


class SearchKey(NamedTuple):
    """A keyed hash by which a person can be found."""

    subject_id: UUID
    kind: str
    hash: bytes


class Claim(NamedTuple):
    """What only one stream may hold, and in it one person: ``hash`` is its key.

    Its ``kind`` is person or id-number, for the person ``subject_id``; or source, which is nobody's and kept for ever.
    Without a stream it is taken for the stream of the append's first event.
    """

    hash: bytes
    kind: str
    stream_id: UUID | None = None
    subject_id: UUID | None = None


class NewEvent(NamedTuple):
    """An event that is to be appended."""

    partition: int
    stream_id: UUID
    version: int
    type: str
    state: bytes
    meta: bytes


class Erasing(NamedTuple):
    """An erasure: whose, and the rows of which subjects go; ``claim`` is the person's, which no other stream may hold.

    ``people`` are the person and their other records: nothing is kept of any of them from then on.

    ``write`` brings the ledger's entry to the disk once nothing can refuse the append, and tells the number and hash of
    each entry of the person's.
    """

    people: Sequence[UUID]
    subjects: Sequence[UUID]
    claim: bytes
    write: Callable[[], Sequence[tuple[int, bytes]]]


class Beside(NamedTuple):
    """What an append writes in the same transaction as its events.

    ``released`` are people: what they hold in the streams of the events is released, before any claim is taken.
    ``forget`` deletes from the vault what the append has outdated, on its connection, once all is written.
    """

    vault: Sequence[VaultRow] = ()
    search_keys: Sequence[SearchKey] = ()
    claims: Sequence[Claim] = ()
    released: Sequence[UUID] = ()
    erasing: Erasing | None = None
    forget: Callable[[Connection[Any]], None] | None = None


NOTHING = Beside()


class Appended(NamedTuple):
    """Where the events are: their positions in the order given, and their recorded time."""

    positions: list[int]
    recorded_at: datetime


class Outcome(NamedTuple):
    """What the server answered; see ``casework.appended`` in the schema."""

    outcome: str
    position: int
    second_position: int
    recorded_at: datetime
    kind: str
    holder: UUID | None


_ANSWER = "SELECT outcome, position, second_position, recorded_at, kind, holder FROM "
_BATCH = "ROW(%b::uuid[], %b::int[], %b::text[], %b::bytea[], %b::bytea[])::casework.batch"
_BESIDE = (
    "ROW(%b::uuid[], %b::text[], %b::text[], %b::bytea[], %b::bytea[], %b::uuid[], %b::text[], %b::bytea[],"
    " %b::bytea[], %b::text[], %b::uuid[], %b::uuid[], %b::uuid[])::casework.beside"
)
# The answer as one value: columns would cost the server a tenth of the hot path.
_ONE = "SELECT casework.append_event(%b::smallint, %b, %b::int, %b::text, %b, %b)"
_SEVERAL = _ANSWER + f"casework.append_events(%b::smallint, {_BATCH}, {_BESIDE})"
_TWO = _ANSWER + f"casework.append_to_two(%b::smallint, {_BATCH}, %b::smallint, {_BATCH}, {_BESIDE})"
_SIMULATED = _ANSWER + f"casework.append_simulated(%b::smallint, {_BATCH}, %b::timestamptz[], {_BESIDE})"


_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # the server's: it sends microseconds since then
_PLACE = Struct("!12x 8x 8xq 8x 8xq 8x 8x")  # appended: outcome, position, NULL, recorded_at, NULL, NULL


class Statement(NamedTuple):
    """An append as it is sent: again and again the same, should its answer be lost."""

    query: str
    parameters: Sequence[Any]


def by_partition(events: Iterable[NewEvent]) -> dict[int, list[NewEvent]]:
    """Return the events of each partition, partitions in their order."""
    parts: dict[int, list[NewEvent]] = {}
    for event in events:
        parts.setdefault(event.partition, []).append(event)
    return dict(sorted(parts.items()))


def append_statement(events: Sequence[NewEvent], beside: Beside) -> Statement:
    """Return the statement that appends events of one partition, or of two."""
    if len(events) == 1 and not any(beside):
        return Statement(_ONE, events[0])
    parts = by_partition(events)
    if len(parts) > 2:
        raise ValueError("An append writes to two partitions at most.")
    query = _SEVERAL if len(parts) == 1 else _TWO
    batches = [value for partition, part in parts.items() for value in (partition, *_batch(part))]
    return Statement(query, [*batches, *_beside(events[0].stream_id, beside)])


def simulated_statement(events: Sequence[NewEvent], recorded_at: Sequence[datetime], beside: Beside) -> Statement:
    """Return the statement that appends events of one partition with recorded times of the past."""
    parts = by_partition(events)
    if len(parts) != 1 or len(recorded_at) != len(events):
        raise ValueError("A simulated append writes to one partition, and every event has its time.")
    [(partition, part)] = parts.items()
    extra = _beside(events[0].stream_id, beside)
    return Statement(_SIMULATED, [partition, *_batch(part), list(recorded_at), *extra])


def outcome_of(row: Sequence[Any]) -> Outcome:
    """Return the answer in a statement's row: its columns, or all of them as one binary value."""
    return Outcome(*row) if len(row) > 1 else _read(row[0])


def positions(events: Sequence[NewEvent], answer: Outcome) -> list[int]:
    """Return each event's position: a partition's events follow its first without a gap."""
    lowest = min(event.partition for event in events)
    following = {event.partition: answer.second_position for event in events}
    following[lowest] = answer.position
    result = []
    for event in events:
        result.append(following[event.partition])
        following[event.partition] += 1
    return result


def _read(value: bytes) -> Outcome:
    """Read what ``append_event`` answers: the number of fields, and each one after its type and its size."""
    if len(value) == _PLACE.size:
        position, microseconds = _PLACE.unpack(value)
        return Outcome("appended", position, 0, _EPOCH + timedelta(microseconds=microseconds), "", None)
    end = 12 + int.from_bytes(value[8:12])
    return Outcome(value[12:end].decode(), 0, 0, _EPOCH, "", None)


def _batch(events: Sequence[NewEvent]) -> list[list[Any]]:
    return [list(column) for column in zip(*(event[1:] for event in events), strict=True)]


def _beside(stream_id: UUID, beside: Beside) -> list[list[Any] | None]:
    claims = [claim if claim.stream_id else claim._replace(stream_id=stream_id) for claim in beside.claims]
    return [
        *_columns(beside.vault, 5),
        *_columns(beside.search_keys, 3),
        *_columns(claims, 4),
        list(beside.released) or None,
    ]


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any] | None]:
    # NULL for none: an empty array has no element type when it travels in binary.
    return [list(column) for column in zip(*rows, strict=True)] if rows else [None] * width
