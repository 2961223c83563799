"""The fields that requests are made of: strict, bounded, and refused by a code of the catalogue of problems."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from marshmallow import fields, validate

from casework.domain import codes, registry
from casework.privacy.id_number import names_somebody

YEARS = range(1900, 2200)
"""Dates outside of these are mistyped; all arithmetic on those inside stays within the calendar."""

LONGEST_LIST = 100

_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
UNIT_CODE = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_POSITION = "([0-9]|[1-5][0-9]|6[0-4]):[0-9]{1,18}"
POSITIONS = f"{_POSITION}(,{_POSITION}){{0,7}}"
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]")


class Body(ma.Schema):
    """A body or a part of one: an unknown field is refused, and so is anything that is not an object."""


class Query(ma.Schema):
    """Parameters of a URL: an unknown one is refused, never taken for "all"."""


class Text(fields.String):
    """A text of some length, without control characters; blank counts as absent."""

    def __init__(self, longest: int = 200, *, pattern: str | None = None, **kwargs: Any) -> None:
        checks: list[Callable[[str], Any]] = [validate.Length(1, longest, error="field-length")]
        if pattern is not None:
            checks.append(validate.Regexp(f"^(?:{pattern})$", re.ASCII, error="field-value"))
        super().__init__(validate=checks, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        if _CONTROL.search(text) or not text.strip():
            raise ma.ValidationError("field-value")
        return text.strip()


class Plain(Text):
    """A text that is kept in clear, so no ID number and no mobile phone's may stand in it."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        if names_somebody(text):
            raise ma.ValidationError("field-personal")
        return text


class Code(fields.String):
    """One of some codes, named as a list of the catalogue or given outright."""

    def __init__(self, of: str | Iterable[str], **kwargs: Any) -> None:
        known = [row.code for row in codes.codes(of)] if isinstance(of, str) else list(of)
        super().__init__(validate=validate.OneOf(known, error="unknown-code"), **kwargs)


class Day(fields.Date):
    """A Shanghai date, ``YYYY-MM-DD``."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> date:
        if not isinstance(value, str):
            raise ma.ValidationError("field-type")
        try:
            day = date.fromisoformat(value) if _DAY.fullmatch(value) else None
        except ValueError:
            day = None
        if day is None or day.year not in YEARS:
            raise ma.ValidationError("field-date")
        return day


class Instant(fields.AwareDateTime):
    """An instant with its offset (RFC 3339)."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        # A plus sign that was not escaped in a URL arrives as a space.
        text = value.replace(" ", "+") if isinstance(value, str) else ""
        try:
            instant = datetime.fromisoformat(text) if _INSTANT.fullmatch(text) else None
        except ValueError:
            instant = None
        if instant is None or instant.year not in YEARS:
            raise ma.ValidationError("field-instant")
        return instant.astimezone(UTC)


class Id(fields.UUID):
    """An opaque id."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> UUID:
        if not isinstance(value, str) or not _UUID.fullmatch(value):
            raise ma.ValidationError("field-id")
        return UUID(value)


class NewId(Id):
    """An id that the caller chooses for what is created: a UUIDv7, or a v8 derived from a key of theirs."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> UUID:
        chosen = super()._deserialize(value, *args, **kwargs)
        if chosen.version not in (7, 8):
            raise ma.ValidationError("field-id")
        return chosen


class UnitRef(fields.String):
    """A unit, by its id or by its code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=unit_from, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> UUID:  # type: ignore[override]
        text = super()._deserialize(value, *args, **kwargs)
        return unit_from(text)

    def _validate(self, value: Any) -> None:
        """The value was checked when it was read."""


def unit_from(text: str) -> UUID:
    """Return the id of the unit that an id or a code names."""
    if _UUID.fullmatch(text):
        return UUID(text)
    if not re.fullmatch(UNIT_CODE, text, re.ASCII):
        raise ma.ValidationError("field-value")
    return registry.unit_id(text)


class Flag(fields.Boolean):
    """``true`` or ``false``, and nothing that only looks like it."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if value is True or value is False:
            return value
        raise ma.ValidationError("field-type")


class QueryFlag(fields.Boolean):
    """``true`` or ``false`` in a URL."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if value in ("true", "false"):
            return bool(value == "true")
        raise ma.ValidationError("field-value")


class Whole(fields.Integer):
    """A whole number within bounds."""

    def __init__(self, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(least, most, error="field-value"), strict=True, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if type(value) is not int:
            raise ma.ValidationError("field-type")
        return value


class QueryWhole(Whole):
    """A whole number within bounds in a URL."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if not re.fullmatch("[0-9]{1,9}", str(value), re.ASCII):
            raise ma.ValidationError("field-value")
        return int(value)


class Several(fields.List[Any]):
    """A list of some things."""

    def __init__(self, inner: Any, least: int = 0, most: int = LONGEST_LIST, **kwargs: Any) -> None:
        super().__init__(inner, validate=validate.Length(least, most, error="field-length"), **kwargs)


class Part(fields.Nested):
    """An object inside of a body."""


class Open(fields.Dict):
    """An object whose fields the catalogue of services knows: what it holds is checked by the service's row."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(keys=fields.String(), validate=validate.Length(max=60, error="field-length"), **kwargs)


class Anything(fields.Raw):
    """Any value; what it may be is checked where its meaning is known."""
