"""Instants and ids as people write them in a line."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import lru_cache
from uuid import UUID, uuid5

from casework.domain import registry
from casework.domain.calendar import SHANGHAI

END_OF_TIME = datetime.max.replace(tzinfo=UTC)
IDS = UUID("3b0a1a52-6c2b-5b1e-8a1f-2f6a6f3c2013")

Id = str | int
"""How a line writes an id: a UUID, or any text or number that stands for one."""


def instant(text: str) -> datetime:
    """Read an instant (without an offset it is UTC), or a date, which is the end of that day in Shanghai."""
    if len(text) == 10:
        return end_of_day(date.fromisoformat(text))
    at = datetime.fromisoformat(text.upper())
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def end_of_day(day: date) -> datetime:
    """Return the last instant of a day in Shanghai."""
    return datetime.combine(day, time.max, SHANGHAI)


@lru_cache(1 << 16)
def any_id(text: Id) -> UUID:
    """Let any text stand for an id: a UUID as it is, else one derived from the text."""
    return _as_uuid(str(text)) or uuid5(IDS, str(text))


@lru_cache(1 << 14)
def unit(text: Id) -> UUID:
    """Return a unit's id: a UUID as it is, else that of the unit with this code."""
    return _as_uuid(str(text)) or registry.unit_id(str(text))


def _as_uuid(text: str) -> UUID | None:
    if len(text) != 36:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None
