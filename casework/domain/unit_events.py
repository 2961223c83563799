"""What can happen to a unit, as the log tells it (RULES G14)."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from uuid import UUID, uuid5

import msgspec

from casework.domain.aggregate import Event, event_type

NAMESPACE = UUID("6f2b6c0e-3a51-5f0e-9d0a-0c9b4a7e2013")
"""Registry streams, and only they, have uuid5 ids in this namespace."""


@lru_cache(1 << 14)
def unit_id(code: str) -> UUID:
    """The id of a unit's stream: ``unit-410105`` and so on."""
    return uuid5(NAMESPACE, f"unit-{code}")


@event_type("unit.registered.v1")
class UnitRegistered(Event, frozen=True, kw_only=True):
    """A unit exists: a division, bureau, employer, school, agency or training provider."""

    occurred_on: date
    code: str
    kind: str
    name_zh: str
    name_en: str | None = None
    tier: str | None = None
    parent: UUID | None = None
    managed_by: UUID | None = None
    new_type_community: bool = False
    uscc: str | None = None
    split_from: UUID | None = None


@event_type("unit.fact-reported.v1")
class UnitFactReported(Event, frozen=True, kw_only=True):
    """A dated fact of a unit, in force from ``from`` to ``to``; ``items`` are those in place.

    The reference of its evidence is in the vault, and ``commitment`` says so; ``evidence`` is one that was told before.
    """

    occurred_on: date
    fact: str
    from_: date = msgspec.field(name="from")
    to: date | None = None
    items: tuple[str, ...] = ()
    evidence: str | None = None
    commitment: bytes | None = None


@event_type("unit.fact-voided.v1")
class UnitFactVoided(Event, frozen=True, kw_only=True):
    """The report of this version of the stream was wrong: it counts at no date (as RULES B3)."""

    occurred_on: date
    voids: int
    fact: str
    reason: str


@event_type("unit.parent-changed.v1")
class UnitParentChanged(Event, frozen=True, kw_only=True):
    """From this day the unit belongs, or answers, to another."""

    occurred_on: date
    parent: UUID | None = None
    managed_by: UUID | None = None


@event_type("unit.closed.v1")
class UnitClosed(Event, frozen=True, kw_only=True):
    """From this day the unit is no more."""

    occurred_on: date


class UnitPart(msgspec.Struct, frozen=True):
    """A unit that a split makes, and which units go to it."""

    unit: UUID
    takes: tuple[UUID, ...] = ()


@event_type("unit.split.v1")
class UnitSplit(Event, frozen=True, kw_only=True):
    """From this day parts of the unit are units of their own; where it ``closes``, it is no more."""

    occurred_on: date
    parts: tuple[UnitPart, ...]
    closes: bool = False


@event_type("unit.merged.v1")
class UnitMerged(Event, frozen=True, kw_only=True):
    """From this day the unit is part of another, and what stood below it stands below that one."""

    occurred_on: date
    into: UUID


@event_type("unit.merged-in.v1")
class UnitMergedIn(Event, frozen=True, kw_only=True):
    """From this day another unit is part of this one."""

    occurred_on: date
    from_unit: UUID


@event_type("unit.entry-voided.v1")
class UnitEntryVoided(Event, frozen=True, kw_only=True):
    """What this version of the stream says of the unit's place or end was wrong: it holds at no date (as RULES B3).

    ``units`` are the other units that it named. Where it registered the unit, the unit is there at no date.
    """

    occurred_on: date
    voids: int
    reason: str
    units: tuple[UUID, ...] = ()


UNIT_EVENTS = (
    UnitRegistered, UnitFactReported, UnitFactVoided, UnitParentChanged,
    UnitClosed, UnitSplit, UnitMerged, UnitMergedIn, UnitEntryVoided,
)  # fmt: skip


def named_units(event: Event) -> tuple[UUID, ...]:
    """Return the other units that an event of one names."""
    match event:
        case UnitRegistered(parent=parent, managed_by=manager) | UnitParentChanged(parent=parent, managed_by=manager):
            return tuple(each for each in (parent, manager) if each is not None)
        case UnitSplit(parts=parts):
            return tuple(each for part in parts for each in (*part.takes, part.unit))
        case UnitMerged(into=other) | UnitMergedIn(from_unit=other):
            return (other,)
        case UnitEntryVoided(units=units):
            return units
    return ()
