"""Files as offices send them, and as nobody should."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest
from openpyxl import Workbook, load_workbook

from casework.bulk import sheets, templates
from casework.bulk.columns import KINDS, CellRefused, Layout, columns
from casework.bulk.sheets import FileRefused, harmless, plain, read, written

TEXT = "姓名,电话\r\n欧阳静,13800138000\r\n"


def workbook(*rows: list[object]) -> bytes:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def with_member(content: bytes, name: str, replaced: bytes) -> bytes:
    """A workbook in which one part is another."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, replaced if member == name else old.read(member))
    return made.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_file_reads_the_same_in_each_encoding_of_offices(encoding: str):
    assert list(read("csv", TEXT.encode(encoding))) == [["姓名", "电话"], ["欧阳静", "13800138000"]]


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode() + "司马长风,1\r\n".encode("gb18030"),
        "司马长风,1\r\n".encode("gb18030") + TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode("gb18030"),
        TEXT.encode("utf-16"),
        b"a,b\n\xff\xff\n",
    ],
)
def test_what_is_in_no_encoding_throughout_is_refused(content: bytes):
    with pytest.raises(FileRefused) as refused:
        list(read("csv", content))

    assert refused.value.code == "file-encoding"


@pytest.mark.parametrize("content", [b'"a', b'a,"b"c\n', b'"' + b"x" * 100_000])
def test_a_file_that_is_no_csv_is_refused(content: bytes):
    with pytest.raises(FileRefused):
        list(read("csv", content))


def test_where_a_file_breaks_off_in_the_middle_the_row_is_named():
    with pytest.raises(FileRefused) as refused:
        list(read("csv", b'a,b\n1,2\n3,"4\n'))

    assert (refused.value.code, refused.value.values) == ("file-malformed-at", {"row": 3})


def test_limits_are_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sheets, "MOST_ROWS", 2)

    assert len(list(read("csv", b"a\n1\n2\n"))) == 3
    for content, code in ((b"a\n1\n2\n3\n", "file-too-many-rows"), (b"a" * 4001, "file-cell-too-large")):
        with pytest.raises(FileRefused) as refused:
            list(read("csv", content))
        assert refused.value.code == code


def test_a_workbooks_cells_are_read_as_text():
    content = workbook(["a", "b", "c", "d"], ["410105199005170021", date(2013, 3, 1), 12.0, True], [None, "x"])

    assert list(read("xlsx", content)) == [
        ["a", "b", "c", "d"],
        ["410105199005170021", "2013-03-01", "12", "true"],
        ["", "x"],
    ]


def test_what_a_sheet_says_of_its_size_does_not_matter():
    content = workbook(["a", "b"], ["1", "2"], ["3", "4"])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    lying = with_member(content, "xl/worksheets/sheet1.xml", sheet.replace(b'ref="A1:B3"', b'ref="A1:A1"'))

    assert b'ref="A1:B3"' in sheet
    assert list(read("xlsx", lying)) == [["a", "b"], ["1", "2"], ["3", "4"]]


def test_a_cell_far_to_the_right_is_refused():
    book = Workbook()
    assert book.active is not None
    book.active["XFD2"] = 1
    content = io.BytesIO()
    book.save(content)

    with pytest.raises(FileRefused) as refused:
        list(read("xlsx", content.getvalue()))

    assert refused.value.code == "file-cell-too-large"


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sheets, "MOST_UNPACKED", 8 << 20)
    bomb = with_member(workbook(["a"]), "xl/worksheets/sheet1.xml", b" " * (9 << 20))

    with pytest.raises(FileRefused) as refused:
        next(read("xlsx", bomb))

    assert len(bomb) < 1 << 20
    assert refused.value.code == "file-too-large-unpacked"


def test_a_workbook_that_says_less_than_it_unpacks_to_is_refused():
    content = with_member(workbook(["a"]), "xl/worksheets/sheet1.xml", b"<x>" + b" " * (1 << 20))
    size = (1 << 20) + 3
    lying = content.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))

    with pytest.raises(FileRefused):
        list(read("xlsx", lying))

    assert lying != content


@pytest.mark.parametrize(
    "part",
    [
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        b"<worksheet><sheetData><row>",
        b"",
        b"\x00\xff",
    ],
)
def test_a_workbook_with_a_broken_or_sly_sheet_is_refused(part: bytes):
    with pytest.raises(FileRefused):
        list(read("xlsx", with_member(workbook(["a"]), "xl/worksheets/sheet1.xml", part)))


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"no zip at all", workbook(["a"])[:-200], TEXT.encode()])
def test_what_is_no_workbook_is_refused(content: bytes):
    with pytest.raises(FileRefused):
        list(read("xlsx", content))


@pytest.mark.parametrize("cell", ["=1+1", "+86 138", "-x", "@cmd", "\tx", "=HYPERLINK(1)"])
def test_what_looks_like_a_formula_is_made_harmless_and_read_again_as_it_was(cell: str):
    assert harmless(cell).startswith("'")
    [[again]] = read("csv", b"".join(written([[cell]])))
    assert again == f"'{cell}"
    assert plain(again) == cell


def test_a_number_is_no_formula():
    assert (harmless("-12.5"), harmless("12"), harmless("王芳")) == ("-12.5", "12", "王芳")


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_has_headings_codes_to_choose_and_text_cells(kind: str):
    book = load_workbook(io.BytesIO(templates.xlsx_template(kind)))
    data = book[templates.DATA]
    coded = [column for column in columns(kind) if column.codes]

    assert book.sheetnames == [templates.DATA, templates.ABOUT, templates.CODES]
    assert [cell.value.rstrip("*") for cell in data[1]] == [column.heading for column in columns(kind)]
    assert len(data.data_validations.dataValidation) == len(coded)
    assert {data.column_dimensions[cell.column_letter].number_format for cell in data[1]} == {"@"}


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_columns_share_a_name(kind: str):
    names = [name for column in columns(kind) for name in {column.name, column.heading}]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("2013-02-30", "field-date"),
        ("1-2-3", "field-date"),
        ("2013-03-01\x00", "text-unstorable"),
        ("\ud800", "text-unstorable"),
        ("9" * 300, "field-date"),
        ("", "field-missing"),
    ],
)
def test_a_cell_that_cannot_be_is_refused_by_its_column(cell: str, code: str):
    layout = Layout("services", ["service", "occurred_on"])

    with pytest.raises(CellRefused) as refused:
        layout.fields(["SSI-CARD", cell])

    assert (refused.value.code, refused.value.column) == (code, "occurred_on")


def test_a_date_is_read_as_spreadsheets_write_it():
    layout = Layout("services", ["服务*", "日期*"])

    for text in ("2013-03-01", "2013/3/1", "2013.3.1"):
        assert layout.fields(["社会保障卡", text]) == {"service": "SSI-CARD", "occurred_on": date(2013, 3, 1)}
