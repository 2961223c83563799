"""The columns that a file of each kind may have, and what their cells mean.

A column is named by its field or by its Chinese heading. A cell that is empty says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from casework.bulk.sheets import FileRefused, Row, is_storable, plain
from casework.domain import catalogue, codes, registry
from casework.domain.evidence import EvidenceField
from casework.privacy.id_number import names_somebody

YEARS = range(1900, 2200)
RESULT = ("row_status", "error_code", "error")
"""What a result file adds; sent back, it is passed over."""

Fields = dict[str, Any]
Read = Callable[[str], Any]


class CellRefused(Exception):
    """A cell does not hold what its column means; ``code`` is a problem's."""

    def __init__(self, code: str, column: str) -> None:
        super().__init__(code)
        self.code = code
        self.column = column


class Column(NamedTuple):
    """A column: its name, its Chinese heading, how its cells are read, and which codes may stand in them."""

    name: str
    heading: str
    read: Read
    required: bool = False
    codes: tuple[codes.Coded, ...] = ()
    about: str = ""


class Wrong(ValueError):
    """What a cell's reader says; its text is a problem's code."""


_DAY = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})", re.ASCII)
_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_UNIT = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_REF = re.compile("[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}", re.ASCII)
_DIVISION = re.compile("[0-9]{6}([0-9]{3}){0,2}", re.ASCII)
_COMMUNITY = re.compile("[0-9]{12}", re.ASCII)
_MONTH = re.compile("([0-9]{4})[-/.]?([0-9]{1,2})", re.ASCII)
_FLAGS = {"true": True, "是": True, "yes": True, "1": True, "false": False, "否": False, "no": False, "0": False}


def day(text: str) -> date:
    """Read ``2013-03-01``, also with slashes, dots or without zeros."""
    found = _DAY.fullmatch(text)
    try:
        read = date(int(found[1]), int(found[3]), int(found[4])) if found else None
    except ValueError:
        read = None
    if read is None or read.year not in YEARS:
        raise Wrong("field-date")
    return read


def month(text: str) -> str:
    """Read ``2013-03``; of a day, its month."""
    found = _MONTH.fullmatch(text)
    if found and 1 <= int(found[2]) <= 12 and int(found[1]) in YEARS:
        return f"{found[1]}-{int(found[2]):02d}"
    return day(text).isoformat()[:7]


def flag(text: str) -> bool:
    """Read yes or no, in Chinese, English or digits."""
    try:
        return _FLAGS[text.lower()]
    except KeyError:
        raise Wrong("field-value") from None


def identifier(text: str) -> UUID:
    """Read an opaque id."""
    if not _UUID.fullmatch(text):
        raise Wrong("field-id")
    return UUID(text)


def unit(text: str) -> UUID:
    """Read a unit, by its id or its code."""
    return UUID(text) if _UUID.fullmatch(text) else registry.unit_id(matching(_UNIT)(text))


def number(text: str) -> int | float:
    """Read a number."""
    try:
        return int(text) if re.fullmatch("-?[0-9]{1,15}", text, re.ASCII) else float(text[:30])
    except ValueError:
        raise Wrong("field-value") from None


def words(longest: int) -> Read:
    """Return a reader of text of some length; it goes to the vault."""

    def read(text: str) -> str:
        if len(text) > longest:
            raise Wrong("field-length")
        return text

    return read


def matching(pattern: re.Pattern[str]) -> Read:
    """Return a reader of what matches a pattern and names nobody, since it is kept in clear."""

    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise Wrong("field-value")
        if names_somebody(text):
            raise Wrong("field-personal")
        return text

    return read


def code(listed: Sequence[codes.Coded]) -> Read:
    """Return a reader of one of some codes, given as itself or by its label."""
    known = {name: row.code for row in listed for name in (row.label.zh, row.label.en, row.code)}

    def read(text: str) -> str:
        try:
            return known[text]
        except KeyError:
            raise Wrong("unknown-code") from None

    return read


