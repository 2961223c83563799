"""Where imports and exports are kept for a few days; what comes in is sealed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from casework.bulk.rows import Verdict, decode_verdicts, encode_verdicts
from casework.log.reading import Db
from casework.outcome import Context
from casework.privacy.vault import Vault

KEPT_DAYS = 7
"""After so many days a file is deleted, with all that was made of it; what was committed stays."""

PIECE = 1 << 20


class ImportFile(NamedTuple):
    """An import: what was uploaded by whom, and how far it is: uploaded, validated, committed or undone."""

    id: UUID
    kind: str
    media: str
    digest: bytes
    actor: str
    role: str
    bureau: str | None
    unit: UUID | None
    divisions: list[str]
    source: str
    close_feed: list[str] | None
    state: str
    rows: int
    counts: dict[str, Any] | None
    uploaded_at: datetime

    def context(self) -> Context:
        """Who gives the commands that the rows are."""
        return Context(
            actor=self.actor,
            role=self.role,
            bureau=self.bureau,
            unit=self.unit,
            divisions=frozenset(self.divisions),
            source=self.source,
            correlation_id=self.id,
        )


class StagedRow(msgspec.Struct, frozen=True, array_like=True):
    """A row as it was read: its number, whom it is about, and its cells."""

    number: int
    household_id: UUID
    person_id: UUID | None
    cells: list[str]


_COLUMNS = ", ".join(ImportFile._fields)
_FIND = f"SELECT {_COLUMNS} FROM casework.import_file WHERE id = %s"
_ADD = f"""
INSERT INTO casework.import_file ({", ".join(ImportFile._fields[:11])})
VALUES ({", ".join(f"%({name})s" for name in ImportFile._fields[:11])}) ON CONFLICT (id) DO NOTHING"""
_FORGET = """
DELETE FROM casework.import_file WHERE uploaded_at < clock_timestamp() - make_interval(days => %s)"""
_FORGET_EXPORTS = """
DELETE FROM casework.export_file WHERE asked_at < clock_timestamp() - make_interval(days => %s)"""
_KEEP = """
INSERT INTO casework.import_verdicts (partition, import_id, stage, verdicts) VALUES (%s, %s, %s, %s)
ON CONFLICT (partition, import_id, stage) DO UPDATE SET verdicts = EXCLUDED.verdicts"""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[StagedRow]).decode


def forget_old(db: Db) -> None:
    """Delete the files whose days are over."""
    db.execute(_FORGET, (KEPT_DAYS,))
    db.execute(_FORGET_EXPORTS, (KEPT_DAYS,))


def add(db: Db, vault: Vault, file: dict[str, Any], content: bytes) -> ImportFile:
    """Keep an upload, sealed piece by piece; return it, or the same upload that came before."""
    id: UUID = file["id"]
    with db.transaction():
        if db.execute(_ADD, file).rowcount:
            for number, start in enumerate(range(0, len(content), PIECE)):
                key_id, sealed = vault.seal_bytes(id, f"import-piece-{number}", content[start : start + PIECE])
                db.execute("INSERT INTO casework.import_piece VALUES (%s, %s, %s, %s)", (id, number, key_id, sealed))
        found = find(db, id)
    assert found is not None
    return found


def find(db: Db, id: UUID) -> ImportFile | None:
    """Return an import, if it is known."""
    with db.cursor(row_factory=class_row(ImportFile)) as cursor:
        return cursor.execute(_FIND, (id,)).fetchone()


def of_actor(db: Db, actor: str) -> list[ImportFile]:
    """Return somebody's imports, the newest first."""
    query = f"SELECT {_COLUMNS} FROM casework.import_file WHERE actor = %s ORDER BY uploaded_at DESC, id LIMIT 200"
    with db.cursor(row_factory=class_row(ImportFile)) as cursor:
        return cursor.execute(query, (actor,)).fetchall()


def forget(db: Db, id: UUID) -> None:
    """Delete an import's file and all that was made of it."""
    db.execute("DELETE FROM casework.import_file WHERE id = %s", (id,))


def content(db: Db, vault: Vault, id: UUID) -> bytes:
    """Return the file as it came."""
    rows = db.execute(
        "SELECT number, key_id, sealed FROM casework.import_piece WHERE import_id = %s ORDER BY number", (id,)
    ).fetchall()
    return b"".join(vault.open_bytes(id, f"import-piece-{number}", key_id, sealed) for number, key_id, sealed in rows)


def was_read(db: Db, id: UUID, rows: int) -> None:
    """Say that a file was read to its end, and how many rows it has."""
    db.execute("UPDATE casework.import_file SET rows = %s WHERE id = %s", (rows, id))


def move_on(db: Db, id: UUID, state: str, counts: dict[str, Any]) -> None:
    """Say how far an import is now, and what its rows came to."""
    db.execute("UPDATE casework.import_file SET state = %s, counts = %s WHERE id = %s", (state, Jsonb(counts), id))


def forget_rows(db: Db, id: UUID) -> None:
    """Delete what was made of a file, so that it can be read anew."""
    db.execute("DELETE FROM casework.import_part WHERE import_id = %s", (id,))
    db.execute("DELETE FROM casework.import_verdicts WHERE import_id = %s", (id,))


def keep_rows(db: Db, vault: Vault, id: UUID, partition: int, number: int, rows: Sequence[StagedRow]) -> None:
    """Keep some rows of a partition, sealed."""
    key_id, sealed = vault.seal_bytes(id, f"import-rows-{partition}-{number}", _encode(rows))
    db.execute(
        "INSERT INTO casework.import_part VALUES (%s, %s, %s, %s, %s, %s)",
        (partition, id, number, len(rows), key_id, sealed),
    )


def rows_of(db: Db, vault: Vault, id: UUID, partition: int) -> list[StagedRow]:
    """Return the rows of a partition."""
    found = db.execute(
        "SELECT number, key_id, sealed FROM casework.import_part"
        " WHERE partition = %s AND import_id = %s ORDER BY number",
        (partition, id),
    ).fetchall()
    rows: list[StagedRow] = []
    for number, key_id, sealed in found:
        rows += _decode(vault.open_bytes(id, f"import-rows-{partition}-{number}", key_id, sealed))
    return rows


def sizes(db: Db, id: UUID) -> dict[int, int]:
    """Return how many rows each partition has."""
    query = "SELECT partition, sum(rows)::int FROM casework.import_part WHERE import_id = %s GROUP BY partition"
    return dict(db.execute(query, (id,)).fetchall())


def keep_verdicts(db: Db, id: UUID, partition: int, stage: str, verdicts: Iterable[Verdict]) -> None:
    """Keep what came of a partition's rows."""
    db.execute(_KEEP, (partition, id, stage, encode_verdicts(list(verdicts))))


def judged(db: Db, id: UUID, stage: str) -> set[int]:
    """Return the partitions whose rows have their verdicts."""
    query = "SELECT partition FROM casework.import_verdicts WHERE import_id = %s AND stage = %s"
    return {partition for (partition,) in db.execute(query, (id, stage))}


def verdicts(db: Db, id: UUID, stage: str) -> Iterator[Verdict]:
    """Yield what came of the rows, partition by partition."""
    query = "SELECT verdicts FROM casework.import_verdicts WHERE import_id = %s AND stage = %s ORDER BY partition"
    for (encoded,) in db.execute(query, (id, stage)).fetchall():
        yield from decode_verdicts(encoded)
