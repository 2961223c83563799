"""An import's way: its rows are read, then tried or given, each as the one command that it is.

Rows are kept by the partition of the household that they are about, so that a household is read once and its rows are
decided on one after another, as they stand in the file. Whatever ends in between is begun again where it was: a row
that was carried out is known by its reference, and counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec

from casework.application import Casework
from casework.bulk import files, rows
from casework.bulk.columns import CellRefused, Fields, Layout
from casework.bulk.files import ImportFile, StagedRow
from casework.bulk.rows import Holder, Line, Verdict
from casework.bulk.sheets import FileRefused, Row, read
from casework.bulk.together import Together
from casework.domain.ids import partition_of
from casework.errors import CaseworkError, NotFound, Refused
from casework.faults import fault
from casework.outcome import Context
from casework.projections import jobs

Progress = Callable[[int, int], None]
"""Is told how many rows are done, of how many; raises where the work is to end."""

THREADS = 2
"""While one decides, the other waits for the database."""

STAGED_AT_ONCE = 1000
HOUSEHOLDS_AT_ONCE = 200
LOOK_SECONDS = 2.0
NOWHERE = -1
"""The partition of rows that cannot be read, or are about nobody."""

BRINGS_PEOPLE = ("households", "members")
"""Kinds after which probable duplicates are looked for."""

STATES = {"validated": ("uploaded", "validated"), "committed": ("uploaded", "validated", "committed")}
"""From which states an import comes to another; from its own, since a job may be done twice."""


def run(casework: Casework, id: UUID, stage: str, progress: Progress) -> dict[str, Any]:
    """Bring an import to ``validated`` (nothing is written) or ``committed``; return how many rows came to what."""
    with casework.pool.connection() as db:
        file = files.find(db, id)
        if file is None:
            raise NotFound
        if file.state not in STATES[stage]:
            raise Refused("import-state")
    layout = layout_of(casework, file)
    if not file.rows:
        _stage(casework, file, layout, progress)
    _judge(casework, file, layout, stage, progress)
    return _end(casework, file, stage)


def count(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Return how many rows came to what."""
    counted = {"rows": 0, "done": 0, "unchanged": 0, "error": 0}
    for verdict in verdicts:
        counted["rows"] += 1
        counted[verdict.status] += 1
    return {**{name: counted[name] for name in ("rows", "done", "unchanged")}, "errors": counted["error"]}


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


def context_of(casework: Casework, file: ImportFile, number: int, fields: Fields) -> Context:
    """Return the context of a row's command: named by its source and reference, the same whenever it comes again."""
    hashes, ref = casework.persons.hashes, reference(file, number, fields)
    said = {name: value for name, value in fields.items() if name != "source_ref"}
    return msgspec.structs.replace(
        file.context(),
        source_ref=ref,
        command_id=hashes.command_id("source", file.source, ref),
        body_hash=hashes.body_hash(f"import\0{file.kind}", msgspec.json.encode(said, order="sorted")),
    )


class _Staging:
    """Rows on their way into their partitions."""

    def __init__(self, casework: Casework, file: ImportFile, layout: Layout) -> None:
        self.casework, self.file, self.layout = casework, file, layout
        self.waiting: dict[int, list[StagedRow]] = {}
        self.numbers: dict[int, int] = {}
        self.refused: list[Verdict] = []
        self.seen: set[bytes] = set()
        self.rows = 0

    def take(self, chunk: Sequence[tuple[int, Row]]) -> None:
        """Find out whom some rows are about."""
        hashes, told, wanted = self.casework.persons.hashes, [], set()
        for number, cells in chunk:
            try:
                fields = self.layout.fields(cells)
                asked = rows.asked_for(self.file.kind, fields, hashes)
                self._check_once(fields)
            except CellRefused as error:
                self.refused.append(rows.refused(number, error))
                continue
            told.append((number, cells, fields, asked))
            wanted.update([asked] if asked else [])
        with self.casework.pool.connection() as db:
            found = rows.holders(db, wanted) if wanted else {}
        for number, cells, fields, asked in told:
            self._place(number, cells, fields, asked, found)
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

    def _place(self, number: int, cells: Row, fields: Fields, asked: bytes | None, found: dict[bytes, Holder]) -> None:
        person_id: UUID | None = fields.get("person_id")
        if asked is not None:
            holder = found.get(asked)
            if holder is None:
                self.refused.append(Verdict(number, "error", "row-person-not-found"))
                return
            household_id, person_id = holder.household_id, person_id or holder.person_id
        elif self.file.kind == "households":
            household_id = context_of(self.casework, self.file, number, fields).made("household")
        else:
            household_id = fields["household_id"]
        partition = partition_of(household_id)
        self.waiting.setdefault(partition, []).append(StagedRow(number, household_id, person_id, cells))

    def _keep(self, least: int) -> None:
        full = [partition for partition, waiting in self.waiting.items() if len(waiting) >= least]
        if not full:
            return
        with self.casework.pool.connection() as db, db.transaction():
            for partition in full:
                number = self.numbers[partition] = self.numbers.get(partition, 0) + 1
                staged = self.waiting.pop(partition)
                files.keep_rows(db, self.casework.persons.vault, self.file.id, partition, number, staged)


