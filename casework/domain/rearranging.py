"""Units rearranged: what a change of one unit asks of the others, and writes to them.

Each function decides a command of a unit against the whole registry. What it returns are the other units that the
command changes, with their events pending; nothing in the registry changes before these are in the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain.registry import Registry
from casework.domain.residence import By, refuse_if
from casework.domain.unit_events import UnitPart, unit_id
from casework.domain.units import Unit, is_below


class NewPart(NamedTuple):
    """A unit that a split makes: its code and names, what goes to it, or that it takes all that nobody else does."""

    code: str
    names: Mapping[str, Any]
    takes: Sequence[UUID] = ()
    takes_rest: bool = False


def register(registry: Registry, unit: Unit, by: By, *, registered_on: date, **particulars: Any) -> None:
    """Register a unit below those that are there; registering it again as it is changes nothing."""
    unit.register(by, registered_on=registered_on, **particulars)
    _check_place(registry, unit, registered_on)


def change_place(registry: Registry, unit: Unit, by: By, *, changed_on: date, **place: Any) -> None:
    """Let a unit stand elsewhere from a day on."""
    unit.change_place(by, changed_on=changed_on, **place)
    _check_place(registry, unit, changed_on)


def close(registry: Registry, unit: Unit, by: By, *, closed_on: date) -> None:
    """Close a unit below which nothing is left from the day on."""
    unit.close(by, closed_on=closed_on)
    refuse_if(unit.pending and registry.left_below(unit.id, closed_on), "units-left-below")


def split(
    registry: Registry, unit: Unit, by: By, *, split_on: date, parts: Sequence[NewPart], closes: bool
) -> tuple[Unit, ...]:
    """Make units of parts of one, in its own place and of its own kind; where it closes, nothing is left below it.

    The new units come last of those returned, in the order of the parts.
    """
    told = _parts(registry, unit.id, split_on, parts)
    unit.split(by, split_on=split_on, parts=told, closes=closes)
    taken = {each for part in told for each in part.takes}
    refuse_if(closes and registry.left_below(unit.id, split_on, taken), "units-left-below")
    moved = [_following(registry, by, each, split_on, unit.id, part.unit) for part in told for each in part.takes]
    return (*moved, *(_founded(registry, by, unit, part, split_on) for part in parts))


def merge(registry: Registry, unit: Unit, by: By, *, merged_on: date, into: UUID) -> tuple[Unit, ...]:
    """Make a unit part of another, to which all goes that stands below it; that other is the last one returned."""
    registry.check_above(unit.id, into, merged_on)
    target = _copied(registry, into)
    unit.merge_away(by, merged_on=merged_on, into=target)
    target.merge_in(by, merged_on=merged_on, other=unit.id)
    left = registry.left_below(unit.id, merged_on)
    return (*(_following(registry, by, each, merged_on, unit.id, into) for each in left), target)


def _check_place(registry: Registry, unit: Unit, on: date) -> None:
    place = unit.place(on)
    for above in (place.parent, place.managed_by) if unit.pending else ():
        if above is not None:
            registry.check_above(unit.id, above, on)
            refuse_if(not is_below(_kind(unit), _kind(registry.units[above])), "unit-rank")


def _kind(unit: Unit) -> str:
    assert unit.registered is not None
    return unit.registered.kind


def _following(registry: Registry, by: By, unit: UUID, on: date, old: UUID, new: UUID) -> Unit:
    known = _copied(registry, unit)
    known.follow(by, moved_on=on, old=old, new=new)
    return known


def _copied(registry: Registry, unit: UUID) -> Unit:
    """A unit of the registry to give a command to: who reads the registry does not see it change."""
    known = registry.units.get(unit)
    refuse_if(known is None or known.registered is None, "unit-unknown")
    return deepcopy(registry.units[unit])


def _parts(registry: Registry, unit: UUID, on: date, parts: Sequence[NewPart]) -> list[UnitPart]:
    """Which units go to which part; at most one takes those that no other does."""
    named = {each for part in parts for each in part.takes}
    rest = [part for part in parts if part.takes_rest]
    refuse_if(len(rest) > 1, "unit-part-twice")
    left = registry.left_below(unit, on, named) if rest else []
    return [UnitPart(unit_id(part.code), (*part.takes, *(left if part.takes_rest else ()))) for part in parts]


def _founded(registry: Registry, by: By, source: Unit, part: NewPart, on: date) -> Unit:
    """A unit of the kind and in the place of the one that it was part of."""
    refuse_if(registry.unit(part.code) is not None, "unit-registered")
    new, place = Unit(unit_id(part.code)), source.place(on)
    new.register(
        by,
        registered_on=on,
        code=part.code,
        kind=_kind(source),
        tier=source.registered and source.registered.tier,
        parent=place.parent,
        managed_by=place.managed_by,
        split_from=source.id,
        **part.names,
    )
    return new
