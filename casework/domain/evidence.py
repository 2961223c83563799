"""Evidence of a service: the fields that the catalogue knows, checked and brought into their stored form.

Stored evidence is plain JSON: codes and text as strings, dates as ``YYYY-MM-DD``, months as ``YYYY-MM``,
numbers, bools, and sorted lists of codes. None says that a value is withdrawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, Literal, TypeAlias

from casework.domain.calendar import first_of_month, month_of
from casework.domain.codes import Coded, Label, Row
from casework.errors import FieldError, Invalid, problems

EvidenceValue: TypeAlias = str | int | float | bool | list[str]
Evidence: TypeAlias = dict[str, str | int | float | bool | list[str] | None]

# An open code begins with a letter and holds no long number, so that neither a name nor an ID number fits in.
_OPEN_CODE = re.compile(r"(?!.*[0-9]{7})[A-Za-z][A-Za-z0-9_.-]{0,39}", re.ASCII)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_LONGEST_TEXT = 500
_MOST_CODES = 40
_YEARS = range(1900, 2200)


class _Wrong(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class EvidenceField(Row, frozen=True, kw_only=True, dict=True):
    """One field of a service's evidence: its type, bounds and codes, and whether it goes to the vault."""

    type: Literal["code", "codes", "number", "bool", "date", "month", "text"]
    label: Label
    required: bool = False
    vault: bool = False
    min: int = 0
    max: int = 1_000_000_000
    decimals: int = 0
    values: tuple[Coded, ...] | None = None

    @cached_property
    def codes(self) -> frozenset[str] | None:
        """The codes that may stand here; None where any well-formed code may."""
        return frozenset(value.code for value in self.values) if self.values else None

    def clean(self, value: object) -> EvidenceValue:
        """Return the value in its stored form, or raise the code of what is wrong with it."""
        if type(value) not in _TYPES[self.type]:
            raise _Wrong("evidence-type")
        try:
            return _CLEANERS[self.type](self, value)
        except ValueError as error:
            raise _Wrong("evidence-value") from error


def _clean_code(field: EvidenceField, value: str) -> str:
    known = value in field.codes if field.codes else _OPEN_CODE.fullmatch(value)
    if not known:
        raise ValueError
    return value


def _clean_codes(field: EvidenceField, value: Sequence[object]) -> list[str]:
    if len(value) > _MOST_CODES:
        raise ValueError
    if not all(isinstance(code, str) for code in value):
        raise ValueError
    return sorted({_clean_code(field, str(code)) for code in value})


def _clean_number(field: EvidenceField, value: int | float) -> int | float:
    if not field.min <= value <= field.max or round(value, field.decimals) != value:
        raise ValueError
    return int(value) if value == int(value) else value


def _clean_date(_: EvidenceField, value: str | date) -> str:
    day = date.fromisoformat(value) if isinstance(value, str) else value
    if day.year not in _YEARS or (isinstance(value, str) and day.isoformat() != value):
        raise ValueError
    return day.isoformat()


def _clean_month(_: EvidenceField, value: str) -> str:
    first = first_of_month(value)
    if first.year not in _YEARS or month_of(first) != value:
        raise ValueError
    return value


def _clean_text(_: EvidenceField, value: str) -> str:
    text = value.strip()
    if not 0 < len(text) <= _LONGEST_TEXT or _UNPRINTABLE.search(text):
        raise ValueError
    return text


def _clean_bool(_: EvidenceField, value: bool) -> bool:
    return value


_TYPES: dict[str, tuple[type, ...]] = {
    "code": (str,),
    "codes": (list, tuple),
    "number": (int, float),
    "bool": (bool,),
    "date": (str, date),
    "month": (str,),
    "text": (str,),
}
_CLEANERS: dict[str, Callable[[EvidenceField, Any], EvidenceValue]] = {
    "code": _clean_code,
    "codes": _clean_codes,
    "number": _clean_number,
    "bool": _clean_bool,
    "date": _clean_date,
    "month": _clean_month,
    "text": _clean_text,
}


def field_error(pointer: str, code: str) -> FieldError:
    """Return the error of one field, with the English sentence of its code as the hint."""
    return FieldError(pointer, code, problems()[code].detail["en"])


def _pointer(fields: Mapping[str, EvidenceField], name: str) -> str:
    """Where a field stands; a name that the catalogue does not have could say anything."""
    return f"/evidence/{name}" if name in fields else "/evidence"


def clean_evidence(fields: Mapping[str, EvidenceField], evidence: Mapping[str, object]) -> Evidence:
    """Return evidence in its stored form; Invalid names every field that is unknown, missing or wrong.

    A field left out is not looked at; None withdraws a value, which a required field cannot bear.
    """
    clean: Evidence = {}
    errors: list[FieldError] = []
    for name, value in evidence.items():
        try:
            clean[name] = _clean_field(fields.get(name), value)
        except _Wrong as wrong:
            errors.append(field_error(_pointer(fields, name), wrong.code))
    if errors:
        raise Invalid("evidence-invalid", errors=tuple(errors))
    return clean


def _clean_field(field: EvidenceField | None, value: object) -> EvidenceValue | None:
    if field is None:
        raise _Wrong("evidence-unknown")
    if value is None:
        if field.required:
            raise _Wrong("evidence-missing")
        return None
    return field.clean(value)