def coded(name: str, heading: str, listed: Sequence[codes.Coded], *, required: bool = False) -> Column:
    """Return a column of codes."""
    return Column(name, heading, code(listed), required, tuple(listed))


REF = Column("source_ref", "来源编号", matching(_REF), about="同一编号只计一次，撤销后可重新使用；留空则由系统编号")
WHICH_HOUSEHOLD = (
    Column("household_id", "家庭编号", identifier),
    Column("household_id_number", "家庭成员身份证号", words(20), about="该家庭中任一在册成员的身份证号"),
)
WHOSE = (
    Column("household_id", "家庭编号", identifier),
    Column("person_id", "人员编号", identifier),
    Column("id_number", "身份证号", words(20), about="受益人（家庭服务填任一成员）的身份证号"),
)
REMARK = Column("remark", "备注", words(2000))


def _person() -> tuple[Column, ...]:
    return (
        Column("name", "姓名", words(100), required=True),
        coded("sex", "性别", codes.codes("sexes"), required=True),
        Column("born_on", "出生日期", day, required=True),
        Column("id_number", "身份证号", words(20)),
        Column("phone", "电话", words(40)),
        Column("address", "住址", words(300)),
        Column("migrant", "流动人口", flag, required=True),
        Column("resident_since", "来郑日期", day),
        Column("hukou_division", "户籍地代码", matching(_DIVISION)),
        coded("hukou_kind", "户口性质", codes.codes("hukou_kinds")),
        coded("education", "文化程度", codes.codes("education_levels")),
        coded("marital", "婚姻状况", codes.codes("marital_states")),
    )


def _services() -> tuple[Column, ...]:
    offered = [codes.Coded(code=row.code, label=row.label) for row in catalogue.services().values()]
    bureaus = [codes.Coded(code=row.code, label=row.label) for row in codes.bureaus()]
    return (
        REF,
        *WHOSE,
        coded("service", "服务", offered, required=True),
        Column("occurred_on", "日期", day, required=True, about="提供或批准的日期"),
        Column("unit", "承办单位", unit, about="单位代码"),
        Column("valid_from", "有效期起", day),
        Column("valid_to", "有效期止", day),
        coded("decided_by", "批准部门", bureaus),
        coded("override_reason", "例外理由", codes.codes("override_reasons")),
        REMARK,
        *_evidence_columns(),
    )


def _evidence_columns() -> Iterator[Column]:
    named: dict[str, EvidenceField] = {}
    for service in catalogue.services().values():
        for name, field in service.evidence.items():
            named.setdefault(name, field)
    for name, field in named.items():
        yield Column(f"evidence.{name}", f"凭据·{field.label.zh}", words(500), about=f"仅限有此凭据的服务（{name}）")


def _insurances() -> tuple[Column, ...]:
    insured = [row for row in catalogue.services().values() if "paid_through" in row.evidence]
    offered = [codes.Coded(code=row.code, label=row.label) for row in insured]
    schemes = insured[0].evidence["scheme"].values or ()
    return (
        REF,
        *WHOSE,
        coded("service", "险种", offered, required=True),
        coded("scheme", "参保类别", schemes, required=True),
        Column("unit", "用人单位", unit, about="单位代码；职工参保时填写"),
        Column("occurred_on", "登记日期", day, required=True, about="参保或缴费登记的日期"),
        Column("paid_through", "缴费至", month, required=True, about="年-月"),
    )


def _employments() -> tuple[Column, ...]:
    return (
        REF,
        *WHOSE,
        coded("kind", "就业形式", codes.codes("employment_kinds"), required=True),
        Column("unit", "用人单位", unit, about="单位代码"),
        Column("from", "开始日期", day, required=True),
        Column("occurred_on", "登记日期", day, about="留空则为今天"),
    )


