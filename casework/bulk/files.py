"""Where imports and exports are kept for a few days; what comes in is sealed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from casework.bulk.rows import Verdict, decode_verdicts, encode_verdicts
from casework.errors import Refused
from casework.log.reading import Db
from casework.outcome import Context
from casework.privacy.vault import Vault

KEPT_DAYS = 7
"""After so many days a file is deleted, with all that was made of it; what was committed stays."""

PIECE = 1 << 20


Named = dict[int, tuple[UUID, UUID]]
"""A row's number, and whom it names: (household, person), or (household, household) where it names no person."""


class ImportFile(NamedTuple):
    """An import: what was uploaded by whom, and how far it is.

    It is uploaded, validated, committing, committed, undoing or undone. ``atomic`` is ``row``, or ``all`` where its
    rows are carried out together or not at all. Once an erasure has emptied it, nothing is left to read.
    """

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
    atomic: str
    state: str
    rows: int
    counts: dict[str, Any] | None
    uploaded_at: datetime
    emptied_at: datetime | None

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
    """A row as it was read: its number, whom it is about, its cells, whom they name, and the command that it is.

    ``after`` is the command of the same reference that was undone before it.
    """

    number: int
    household_id: UUID
    person_id: UUID | None
    cells: list[str]
    subject_id: UUID
    command_id: UUID
    after: UUID | None = None


class RowIds(NamedTuple):
    """What is known of a row also when the file is gone."""

    number: int
    household_id: UUID
    subject_id: UUID
    command_id: UUID


_COLUMNS = ", ".join(ImportFile._fields)
_FIND = f"SELECT {_COLUMNS} FROM casework.import_file WHERE id = %s"
_ADD = f"""
INSERT INTO casework.import_file ({", ".join(ImportFile._fields[:12])})
VALUES ({", ".join(f"%({name})s" for name in ImportFile._fields[:12])}) ON CONFLICT (id) DO NOTHING"""
_FORGET = """
DELETE FROM casework.import_file WHERE uploaded_at < clock_timestamp() - make_interval(days => %s)"""
_FORGET_EXPORTS = """
DELETE FROM casework.export_file WHERE asked_at < clock_timestamp() - make_interval(days => %s)"""
_KEEP = """
INSERT INTO casework.import_verdicts (partition, import_id, stage, verdicts) VALUES (%s, %s, %s, %s)
ON CONFLICT (partition, import_id, stage) DO UPDATE SET verdicts = EXCLUDED.verdicts"""

_KEEP_ROWS = """
INSERT INTO casework.import_part
    (partition, import_id, number, rows, key_id, sealed, numbers, households, subjects, commands)
SELECT %s, file.id, %s, %s, %s, %s, %s::int[], %s::uuid[], %s::uuid[], %s::uuid[] FROM casework.import_file AS file
WHERE file.id = %s AND file.emptied_at IS NULL FOR SHARE"""
_ROW_IDS = """
SELECT unnest(numbers), unnest(households), unnest(subjects), unnest(commands) FROM casework.import_part
WHERE partition = %s AND import_id = %s ORDER BY 1"""

_OLDER_PIECES = """
SELECT import_id, number, key_id, sealed FROM casework.import_piece
WHERE key_id <> %s LIMIT %s FOR UPDATE"""
_RESEAL_PIECE = "UPDATE casework.import_piece SET key_id = %s, sealed = %s WHERE import_id = %s AND number = %s"
_OLDER_PARTS = """
SELECT import_id, partition, number, key_id, sealed FROM casework.import_part
WHERE key_id <> %s AND sealed <> '' LIMIT %s FOR UPDATE"""
_RESEAL_PART = """
UPDATE casework.import_part SET key_id = %s, sealed = %s WHERE import_id = %s AND partition = %s AND number = %s"""

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
                key_id, sealed = vault.seal_bytes(id, _piece_kind(number), content[start : start + PIECE])
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
    """Return the file as it came; Refused where it was emptied."""
    rows = db.execute(
        "SELECT number, key_id, sealed FROM casework.import_piece WHERE import_id = %s ORDER BY number", (id,)
    ).fetchall()
    if not rows:
        raise Refused("import-emptied")
    return b"".join(vault.open_bytes(id, _piece_kind(number), key_id, sealed) for number, key_id, sealed in rows)


def was_read(db: Db, id: UUID, rows: int) -> None:
    """Say that a file was read to its end, and how many rows it has."""
    db.execute("UPDATE casework.import_file SET rows = %s WHERE id = %s", (rows, id))


def begin(db: Db, id: UUID, state: str, *, of: Sequence[str]) -> None:
    """Bring an import from one of some states to another, once nobody is :func:`saving` its rows; else Refused."""
    with db.transaction():
        found = db.execute("SELECT state FROM casework.import_file WHERE id = %s FOR UPDATE", (id,)).fetchone()
        if found is None or found[0] not in of:
            raise Refused("import-state")
        db.execute("UPDATE casework.import_file SET state = %s WHERE id = %s", (state, id))


@contextmanager
def saving(db: Db, id: UUID) -> Iterator[None]:
    """While rows are saved, nobody begins to undo them; Refused where somebody has.

    Locked as weakly as can be, since an erasure marks the file while who saves may wait for it; and rolled back, since
    a commit would wait for the disk.
    """
    with db.transaction(force_rollback=True):
        found = db.execute("SELECT state FROM casework.import_file WHERE id = %s FOR KEY SHARE", (id,)).fetchone()
        if found is None or found[0] not in ("committing", "committed"):
            raise Refused("import-state")
        yield


