"""The vault: what names a person, sealed, in revisions, tied to events by salted commitments (DESIGN idea 5).

A row's plaintext is the JSON object ``{"salt": …, "fields": …}``. Its commitment, which the event carries, is
the SHA-256 of the salt and of the fields' exact bytes, each after its length (8 bytes, big-endian): it proves
what was recorded to whoever is shown the row, and says nothing once the row is gone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from psycopg import Connection
from psycopg.rows import class_row

from casework.domain.ids import PARTITIONS, vault_partition_of
from casework.errors import CaseworkError
from casework.log.append import VaultRow
from casework.privacy.keys import KeyRing

Kind = Literal["person", "evidence", "remark"]
"""``person`` is the whole profile, ``evidence`` a service's vault fields, ``remark`` free text."""

Fields = dict[str, Any]
"""What a row holds: names and JSON values (a date comes back as text)."""

_NONCE = 12
_SALT = 16

_COLUMNS = "p.subject_id, p.kind, p.key_id, p.sealed, p.commitment"
_ASKED = """
    FROM unnest(%(partitions)s::smallint[], %(subjects)s::uuid[]) AS asked (partition, subject_id)
    JOIN vault.person AS p ON p.partition = asked.partition AND p.subject_id = asked.subject_id"""
_LATEST = f"""
    SELECT DISTINCT ON (p.partition, p.subject_id) {_COLUMNS} {_ASKED}
    WHERE p.kind = %(kind)s
    ORDER BY p.partition, p.subject_id, p.revision DESC"""
_BY_COMMITMENT = f"SELECT {_COLUMNS} {_ASKED} WHERE p.commitment = ANY (%(commitments)s::bytea[])"
_REVISIONS = f"SELECT p.revision, {_COLUMNS} {_ASKED} ORDER BY p.revision"
_OLDER_KEYS = f"""
    SELECT p.revision, {_COLUMNS} FROM vault.person AS p
    WHERE p.partition = %(partition)s AND (p.subject_id, p.revision) > (%(subject_id)s, %(revision)s)
      AND p.key_id <> %(current)s
    ORDER BY p.subject_id, p.revision LIMIT %(batch)s FOR UPDATE"""
_RESEAL = """
    UPDATE vault.person AS p SET key_id = %(current)s, sealed = new.sealed
    FROM unnest(%(subjects)s::uuid[], %(revisions)s::int[], %(sealed)s::bytea[])
         AS new (subject_id, revision, sealed)
    WHERE p.partition = %(partition)s AND p.subject_id = new.subject_id AND p.revision = new.revision"""


class Revision(NamedTuple):
    """One row of a subject, opened; ``number`` counts the subject's rows of every kind."""

    number: int
    kind: str
    commitment: bytes
    fields: Fields


class _Document(msgspec.Struct):
    salt: bytes
    fields: msgspec.Raw


_decode_document = msgspec.json.Decoder(_Document).decode  # made at the import, as in casework.errors


class _StoredRow(NamedTuple):
    revision: int
    subject_id: UUID
    kind: str
    key_id: str
    sealed: bytes
    commitment: bytes

    @property
    def row(self) -> VaultRow:
        return VaultRow(*self[1:])