def _households() -> tuple[Column, ...]:
    return (
        REF,
        Column("community", "社区", matching(_COMMUNITY), required=True, about="12 位代码"),
        Column("arrived_on", "到郑日期", day, required=True),
        Column("origin_division", "来源地代码", matching(_DIVISION)),
        *_person(),
    )


def _members() -> tuple[Column, ...]:
    return (
        REF,
        *WHICH_HOUSEHOLD,
        Column("joined_on", "加入日期", day, required=True),
        coded("relation", "与户主关系", codes.codes("relations"), required=True),
        *_person(),
    )


_MADE: Mapping[str, Callable[[], tuple[Column, ...]]] = {
    "services": _services,
    "insurances": _insurances,
    "employments": _employments,
    "households": _households,
    "members": _members,
}
KINDS = tuple(_MADE)
"""What can be imported."""

HEADINGS = {
    "services": "服务记录",
    "insurances": "社会保险",
    "employments": "就业登记",
    "households": "家庭登记",
    "members": "家庭成员",
}


@cache
def columns(kind: str) -> tuple[Column, ...]:
    """Return the columns of a kind of file, as its template has them."""
    return _MADE[kind]()


class Layout:
    """Which column stands where in one file."""

    def __init__(self, kind: str, header: Row) -> None:
        """Read the first row; FileRefused where a column is unknown, there twice or missing."""
        known = {name: column for column in columns(kind) for name in (column.name, column.heading)}
        self.places: list[tuple[int, Column]] = []
        for place, cell in enumerate(header):
            name = plain(cell).removesuffix("*").strip()
            if name in RESULT or not name:
                continue
            if name not in known:
                raise FileRefused("file-column-unknown", number=place + 1)
            self.places.append((place, known[name]))
        self.width = len(header)
        there = [column.name for _, column in self.places]
        if len(set(there)) < len(there):
            raise FileRefused("file-column-twice")
        for column in columns(kind):
            if column.required and column.name not in there:
                raise FileRefused("file-column-missing", column=column.name)

    def fields(self, row: Row) -> Fields:
        """Return what a row's cells say; CellRefused names the first column that is wrong."""
        read: Fields = {}
        for place, column in self.places:
            cell = plain(row[place]) if place < len(row) else ""
            if cell:
                read[column.name] = _read(column, cell)
            elif column.required:
                raise CellRefused("field-missing", column.name)
        if any(plain(cell) for cell in row[self.width :]):
            raise CellRefused("row-too-long", "")
        return read


def _read(column: Column, cell: str) -> Any:
    try:
        if not is_storable(cell):
            raise Wrong("text-unstorable")
        return column.read(cell)
    except Wrong as wrong:
        raise CellRefused(str(wrong), column.name) from None


def evidence_of(service: str, fields: Fields) -> Fields:
    """Take a service's evidence out of a row's fields, each value of its own type."""
    row = catalogue.services()[service]
    evidence: Fields = {}
    for column in [name for name in fields if name.startswith("evidence.")]:
        name = column.removeprefix("evidence.")
        field = row.evidence.get(name)
        if field is None:
            raise CellRefused("evidence-unknown", column)
        try:
            evidence[name] = _EVIDENCE[field.type](field, fields.pop(column))
        except Wrong:
            raise CellRefused("evidence-value", column) from None
    return evidence


def _several(field: EvidenceField, text: str) -> list[str]:
    return [_one(field, part.strip()) for part in re.split("[;；、,，]", text) if part.strip()]


def _one(field: EvidenceField, text: str) -> str:
    return str(code(field.values)(text)) if field.values else text


_EVIDENCE: Mapping[str, Callable[[EvidenceField, str], Any]] = {
    "code": _one,
    "codes": _several,
    "number": lambda field, text: number(text),
    "bool": lambda field, text: flag(text),
    "date": lambda field, text: day(text).isoformat(),
    "month": lambda field, text: month(text),
    "text": lambda field, text: text,
}
