"""An import's way: its rows are read, then tried or given, each as the one command that it is.

Whatever ends in between is begun again where it was: a row that was carried out is known by its reference, and counts
once. With ``atomic=all`` nothing is carried out unless all rows were just tried and none was refused. Since the log
appends to one partition at a time, and other people go on working, a row may still be refused while the others are
carried out: then these are undone (docs/decisions/12-imports-whole.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec

from casework import references
from casework.application import Casework
from casework.bulk import files, rows, undoing
from casework.bulk.columns import Layout
from casework.bulk.files import ImportFile, StagedRow
from casework.bulk.rows import Holder, Line, Progress, count
from casework.bulk.staging import BRINGS_PEOPLE, STAGED_AT_ONCE, context_of, layout_of
from casework.bulk.staging import stage as stage_rows
from casework.bulk.together import Together
from casework.errors import CaseworkError, NotFound, Refused
from casework.faults import fault
from casework.projections import jobs

THREADS = 2
"""While one decides, the other waits for the database."""

HOUSEHOLDS_AT_ONCE = 200
LOOK_SECONDS = 2.0

BEFORE = ("uploaded", "validated")


def run(casework: Casework, id: UUID, stage: str, progress: Progress) -> dict[str, Any]:
    """Bring an import to ``validated`` (nothing is written) or ``committed``; return how many rows came to what.

    Of an import that is to be carried out whole, Refused says why nothing of it stands: ``import-rows-refused`` where
    nothing was carried out, ``import-taken-back`` where all was undone that had been, ``import-left-partly`` where
    something rests on it by now.
    """
    file = _known(casework, id)
    if stage == "validated":
        if file.state not in BEFORE:
            raise Refused("import-state")
        return _tried(casework, file, progress)
    try:
        return (_given_whole if file.atomic == "all" else _given)(casework, file, progress)
    except Refused:
        now = _known(casework, id)
        if now.state != "committed" or now.counts is None:
            raise
        return now.counts  # it was carried out already, by another worker perhaps


def _known(casework: Casework, id: UUID) -> ImportFile:
    with casework.pool.connection() as db:
        file = files.find(db, id)
    if file is None:
        raise NotFound
    return file


def _tried(casework: Casework, file: ImportFile, progress: Progress) -> dict[str, Any]:
    layout = _staged(casework, file, progress)
    _judge(casework, file, layout, "validated", progress)
    return _end(casework, file, "validated", of=BEFORE)


def _given(casework: Casework, file: ImportFile, progress: Progress) -> dict[str, Any]:
    layout = _staged(casework, file, progress)
    with casework.pool.connection() as db:
        files.begin(db, file.id, "committing", of=(*BEFORE, "committing"))
    _judge(casework, file, layout, "committed", progress)
    return _end(casework, file, "committed", of=("committing", "committed"))


def _given_whole(casework: Casework, file: ImportFile, progress: Progress) -> dict[str, Any]:
    """Carry out all rows or none: tried just before, taken back where one is refused, or the work is not wanted."""
    if file.state in BEFORE:
        with casework.pool.connection() as db:
            files.forget_tried(db, file.id)
        if _tried(casework, file, progress)["errors"]:
            raise Refused("import-rows-refused")
        file = _known(casework, file.id)
    try:
        return _given(casework, file, progress)
    except (Refused, jobs.Cancelled) as error:
        if _known(casework, file.id).state in (*BEFORE, "committed"):
            raise
        stays = undoing.take_back(casework, file, progress)
        if isinstance(error, jobs.Cancelled):
            raise
        raise Refused("import-left-partly" if stays else "import-taken-back") from None


def _staged(casework: Casework, file: ImportFile, progress: Progress) -> Layout:
    """Read the file, unless that was done; once more where a reference in it is another command since."""
    layout = layout_of(casework, file)
    if not file.rows or (file.state in BEFORE and _is_outdated(casework, file)):
        stage_rows(casework, file, layout, progress)
    return layout


def _is_outdated(casework: Casework, file: ImportFile) -> bool:
    with casework.pool.connection() as db:
        commands = iter(files.commands(db, file.id))
        while some := list(islice(commands, STAGED_AT_ONCE)):
            if references.undone(db, casework.persons.hashes, some):
                return True
    return False


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
    fault("import-rows-read")
    lines = [_line(casework, file, layout, row) for row in staged]
    lines.sort(key=lambda line: (line.household_id, line.number))
    saving = partial(_saving, casework, file) if stage == "committed" else None
    together = Together(casework, partition, saving=saving, taken=_taken(casework, file, lines))
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
    _refuse_parts(file, stage, count(together.verdicts.values()))


@contextmanager
def _saving(casework: Casework, file: ImportFile) -> Iterator[None]:
    with casework.pool.connection() as db, files.saving(db, file.id):
        yield


def _refuse_parts(file: ImportFile, stage: str, counted: dict[str, int]) -> None:
    if file.atomic == "all" and stage == "committed" and counted["errors"]:
        raise Refused("import-rows-refused")


def _line(casework: Casework, file: ImportFile, layout: Layout, row: StagedRow) -> Line:
    fields = layout.fields(row.cells)
    return Line(row.number, row.household_id, row.person_id, fields, context_of(casework, file, row, fields))


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
    wanted = [claim.hash for line in lines for claim in references.claims(hashes, line.context)]
    for line in lines:
        wanted += rows.claimed_by(file.kind, line.fields, hashes)
    with casework.pool.connection() as db:
        return rows.holders(db, wanted)


def _end(casework: Casework, file: ImportFile, stage: str, *, of: Sequence[str]) -> dict[str, Any]:
    with casework.pool.connection() as db:
        counted: dict[str, Any] = count(files.verdicts(db, file.id, stage))
    _refuse_parts(file, stage, counted)
    if stage == "committed" and file.close_feed is not None:
        counted["feed_closed"] = counted["errors"] == 0 and _close_feed(casework, file)
    with casework.pool.connection() as db:
        files.move_on(db, file.id, stage, counted, of=of)
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