def move_on(db: Db, id: UUID, state: str, counts: dict[str, Any], *, of: Sequence[str]) -> None:
    """Say how far an import is now, and what its rows came to; Refused where it has gone another way meanwhile."""
    query = "UPDATE casework.import_file SET state = %s, counts = %s WHERE id = %s AND state = ANY (%s)"
    if not db.execute(query, (state, Jsonb(counts), id, list(of))).rowcount:
        raise Refused("import-state")


def forget_rows(db: Db, id: UUID) -> None:
    """Delete what was made of a file, so that it can be read anew."""
    db.execute("DELETE FROM casework.import_part WHERE import_id = %s", (id,))
    db.execute("DELETE FROM casework.import_verdicts WHERE import_id = %s", (id,))


def forget_tried(db: Db, id: UUID) -> None:
    """Delete what came of trying the rows that could be read, so that they are tried anew."""
    query = "DELETE FROM casework.import_verdicts WHERE import_id = %s AND stage = 'validated' AND partition >= 0"
    db.execute(query, (id,))


def keep_rows(db: Db, vault: Vault, id: UUID, partition: int, number: int, rows: Sequence[StagedRow]) -> None:
    """Keep some rows of a partition, sealed; Refused where the file was emptied meanwhile."""
    key_id, sealed = vault.seal_bytes(id, _part_kind(partition, number), _encode(rows))
    ids = zip(*((row.number, row.household_id, row.subject_id, row.command_id) for row in rows), strict=True)
    values = (partition, number, len(rows), key_id, sealed, *map(list, ids), id)
    if not db.execute(_KEEP_ROWS, values).rowcount:
        raise Refused("import-emptied")


def row_ids(db: Db, id: UUID, partition: int) -> list[RowIds]:
    """Return whom the rows of a partition are about, by their numbers."""
    return [RowIds(*row) for row in db.execute(_ROW_IDS, (partition, id)).fetchall()]


def commands(db: Db, id: UUID) -> list[UUID]:
    """Return which commands the rows are, as far as they were read."""
    query = "SELECT unnest(commands) FROM casework.import_part WHERE import_id = %s"
    return [command_id for (command_id,) in db.execute(query, (id,))]


def named(db: Db, id: UUID) -> Named:
    """Return whom the rows name, as far as they were read."""
    query = (
        "SELECT unnest(numbers), unnest(households), unnest(subjects) FROM casework.import_part WHERE import_id = %s"
    )
    return {number: (household_id, subject_id) for number, household_id, subject_id in db.execute(query, (id,))}


def rows_of(db: Db, vault: Vault, id: UUID, partition: int) -> list[StagedRow]:
    """Return the rows of a partition; Refused where the file was emptied."""
    found = db.execute(
        "SELECT number, key_id, sealed FROM casework.import_part"
        " WHERE partition = %s AND import_id = %s ORDER BY number",
        (partition, id),
    ).fetchall()
    rows: list[StagedRow] = []
    for number, key_id, sealed in found:
        if not sealed:
            raise Refused("import-emptied")
        rows += _decode(vault.open_bytes(id, _part_kind(partition, number), key_id, sealed))
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


def settled(db: Db, id: UUID, stage: str) -> set[int]:
    """Return the partitions whose rows have their verdicts, and none an error."""
    partitions = judged(db, id, stage)
    return {each for each in partitions if not any(verdict.code for verdict in verdicts_of(db, id, stage, each))}


def verdicts_of(db: Db, id: UUID, stage: str, partition: int) -> list[Verdict]:
    """Return what came of a partition's rows, as far as it is known."""
    query = "SELECT verdicts FROM casework.import_verdicts WHERE import_id = %s AND stage = %s AND partition = %s"
    row = db.execute(query, (id, stage, partition)).fetchone()
    return decode_verdicts(row[0]) if row else []


def verdicts(db: Db, id: UUID, stage: str) -> Iterator[Verdict]:
    """Yield what came of the rows, partition by partition."""
    query = "SELECT verdicts FROM casework.import_verdicts WHERE import_id = %s AND stage = %s ORDER BY partition"
    for (encoded,) in db.execute(query, (id, stage)).fetchall():
        yield from decode_verdicts(encoded)


def reseal(db: Db, vault: Vault, batch: int = 20) -> Iterator[int]:
    """Seal again what is not under the current master key, as :meth:`Vault.rotate` does; yield how many, by batches.

    Each batch is a transaction of its own: it can be stopped and begun again at any time.
    """
    for some in (_reseal_pieces, _reseal_parts):
        while done := some(db, vault, batch):
            yield done


def _reseal_pieces(db: Db, vault: Vault, batch: int) -> int:
    with db.transaction():
        found = db.execute(_OLDER_PIECES, (vault.current_key, batch)).fetchall()
        for id, number, key_id, sealed in found:
            again = vault.seal_bytes_again(id, _piece_kind(number), key_id, sealed)
            db.execute(_RESEAL_PIECE, (*again, id, number))
    return len(found)


def _reseal_parts(db: Db, vault: Vault, batch: int) -> int:
    with db.transaction():
        found = db.execute(_OLDER_PARTS, (vault.current_key, batch)).fetchall()
        for id, partition, number, key_id, sealed in found:
            again = vault.seal_bytes_again(id, _part_kind(partition, number), key_id, sealed)
            db.execute(_RESEAL_PART, (*again, id, partition, number))
    return len(found)


def _piece_kind(number: int) -> str:
    return f"import-piece-{number}"


def _part_kind(partition: int, number: int) -> str:
    return f"import-rows-{partition}-{number}"
