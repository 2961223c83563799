"""Files as rows of text: CSV in the encodings that offices use, and XLSX, both within limits.

A file is read as a stream of rows; the first one names the columns. What it holds is text: a date of a spreadsheet's
cell is ``YYYY-MM-DD``, and a number is written without what only its storage adds.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any
from xml.etree.ElementTree import ParseError

from casework.errors import Invalid

MOST_BYTES = 32 << 20
MOST_ROWS = 200_000
MOST_COLUMNS = 200
LONGEST_CELL = 4000
MOST_UNPACKED = 256 << 20
MOST_MEMBERS = 200
READ_AT_ONCE = 1 << 20

Row = list[str]

_UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


class FileRefused(Invalid):
    """The file as a whole cannot be read."""

    default_code = "file-malformed"


def read(media: str, content: bytes) -> Iterator[Row]:
    """Yield the rows of a file; FileRefused where it cannot be read, in the middle of it naming the row."""
    if not content.strip():
        raise FileRefused("file-empty")
    rows, number = _workbook(content) if media == "xlsx" else _csv(content), 0
    try:
        for number, row in enumerate(rows, 1):
            if number > MOST_ROWS + 1:
                raise FileRefused("file-too-many-rows", most=MOST_ROWS)
            if len(row) > MOST_COLUMNS or any(len(cell) > LONGEST_CELL for cell in row):
                raise FileRefused("file-cell-too-large")
            yield row
    except FileRefused as error:
        if number and error.code == FileRefused.default_code:
            raise FileRefused("file-malformed-at", row=number + 1) from None
        raise


def encoding_of(content: bytes) -> str:
    """Return how a CSV file is written: UTF-8 with or without a mark, else GB18030; both are decoded strictly.

    Raises FileRefused where it is neither, or where a file with UTF-8's mark is not UTF-8 throughout.
    """
    marked = content.startswith(codecs.BOM_UTF8)
    for name in ("utf-8-sig",) if marked else ("utf-8", "gb18030"):
        if _decodes(content, name):
            if name == "gb18030" and _is_mixed(content):
                break
            return name
    raise FileRefused("file-encoding")


def _decodes(content: bytes, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)("strict")
    try:
        for start in range(0, len(content), READ_AT_ONCE):
            decoder.decode(content[start : start + READ_AT_ONCE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_mixed(content: bytes) -> bool:
    """Whether some lines are UTF-8 and others are not: pasted together from two files, half of it would be garbled.

    Of UTF-8's Chinese text a part often decodes as GB18030 too, but what real GB18030 text has never reads as UTF-8
    with three bytes for each character.
    """
    return any(_is_wide_utf8(line) for line in content.splitlines() if not line.isascii())


def _is_wide_utf8(line: bytes) -> bool:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return any(char >= "\u0800" for char in text)


def _csv(content: bytes) -> Iterator[Row]:
    text = io.TextIOWrapper(io.BytesIO(content), encoding=encoding_of(content), newline="")
    csv.field_size_limit(LONGEST_CELL * 4)
    try:
        yield from csv.reader(text, strict=True)
    except csv.Error:
        raise FileRefused("file-malformed") from None


def _workbook(content: bytes) -> Iterator[Row]:
    """Yield the first sheet's rows, streaming; formulas are not computed: what they last showed counts."""
    from openpyxl import load_workbook

    _refuse_bomb(content)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a sheet says of its size is often wrong
        for row in sheet.iter_rows(values_only=True):
            yield _trimmed([_text(cell) for cell in row])
    except (ParseError, KeyError, ValueError, TypeError, IndexError, OSError, AttributeError, zipfile.BadZipFile):
        raise FileRefused("file-malformed") from None


def _refuse_bomb(content: bytes) -> None:
    """Refuse an archive that unpacks to too much, holds other archives' tricks, or defines entities.

    What an archive says of its sizes is checked by its reader, which stops there: none unpacks to more than it says.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            unpacked = sum(member.file_size for member in members)
            if len(members) > MOST_MEMBERS or unpacked > MOST_UNPACKED:
                raise FileRefused("file-too-large-unpacked")
            if len({member.filename for member in members}) < len(members):
                raise FileRefused
            for member in members:
                with archive.open(member) as part:
                    if b"<!" in part.read(4096).replace(b"<!--", b""):
                        raise FileRefused
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError):
        raise FileRefused from None


def _trimmed(row: Row) -> Row:
    """Without the empty cells at the end, which a sheet often has by formatting alone."""
    while row and not row[-1]:
        row.pop()
    return row


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.date().isoformat() if value.time() == value.time().min else value.isoformat()
        case date():
            return value.isoformat()
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def is_storable(text: str) -> bool:
    """Whether a text has no characters that a database or a later reader would choke on."""
    return _UNSTORABLE.search(text) is None


def written(rows: Iterable[Sequence[str]], *, mark: bool = True) -> Iterator[bytes]:
    """Yield rows as CSV for people's spreadsheets: UTF-8, with its mark, cells that begin a formula made harmless."""
    if mark:
        yield codecs.BOM_UTF8
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])
        if buffer.tell() > READ_AT_ONCE:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    content = buffer.getvalue().encode("utf-8", "replace")
    buffer.seek(0)
    buffer.truncate()
    return content


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: an apostrophe stands before what looks like one."""
    if cell.startswith(_BEGINS_FORMULA) and not _PLAIN_NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def plain(cell: str) -> str:
    """Return what stood in a cell before it was made harmless, without spaces around it."""
    cell = cell.strip()
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _BEGINS_FORMULA else cell
