"""An import's rows on their way from the file into the partitions of the households that they are about.

Kept by partition, a household is read once and its rows are decided on one after another, as they stand in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple
from uuid import UUID

import msgspec

from casework import references
from casework.application import Casework
from casework.bulk import files, rows
from casework.bulk.columns import CellRefused, Fields, Layout
from casework.bulk.files import ImportFile, StagedRow
from casework.bulk.rows import Holder, Progress, Verdict
from casework.bulk.sheets import FileRefused, Row, read
from casework.domain.ids import partition_of
from casework.faults import fault
from casework.log.reading import Db
from casework.outcome import Context
from casework.references import Reference

STAGED_AT_ONCE = 1000
NOWHERE = -1
"""The partition of rows that cannot be read, or are about nobody."""

BRINGS_PEOPLE = ("households", "members")
"""Kinds whose rows are about somebody new."""


def table(casework: Casework, file: ImportFile) -> Iterator[Row]:
    """Yield the rows of an import's file, its header first."""
    with casework.pool.connection() as db:
        content = files.content(db, casework.persons.vault, file.id)
    return read(file.media, content)


def reference(file: ImportFile, number: int, fields: Fields) -> str:
    """Return what a row is called for ever: as the file says, or by the import and its number."""
    return str(fields.get("source_ref") or f"{file.id}:{number}")


def layout_of(casework: Casework, file: ImportFile) -> Layout:
    """Return which column of a file stands where; FileRefused where it cannot be read."""
    header = next(table(casework, file), None)
    if header is None:
        raise FileRefused("file-empty")
    return Layout(file.kind, header)


def context_of(casework: Casework, file: ImportFile, row: StagedRow, fields: Fields) -> Context:
    """Return the context of a row's command: the same whenever its reference comes again, until it is undone."""
    said = {name: value for name, value in fields.items() if name != "source_ref"}
    body_hash = casework.persons.hashes.body_hash(f"import\0{file.kind}", msgspec.json.encode(said, order="sorted"))
    return msgspec.structs.replace(
        file.context(),
        source_ref=reference(file, row.number, fields),
        command_id=row.command_id,
        after=row.after,
        body_hash=body_hash,
    )


def stage(casework: Casework, file: ImportFile, layout: Layout, progress: Progress) -> None:
    """Read the file's rows and keep them by partition."""
    with casework.pool.connection() as db:
        files.forget_rows(db, file.id)
    staging = _Staging(casework, file, layout)
    numbered = ((number, row) for number, row in enumerate(table(casework, file), 1) if number > 1 and any(row))
    while chunk := list(islice(numbered, STAGED_AT_ONCE)):
        staging.take(chunk)
        progress(0, staging.rows)
    staging.end()


class _Told(NamedTuple):
    """A row that could be read, and the claim by whose holder its household is found."""

    number: int
    cells: Row
    fields: Fields
    asked: bytes | None


class _Staging:
    """Rows on their way into their partitions."""

    def __init__(self, casework: Casework, file: ImportFile, layout: Layout) -> None:
        self.casework, self.file, self.layout = casework, file, layout
        self.context = file.context()
        self.waiting: dict[int, list[StagedRow]] = {}
        self.numbers: dict[int, int] = {}
        self.refused: list[Verdict] = []
        self.seen: set[bytes] = set()
        self.rows = 0

    def take(self, chunk: Sequence[tuple[int, Row]]) -> None:
        """Find out whom some rows are about."""
        hashes, told, wanted = self.casework.persons.hashes, list[_Told](), set()
        for number, cells in chunk:
            try:
                fields = self.layout.fields(cells)
                asked = rows.asked_for(self.file.kind, fields, hashes)
                self._check_once(fields)
            except CellRefused as error:
                self.refused.append(rows.refused(number, error))
                continue
            told.append(_Told(number, cells, fields, asked))
            wanted.update([asked] if asked else [])
        with self.casework.pool.connection() as db:
            found = rows.holders(db, wanted) if wanted else {}
            referred = self._refer(db, told)
        for row in told:
            self._place(row, referred[row.number], found)
        self.rows += len(chunk)
        self._keep(STAGED_AT_ONCE // 4)

    def end(self) -> None:
        """Keep what still waits."""
        self._keep(1)
        with self.casework.pool.connection() as db:
            for stage in ("validated", "committed"):
                files.keep_verdicts(db, self.file.id, NOWHERE, stage, self.refused)
            files.was_read(db, self.file.id, self.rows)

    def _check_once(self, fields: Fields) -> None:
        """Refuse a reference or a new person's ID number that stood in the file before."""
        hashes = self.casework.persons.hashes
        if "source_ref" in fields:
            self._see(hashes.claim_hash("source", self.file.source, fields["source_ref"]), "row-repeated", "source_ref")
        for claim in rows.claimed_by(self.file.kind, fields, hashes):
            self._see(claim, "row-person-repeated", "id_number")

    def _see(self, hash: bytes, code: str, column: str) -> None:
        if hash[:12] in self.seen:
            raise CellRefused(code, column)
        self.seen.add(hash[:12])

    def _refer(self, db: Db, told: Sequence[_Told]) -> dict[int, Reference]:
        """Which command each row is: nothing was undone of a row that the file gives no reference."""
        hashes, source = self.casework.persons.hashes, self.file.source
        refs = {number: reference(self.file, number, fields) for number, _, fields, _ in told}
        given = {fields["source_ref"] for _, _, fields, _ in told if "source_ref" in fields}
        known = references.current(db, hashes, source, given)
        return {number: known.get(ref) or references.first(hashes, source, ref) for number, ref in refs.items()}

    def _place(self, row: _Told, mine: Reference, found: dict[bytes, Holder]) -> None:
        number, cells, fields, asked = row
        context = msgspec.structs.replace(self.context, command_id=mine.command_id)
        person_id: UUID | None = fields.get("person_id")
        if asked is not None:
            holder = found.get(asked)
            if holder is None:
                self.refused.append(Verdict(number, "error", "row-person-not-found"))
                return
            household_id, person_id = holder.household_id, person_id or holder.person_id
        elif self.file.kind == "households":
            household_id = context.made("household")
        else:
            household_id = fields["household_id"]
        subject = context.made("person-0") if self.file.kind in BRINGS_PEOPLE else person_id or household_id
        staged = StagedRow(number, household_id, person_id, cells, subject, *mine)
        self.waiting.setdefault(partition_of(household_id), []).append(staged)

    def _keep(self, least: int) -> None:
        full = [partition for partition, waiting in self.waiting.items() if len(waiting) >= least]
        if not full:
            return
        with self.casework.pool.connection() as db, db.transaction():
            for partition in full:
                number = self.numbers[partition] = self.numbers.get(partition, 0) + 1
                staged = self.waiting.pop(partition)
                files.keep_rows(db, self.casework.persons.vault, self.file.id, partition, number, staged)
        fault("import-rows-kept")
