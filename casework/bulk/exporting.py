"""Exports: what somebody may see of all households, as a file, in flat memory.

A file is written in pieces that end with a household, so that an export which was interrupted goes on after the last
one. It names nobody: events and lists hold opaque ids, codes and dates. What is in it is decided by the same functions
as timelines and lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from casework.application import Casework
from casework.bulk.rows import Progress
from casework.bulk.sheets import written
from casework.domain.aggregate import Recorded
from casework.domain.household import Household
from casework.domain.ids import PARTITIONS, partition_of
from casework.domain.metrics import MEASURED_LEVELS
from casework.domain.registry import unit_id
from casework.domain.sight import Sight, with_voided
from casework.errors import NotFound
from casework.faults import fault
from casework.log import reading as log
from casework.log.codec import EventCodec
from casework.log.reading import Db, LoggedEvent
from casework.projections import reading
from casework.projections.reading import Filter
from casework.projections.sets import ViewSet
from casework.projections.views import HouseholdRow
from casework.streams.disclosure import Happened
from casework.streams.history import Heard
from casework.streams.looking import Looking, looking

KINDS = ("timeline", "households")
"""What can be exported: events, one a row, or households as lists show them."""

PIECE = 1 << 20
CHUNK = 200
PAGE = 1000

Rows = Iterator[tuple[UUID, list[list[str]]]]
"""A household, and its rows."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, by whom: the file holds what they may see. ``cut`` is how far the log is read."""

    role: str
    bureau: str | None
    divisions: list[str]
    unit: str | None
    cut: dict[int, int]
    as_of: date
    policy: str


class ExportFile(NamedTuple):
    """An export; it has a manifest once it is finished."""

    id: UUID
    kind: str
    actor: str
    asked: dict[str, Any]
    manifest: dict[str, Any] | None
    asked_at: datetime


class Piece(NamedTuple):
    """A part of the file: where it starts, its rows, and the last household in it."""

    number: int
    starts_at: int
    rows: int
    after: UUID
    size: int


HEADERS = {
    "timeline": [
        "household_id",
        "version",
        "position",
        "event_id",
        "type",
        "occurred_on",
        "recorded_at",
        "role",
        "bureau",
        "unit_id",
        "source",
        "changed",
    ],
    "households": [
        "household_id",
        "version",
        "status",
        "community",
        "arrived_on",
        "closed_on",
        "members",
        "children",
        "settled",
        "score",
        "band",
        *(f"{level}_{what}" for level in MEASURED_LEVELS for what in ("score", "band")),
        "stale",
    ],
}

_FIND = f"SELECT {', '.join(ExportFile._fields)} FROM casework.export_file WHERE id = %s"
_ADD = """
INSERT INTO casework.export_file (id, kind, actor, asked) VALUES (%s, %s, %s, %s) ON CONFLICT (id) DO NOTHING"""
_PIECES = """
SELECT number, starts_at, rows, after, octet_length(content) AS size FROM casework.export_piece
WHERE export_id = %s ORDER BY number"""
_KEEP = "INSERT INTO casework.export_piece VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
_CONTENT = "SELECT content FROM casework.export_piece WHERE export_id = %s AND number = %s"

_codec = EventCodec()


def add(db: Db, id: UUID, kind: str, actor: str, asked: Asked) -> ExportFile:
    """Keep what was asked for; the same export that was asked for before stays as it was."""
    db.execute(_ADD, (id, kind, actor, Jsonb(msgspec.to_builtins(asked, str_keys=True))))
    found = find(db, id)
    assert found is not None
    return found


def find(db: Db, id: UUID) -> ExportFile | None:
    """Return an export, if it is known."""
    with db.cursor(row_factory=class_row(ExportFile)) as cursor:
        return cursor.execute(_FIND, (id,)).fetchone()


def forget(db: Db, id: UUID) -> None:
    """Delete an export with its file."""
    db.execute("DELETE FROM casework.export_file WHERE id = %s", (id,))


def pieces(db: Db, id: UUID) -> list[Piece]:
    """Return which pieces the file has so far."""
    with db.cursor(row_factory=class_row(Piece)) as cursor:
        return cursor.execute(_PIECES, (id,)).fetchall()