class Vault:
    """Seals what the append writes beside an event, and reads it again; what was erased is in no answer."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def bind(self, db: Connection[Any]) -> None:
        """Make sure that the database's hashes were made under these keys; the first to come settles it.

        Raises ``keys-differ``: with other keys every search, claim and repeated command would quietly miss.
        """
        mine = self._keys.fingerprint
        db.execute("INSERT INTO vault.index_key (fingerprint) VALUES (%s) ON CONFLICT DO NOTHING", (mine,))
        if db.execute("SELECT fingerprint FROM vault.index_key").fetchone() != (mine,):
            raise CaseworkError("keys-differ")

    def seal(self, subject_id: UUID, kind: Kind, fields: Mapping[str, Any]) -> VaultRow:
        """Return a row for the append; its ``commitment`` belongs in the event. No two are alike."""
        salt, canonical = os.urandom(_SALT), msgspec.json.encode(fields, order="sorted")
        plaintext = msgspec.json.encode(_Document(salt, msgspec.Raw(canonical)))
        key_id = self._keys.current
        sealed = self._seal(subject_id, kind, key_id, plaintext)
        return VaultRow(subject_id, kind, key_id, sealed, _commitment(salt, canonical))

    def open(self, row: VaultRow) -> Fields:
        """Return a row's fields.

        Raises ``vault-damaged`` where a byte was changed or the row belongs to another subject, kind or
        event, and ``key-unknown`` where its master key is not here.
        """
        fields: Fields = msgspec.json.decode(_document(row, self._unseal(row)).fields)
        return fields

    def seal_bytes(self, subject_id: UUID, kind: str, content: bytes) -> tuple[str, bytes]:
        """Return the key's id and the sealed bytes, for what is kept outside of the vault for a few days."""
        key_id = self._keys.current
        return key_id, self._seal(subject_id, kind, key_id, content)

    def seal_bytes_again(self, subject_id: UUID, kind: str, key_id: str, sealed: bytes) -> tuple[str, bytes]:
        """Return what :meth:`seal_bytes` does, of what was sealed under an older key."""
        return self.seal_bytes(subject_id, kind, self.open_bytes(subject_id, kind, key_id, sealed))

    @property
    def current_key(self) -> str:
        """The id of the master key that seals now."""
        return self._keys.current

    def open_bytes(self, subject_id: UUID, kind: str, key_id: str, sealed: bytes) -> bytes:
        """Return what was sealed for this subject and kind; errors as :meth:`open` raises them."""
        return self._unseal(VaultRow(subject_id, kind, key_id, sealed, b""))

    def latest(self, db: Connection[Any], subject_ids: Iterable[UUID], kind: Kind = "person") -> dict[UUID, Fields]:
        """Return the newest row of a kind for each subject that has one."""
        rows = _select(db, VaultRow, _LATEST, subject_ids, kind=kind)
        return {row.subject_id: self.open(row) for row in rows}

    def by_commitment(
        self, db: Connection[Any], subject_ids: Iterable[UUID], commitments: Iterable[bytes]
    ) -> dict[bytes, Fields]:
        """Return what stands behind the commitments of events, looked for among these subjects' rows."""
        rows = _select(db, VaultRow, _BY_COMMITMENT, subject_ids, commitments=list(commitments))
        return {row.commitment: self.open(row) for row in rows}

    def revisions(self, db: Connection[Any], subject_id: UUID) -> list[Revision]:
        """Return all that is held of a subject, the oldest first."""
        rows = _select(db, _StoredRow, _REVISIONS, [subject_id])
        return [Revision(row.revision, row.kind, row.commitment, self.open(row.row)) for row in rows]

    def rotate(self, db: Connection[Any], batch: int = 1000) -> Iterator[int]:
        """Seal every row again that is not under the current master key; yield how many, after each batch.

        Each batch is a transaction of its own (``db`` is in autocommit): it can be stopped and begun again at
        any time. Commitments stay. Once every process has been started again and a whole run yields nothing,
        no row needs the older keys.
        """
        for partition in range(PARTITIONS):
            last = _StoredRow(0, UUID(int=0), "", "", b"", b"")
            while rows := self._reseal(db, partition, last, batch):
                yield len(rows)
                last = rows[-1]

    def _reseal(self, db: Connection[Any], partition: int, after: _StoredRow, batch: int) -> list[_StoredRow]:
        values: dict[str, Any] = {"partition": partition, "current": self._keys.current}
        place = {"subject_id": after.subject_id, "revision": after.revision, "batch": batch}
        with db.transaction(), db.cursor(row_factory=class_row(_StoredRow)) as cursor:
            rows = cursor.execute(_OLDER_KEYS, values | place).fetchall()
            values["subjects"] = [row.subject_id for row in rows]
            values["revisions"] = [row.revision for row in rows]
            values["sealed"] = [self._seal_again(row.row, values["current"]) for row in rows]
            cursor.execute(_RESEAL, values)
        return rows

    def _seal_again(self, row: VaultRow, key_id: str) -> bytes:
        plaintext = self._unseal(row)
        _document(row, plaintext)
        return self._seal(row.subject_id, row.kind, key_id, plaintext)

    def _seal(self, subject_id: UUID, kind: str, key_id: str, plaintext: bytes) -> bytes:
        nonce, bound_to = os.urandom(_NONCE), _bound_to(subject_id, kind, key_id)
        return nonce + self._keys.cipher(key_id).encrypt(nonce, plaintext, bound_to)

    def _unseal(self, row: VaultRow) -> bytes:
        cipher = self._keys.cipher(row.key_id)
        bound_to = _bound_to(row.subject_id, row.kind, row.key_id)
        try:
            return cipher.decrypt(row.sealed[:_NONCE], row.sealed[_NONCE:], bound_to)
        except (InvalidTag, ValueError):  # ValueError: cut too short to hold a nonce
            raise _damaged(row) from None


def _select(db: Connection[Any], row: type[Any], query: str, subject_ids: Iterable[UUID], **values: Any) -> list[Any]:
    subjects = list(dict.fromkeys(subject_ids))
    values |= {"subjects": subjects, "partitions": [vault_partition_of(subject) for subject in subjects]}
    with db.cursor(row_factory=class_row(row)) as cursor:
        return cursor.execute(query, values).fetchall()


def _document(row: VaultRow, plaintext: bytes) -> _Document:
    document = _decode_document(plaintext)
    if _commitment(document.salt, bytes(document.fields)) != row.commitment:
        raise _damaged(row)
    return document


def _commitment(salt: bytes, canonical: bytes) -> bytes:
    return sha256(b"".join(len(part).to_bytes(8) + part for part in (salt, canonical))).digest()


def _bound_to(subject_id: UUID, kind: str, key_id: str) -> bytes:
    """Return what a row is sealed to: moved to another subject or kind, it does not open."""
    return b"\0".join((subject_id.bytes, kind.encode(), key_id.encode()))


def _damaged(row: VaultRow) -> CaseworkError:
    return CaseworkError("vault-damaged", subject_id=row.subject_id)