def _stage(casework: Casework, file: ImportFile, layout: Layout, progress: Progress) -> None:
    """Read the file's rows and keep them by partition."""
    with casework.pool.connection() as db:
        files.forget_rows(db, file.id)
    staging = _Staging(casework, file, layout)
    numbered = ((number, row) for number, row in enumerate(table(casework, file), 1) if number > 1 and any(row))
    while chunk := list(islice(numbered, STAGED_AT_ONCE)):
        staging.take(chunk)
        progress(0, staging.rows)
    staging.end()


def _judge(casework: Casework, file: ImportFile, layout: Layout, stage: str, progress: Progress) -> None:
    """Try or give the rows, partition by partition, and keep each partition's verdicts when it is done."""
    with casework.pool.connection() as db:
        sizes, judged = files.sizes(db, file.id), files.judged(db, file.id, stage)
    total = sum(sizes.values())
    done = {partition: size for partition, size in sizes.items() if partition in judged}
    ending: list[bool] = []

    def work(partition: int) -> None:
        for so_far in _judged(casework, file, layout, stage, partition):
            done[partition] = so_far
            if ending:
                return

    with ThreadPoolExecutor(THREADS) as threads:
        left: set[Future[None]] = {threads.submit(work, each) for each in sorted(sizes) if each not in judged}
        try:
            while left:
                finished, left = wait(left, LOOK_SECONDS, FIRST_COMPLETED)
                for each in finished:
                    each.result()
                progress(sum(done.values()), total)
        except BaseException:  # also a worker's stop: the threads end after their batch, and what ended it goes on
            ending.append(True)
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _judged(casework: Casework, file: ImportFile, layout: Layout, stage: str, partition: int) -> Iterator[int]:
    """Try or give one partition's rows; yield how many are done."""
    with casework.pool.connection() as db:
        staged = files.rows_of(db, casework.persons.vault, file.id, partition)
    lines = [_line(casework, file, layout, row) for row in staged]
    lines.sort(key=lambda line: (line.household_id, line.number))
    together = Together(casework, partition, saves=stage == "committed", taken=_taken(casework, file, lines))
    done = 0
    for batch in _by_household(lines):
        together.hold({line.household_id for line in batch}, rows.profiles_needed(file.kind, batch))
        for line in batch:
            together.attempt(line.number, rows.command(file.kind, line))
        done += len(batch)
        yield done
    together.save_waiting()
    fault("import-rows-given")
    with casework.pool.connection() as db:
        files.keep_verdicts(db, file.id, partition, stage, together.verdicts.values())


def _line(casework: Casework, file: ImportFile, layout: Layout, row: StagedRow) -> Line:
    fields = layout.fields(row.cells)
    return Line(row.number, row.household_id, row.person_id, fields, context_of(casework, file, row.number, fields))


def _by_household(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield rows in batches of so many households, or of so many rows where a household has very many."""
    batch: list[Line] = []
    households = 0
    for line in lines:
        if not batch or line.household_id != batch[-1].household_id:
            households += 1
            if households > HOUSEHOLDS_AT_ONCE or len(batch) > 10 * HOUSEHOLDS_AT_ONCE:
                yield batch
                batch, households = [], 1
        batch.append(line)
    if batch:
        yield batch


def _taken(casework: Casework, file: ImportFile, lines: Sequence[Line]) -> dict[bytes, Holder]:
    """Return who holds the claims that these rows will take."""
    hashes = casework.persons.hashes
    wanted = [hashes.claim_hash("source", file.source, str(line.context.source_ref)) for line in lines]
    for line in lines:
        wanted += rows.claimed_by(file.kind, line.fields, hashes)
    with casework.pool.connection() as db:
        return rows.holders(db, wanted)


def _end(casework: Casework, file: ImportFile, stage: str) -> dict[str, Any]:
    with casework.pool.connection() as db:
        counted: dict[str, Any] = count(files.verdicts(db, file.id, stage))
    if stage == "committed" and file.close_feed is not None:
        counted["feed_closed"] = counted["errors"] == 0 and _close_feed(casework, file)
    with casework.pool.connection() as db:
        files.move_on(db, file.id, stage, counted)
        if stage == "committed" and file.kind in BRINGS_PEOPLE and counted["done"]:
            jobs.ask(db, "find_duplicates", str(file.id), {})
    return counted


def _close_feed(casework: Casework, file: ImportFile) -> bool:
    """Close the month that the file says it has all of; closing it again changes nothing."""
    assert file.close_feed is not None
    bureau, area, month = file.close_feed
    context = msgspec.structs.replace(file.context(), source=None)
    try:
        casework.close_feed(context, bureau=bureau, area=area, month=month, closed_on=casework.today)
    except CaseworkError:
        return False
    return True
