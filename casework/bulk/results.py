"""What came of a file: the file again, with each row's status and error, ready to be put right and sent back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from casework.application import Casework
from casework.bulk import files, staging
from casework.bulk.columns import REF, RESULT
from casework.bulk.files import ImportFile, Named
from casework.bulk.rows import Verdict
from casework.bulk.sheets import Row, plain, written
from casework.errors import problems

STAGE_OF = {
    "uploaded": "validated",
    "validated": "validated",
    "committing": "committed",
    "committed": "committed",
    "undoing": "undone",
    "undone": "undone",
}
TRIED = {"done": "ready"}
UNDONE = {"done": "undone"}


ROWS_AT_ONCE = 1000

Record = Callable[[Sequence[tuple[UUID, UUID]]], None]
"""Keeps that what names some people, each as (household, person), is read."""


def result(casework: Casework, file: ImportFile, language: str, record: Record) -> Iterator[bytes]:
    """Yield the result file as CSV; before any rows are, it is recorded whom they name, as far as that is known.

    Every row has its reference, so that what was done is not done again when the file is sent back. Refused where an
    erasure has emptied the file.
    """
    table = staging.table(casework, file)
    with casework.pool.connection() as db:
        verdicts = {verdict.row: verdict for verdict in files.verdicts(db, file.id, STAGE_OF[file.state])}
        named = files.named(db, file.id)
    return written(_recorded(_rows(enumerate(table, 1), file, verdicts, language), named, record))


def errors(casework: Casework, file: ImportFile, after: int, limit: int) -> list[Verdict]:
    """Return the rows with errors, in their order, some at a time."""
    with casework.pool.connection() as db:
        found = files.verdicts(db, file.id, STAGE_OF[file.state])
        wanted = [verdict for verdict in found if verdict.status == "error" and verdict.row > after]
    return sorted(wanted, key=lambda verdict: verdict.row)[: limit + 1]


def sentence(code: str, language: str) -> str:
    """Return what a row's error is, in words; what would fill a gap in them is told by the column."""
    told = problems().get(code) or problems()["internal"]
    return told.detail[language] if "{" not in told.detail[language] else told.title[language]


def _recorded(rows: Iterator[tuple[int, Row]], named: Named, record: Record) -> Iterator[Row]:
    while some := list(islice(rows, ROWS_AT_ONCE)):
        record([named[number] for number, _ in some if number in named])
        yield from (row for _, row in some)


def _rows(
    table: Iterator[tuple[int, Row]],
    file: ImportFile,
    verdicts: dict[int, Verdict],
    language: str,
) -> Iterator[tuple[int, Row]]:
    """Yield the rows, each with its number in the file."""
    _, header = next(table)
    kept = [place for place, cell in enumerate(header) if plain(cell) not in RESULT]
    named = next((place for place in kept if plain(header[place]).rstrip("*") in (REF.name, REF.heading)), None)
    own = [REF.name] if named is None else []
    yield 1, [*(header[place] for place in kept), *own, *RESULT]
    words = {"validated": TRIED, "undone": UNDONE}.get(STAGE_OF[file.state], {})
    for number, row in table:
        if any(row):
            cells = [row[place] if place < len(row) else "" for place in kept]
            _refer(cells, file, number, None if named is None else kept.index(named))
            yield number, [*cells, *_told(verdicts.get(number), words, language)]


def _refer(cells: list[str], file: ImportFile, number: int, place: int | None) -> None:
    said: dict[str, Any] = {REF.name: plain(cells[place])} if place is not None else {}
    ref = staging.reference(file, number, said)
    if place is None:
        cells.append(ref)
    else:
        cells[place] = ref


def _told(verdict: Verdict | None, words: dict[str, str], language: str) -> Sequence[str]:
    if verdict is None:
        return ("", "", "")
    if verdict.code is None:
        return (words.get(verdict.status, verdict.status), "", "")
    column = f"{verdict.column}: " if verdict.column else ""
    return (verdict.status, verdict.code, column + sentence(verdict.code, language))
