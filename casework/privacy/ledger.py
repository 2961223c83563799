"""The ledger of erasures: a file outside the database and its backups, since a restored backup brings back who was
erased (DESIGN idea 5).

Each line is the JSON object ``{"entry": …, "signature": …}``. An entry holds ids, the lawful ground and the SHA-256 of
the line before it; the signature is Ed25519's over the entry's exact bytes, under a key of the installation. A line is
on disk before anything is erased; one that was cut off in the middle was never gone on from, and is taken away.

A log has a file of its own, named after its birth, so that one set of keys can serve several logs.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection

from casework.errors import CaseworkError, Unavailable
from casework.privacy.keys import ledger_seed

WAIT_SECONDS = 5.0
"""How long somebody waits for others who write or read the ledger."""

_APPLIED = "SELECT number, hash FROM vault.ledger"
_BEGINNING = sha256(b"").hexdigest()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One erasure: of whom, in which household's file, on which ground; ``subjects`` are all whose rows go."""

    number: int
    household_id: UUID
    person_id: UUID
    subjects: tuple[UUID, ...]
    basis: str
    written_at: datetime
    previous: str

    @property
    def people(self) -> list[UUID]:
        """All records of the person, whose rows go: what comes after them is the household's."""
        return list(takewhile(lambda each: each != self.household_id, self.subjects))


class Written(NamedTuple):
    """An entry that is in the file, and the hash of its line."""

    entry: Entry
    hash: bytes


class _Line(msgspec.Struct, frozen=True):
    entry: msgspec.Raw
    signature: str


_decode_line = msgspec.json.Decoder(_Line).decode  # both made at the import, as in casework.errors
_decode_entry = msgspec.json.Decoder(Entry).decode


class Ledger:
    """One log's ledger; ``born_at`` is when the log was born."""

    def __init__(self, folder: Path, keys_dir: Path, born_at: datetime) -> None:
        self.file = folder / f"erasures-{born_at.astimezone(UTC):%Y%m%dT%H%M%S%fZ}.jsonl"
        self._keys_dir = keys_dir
        self._known: set[bytes] = set()

    @contextmanager
    def pages(self) -> Iterator[Pages]:
        """The ledger for one writer alone, until the erasure is done or given up."""
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            raise Unavailable("ledger-missing") from None
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            _lock(file.fileno(), fcntl.LOCK_EX)
            content = _whole_lines(file.read())
            yield Pages(self, file.fileno(), self._read(content), len(content))

    def written(self) -> list[Written]:
        """All entries, each checked to follow the one before it and to be signed; none where there is no file."""
        with self._held() as written:
            return written

    @contextmanager
    def _held(self) -> Iterator[list[Written]]:
        """All entries, while nobody erases."""
        with ExitStack() as opened:
            try:
                file = opened.enter_context(self.file.open("rb"))
            except FileNotFoundError:
                yield []
                return
            _lock(file.fileno(), fcntl.LOCK_SH)
            yield self._read(_whole_lines(file.read()))

    def check(self, db: Connection[tuple[object, ...]]) -> None:
        """Raise where the ledger holds erasures that the vault lacks, or lacks some that the vault has applied.

        Nobody erases meanwhile: what is under way would be in one and not in the other. Raises ``ledger-ahead``,
        ``ledger-differs`` or ``ledger-damaged``.
        """
        with self._held() as written:
            missing = self.missing(db, written)
        if missing:
            raise CaseworkError("ledger-ahead", count=len(missing))

    def missing(self, db: Connection[tuple[object, ...]], written: Sequence[Written]) -> list[Written]:
        """The entries that the vault lacks, in their order."""
        applied: Mapping[object, object] = dict(db.execute(_APPLIED).fetchall())  # type: ignore[arg-type]
        known = {each.entry.number: each.hash for each in written}
        if any(known.get(number) != hash for number, hash in applied.items()):  # type: ignore[call-overload]
            raise CaseworkError("ledger-differs", path=self.file)
        return [each for each in written if each.entry.number not in applied]

    def signed(self, entry: Entry) -> bytes:
        """Return an entry as a line of the file."""
        content = msgspec.json.encode(entry)
        signature = self._key(create=True).sign(content).hex()
        return msgspec.json.encode(_Line(msgspec.Raw(content), signature)) + b"\n"

    def _read(self, content: bytes) -> list[Written]:
        found: list[Written] = []
        for number, line in enumerate(content.splitlines(), start=1):
            entry = self._checked(line, number, found[-1].hash.hex() if found else _BEGINNING)
            found.append(Written(entry, sha256(line).digest()))
        return found

    def _checked(self, line: bytes, number: int, previous: str) -> Entry:
        try:
            read = _decode_line(line)
            entry = _decode_entry(read.entry)
            hash = sha256(line).digest()
            if hash not in self._known:
                self._key(create=False).public_key().verify(bytes.fromhex(read.signature), bytes(read.entry))
                self._known.add(hash)
        except (msgspec.DecodeError, InvalidSignature, ValueError):
            raise CaseworkError("ledger-damaged", number=number, path=self.file) from None
        if (entry.number, entry.previous) != (number, previous):
            raise CaseworkError("ledger-damaged", number=number, path=self.file)
        return entry

    def _key(self, *, create: bool) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(ledger_seed(self._keys_dir, create=create))


class Pages:
    """The ledger while somebody has it alone."""

    def __init__(self, ledger: Ledger, descriptor: int, written: list[Written], size: int) -> None:
        self.ledger = ledger
        self.written = written
        self._descriptor = descriptor
        self._size = size

    def entry(self, household_id: UUID, person_id: UUID, subjects: Sequence[UUID], basis: str, at: datetime) -> Entry:
        """The entry of an erasure: the one that is there already, where it was not gone on from, or a new one."""
        for each in self.of(person_id):
            if (each.entry.household_id, set(each.entry.subjects)) == (household_id, set(subjects)):
                return each.entry
        return Entry(
            number=len(self.written) + 1,
            household_id=household_id,
            person_id=person_id,
            subjects=tuple(subjects),
            basis=basis,
            written_at=at,
            previous=self.written[-1].hash.hex() if self.written else _BEGINNING,
        )

    def of(self, person_id: UUID) -> list[Written]:
        """What is written of a person."""
        return [each for each in self.written if each.entry.person_id == person_id]

    def write(self, entry: Entry) -> None:
        """Bring an entry to the disk, unless it is there."""
        if entry.number <= len(self.written):
            return
        line = self.ledger.signed(entry)
        try:
            os.ftruncate(self._descriptor, self._size)
            os.pwrite(self._descriptor, line, self._size)
            os.fsync(self._descriptor)
            _sync(self.ledger.file.parent)
        except OSError:
            raise Unavailable("ledger-missing") from None
        self._size += len(line)
        self.written.append(Written(entry, sha256(line[:-1]).digest()))


def _lock(descriptor: int, kind: int) -> None:
    until = monotonic() + WAIT_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() > until:
                raise Unavailable("ledger-missing") from None
            sleep(0.02)


def _whole_lines(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