def content(casework: Casework, id: UUID, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield the file's bytes from a place up to another, piece by piece."""
    with casework.pool.connection() as db:
        parts = pieces(db, id)
    for piece in parts:
        if piece.starts_at + piece.size <= start or (end is not None and piece.starts_at >= end):
            continue
        with casework.pool.connection() as db:
            row = db.execute(_CONTENT, (id, piece.number)).fetchone()
        if row is None:
            return  # deleted meanwhile
        first = max(0, start - piece.starts_at)
        yield bytes(row[0])[first : None if end is None else end - piece.starts_at]


def run(casework: Casework, id: UUID, progress: Progress) -> dict[str, Any]:
    """Write an export, or go on with it; return its manifest."""
    with casework.pool.connection() as db:
        file = find(db, id)
        if file is None:
            raise NotFound
        if file.manifest is not None:
            return file.manifest
        before = pieces(db, id)
    asked = msgspec.convert(file.asked, Asked, strict=False, str_keys=True)
    after = before[-1].after if before else None
    source = _timeline if file.kind == "timeline" else _households
    _write(casework, file, before, source(casework, asked, after), progress)
    return _finish(casework, file, asked)


def _write(casework: Casework, file: ExportFile, before: Sequence[Piece], rows: Rows, progress: Progress) -> None:
    number = len(before) + 1
    starts_at = before[-1].starts_at + before[-1].size if before else 0
    table: list[list[str]] = [] if before else [HEADERS[file.kind]]
    size, last = 0, UUID(int=0)
    for household_id, more in rows:
        table += more
        last, size = household_id, size + sum(len(cell) for row in more for cell in row)
        if size >= PIECE:
            starts_at = _keep(casework, file, Piece(number, starts_at, len(table), last, 0), table)
            number, size, table = number + 1, 0, []
            progress(partition_of(last), PARTITIONS)
    if table:
        _keep(casework, file, Piece(number, starts_at, len(table), last, 0), table)
    progress(PARTITIONS, PARTITIONS)


def _keep(casework: Casework, file: ExportFile, piece: Piece, table: list[list[str]]) -> int:
    """Keep a piece; return where the next one starts."""
    text = b"".join(written(table, mark=piece.number == 1))
    rows = piece.rows - (piece.number == 1)
    with casework.pool.connection() as db:
        db.execute(_KEEP, (file.id, piece.number, piece.starts_at, rows, piece.after, text))
    fault("export-piece-kept")
    return piece.starts_at + len(text)


def _finish(casework: Casework, file: ExportFile, asked: Asked) -> dict[str, Any]:
    with casework.pool.connection() as db:
        parts = pieces(db, file.id)
    digest = sha256()
    for part in content(casework, file.id):
        digest.update(part)
    manifest = {
        "kind": file.kind,
        "rows": sum(piece.rows for piece in parts),
        "bytes": sum(piece.size for piece in parts),
        "sha256": digest.hexdigest(),
        "columns": HEADERS[file.kind],
        "cut": ",".join(f"{partition}:{position}" for partition, position in sorted(asked.cut.items())),
        "as_of": asked.as_of.isoformat(),
        "policy": asked.policy,
        "filter": {"unit": asked.unit, "divisions": asked.divisions, "role": asked.role, "bureau": asked.bureau},
        "finished_at": datetime.now(UTC).isoformat(),
    }
    with casework.pool.connection() as db:
        db.execute("UPDATE casework.export_file SET manifest = %s WHERE id = %s", (Jsonb(manifest), file.id))
    return manifest


def _timeline(casework: Casework, asked: Asked, after: UUID | None) -> Rows:
    """Yield the households' stories at the cut, as somebody may see them, partition by partition."""
    inside = _inside(casework, asked)
    begin = partition_of(after) if after is not None else 0
    for partition in range(begin, PARTITIONS):
        upto = asked.cut.get(partition, 0)
        place = after if after is not None and partition == begin else UUID(int=0)
        while ids := _next(casework, partition, place, upto):
            with casework.pool.connection() as db:
                logged = log.logged_between(db, partition, ids[0], ids[-1], upto)
            looking = _looking(casework, asked, ids)
            for household_id, story in groupby(logged, key=itemgetter(0)):
                rows = _story(household_id, [entry for _, entry in story], looking, inside)
                if rows:
                    yield household_id, rows
            place = ids[-1]


def _next(casework: Casework, partition: int, after: UUID, upto: int) -> Sequence[UUID]:
    with casework.pool.connection() as db:
        return log.stream_ids(db, partition, after, CHUNK, upto)


def _looking(casework: Casework, asked: Asked, household_ids: Sequence[UUID]) -> Looking:
    with casework.pool.connection() as db:
        return looking(db, casework, Sight(asked.role, asked.bureau), household_ids)


def _story(
    household_id: UUID, logged: Sequence[LoggedEvent], looking: Looking, inside: frozenset[UUID] | None
) -> list[list[str]]:
    recorded = [Recorded(household_id, each.version, _codec.decode(each.type, each.state)) for each in logged]
    household = Household.fold(None, recorded)
    if household is None or (inside is not None and unit_id(household.community) not in inside):
        return []
    viewer = looking.at(household, with_voided(household, recorded))
    happened = [Happened(household_id, *each) for each in zip(logged, (r.event for r in recorded), strict=True)]
    return [_event_row(each, heard) for each in happened if (heard := viewer.heard(each)) is not None]


def _households(casework: Casework, asked: Asked, after: UUID | None) -> Rows:
    """Yield the households as the live list has them, page by page, without the scores that somebody may not see."""
    sight = Sight(asked.role, asked.bureau)
    inside = _inside(casework, asked)
    wanted = Filter(None if inside is None else sorted(inside))
    place = (partition_of(after), after) if after is not None else None
    while True:
        with reading.live_views(casework.pool) as (db, view):
            page = reading.households(db, wanted, after=place, limit=PAGE)
        for row in page.items:
            yield row.household_id, [_household_row(row, sight, view)]
        if page.next is None:
            return
        place = page.next


def _inside(casework: Casework, asked: Asked) -> frozenset[UUID] | None:
    """The communities that the file is about; None for the whole city."""
    registry, day = casework.registry(), casework.today

    def below(codes: Sequence[str]) -> frozenset[UUID]:
        units = [unit_id(code) for code in codes]
        return frozenset(each for unit in units for each in registry.subtree(unit, day))

    allowed = below(asked.divisions) if asked.divisions else None
    if asked.unit is None:
        return allowed
    return below([asked.unit]) if allowed is None else below([asked.unit]) & allowed


def _event_row(happened: Happened, heard: Heard) -> list[str]:
    household_id, entry, _ = happened
    meta = entry.meta
    whom = (meta.role, meta.bureau, meta.unit, meta.source) if heard.is_whole else (None, meta.bureau, None, None)
    return [
        str(household_id),
        str(entry.version),
        f"{partition_of(household_id)}:{entry.position}",
        str(meta.event_id),
        entry.type,
        _cell(heard.occurred_on),
        entry.recorded_at.isoformat(),
        *map(_cell, whom),
        msgspec.json.encode(heard.changed).decode(),
    ]


def _household_row(row: HouseholdRow, sight: Sight, view: ViewSet) -> list[str]:
    overall = sight.overall(view.policy)
    seen = {level.code for level in view.policy.levels if sight.level(level)}
    scores = zip(MEASURED_LEVELS, row.scores or (None,) * 9, row.bands or (None,) * 9, strict=False)
    levels = [(score, band) if code in seen else (None, None) for code, score, band in scores]
    return [
        str(row.household_id),
        str(row.version),
        _cell(row.status),
        _cell(row.community_code),
        _cell(row.arrived_on),
        _cell(row.closed_on),
        str(row.members),
        str(row.children),
        _cell(row.settled),
        _points(row.score if overall else None),
        _cell(row.band if overall else None),
        *(cell for score, band in levels for cell in (_points(score), _cell(band))),
        _cell(row.stale),
    ]


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
    return str(value)


def _points(score: int | None) -> str:
    return "" if score is None else f"{score / 100:.2f}"
