"""Units rearranged: what a change of one unit asks of the others, and writes to them.

Each function decides a command of a unit against the whole registry. What it returns are the other units that the
command changes, with their events pending; nothing in the registry changes before these are in the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain.registry import Registry
from casework.domain.residence import By, refuse_if
from casework.domain.tree import Tree
from casework.domain.unit_events import (
    UnitClosed,
    UnitMerged,
    UnitMergedIn,
    UnitParentChanged,
    UnitPart,
    UnitRegistered,
    UnitSplit,
    named_units,
    unit_id,
)
from casework.domain.units import Unit, check_recent, is_below
from casework.errors import Refused


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


def undo(registry: Registry, unit: Unit, by: By, *, voids: int, reason: str) -> tuple[Unit, ...]:
    """Take a closing, a merger or a split back, as if it had never been; return the other units that it changed.

    What was arranged of any of them since, and what was told of a unit that the split made, must be taken back first.
    The one that took the unit in, or the last part of it, is the last one returned.
    """
    entry = unit.arranged.get(voids)
    if not isinstance(entry, UnitClosed | UnitMerged | UnitSplit):
        raise Refused("unit-entry-unknown")
    check_recent(by, entry.occurred_on)
    others = list(_undone_beside(registry, by, unit, entry, reason))
    _void_last(unit, by, voids, reason)
    _check_tree(registry, [unit, *others], entry.occurred_on)
    return tuple(others)


def _undone_beside(
    registry: Registry, by: By, unit: Unit, entry: UnitClosed | UnitMerged | UnitSplit, reason: str
) -> Iterator[Unit]:
    """The other units that changed with an entry, with what it was to them taken back."""
    match entry:
        case UnitMerged(occurred_on=on, into=into):
            for each in sorted(registry.children.get(into, ())):
                if (version := _followed(registry.units[each], on, unit.id, into)) is not None:
                    yield _void_last(_copied(registry, each), by, version, reason)
            target = _copied(registry, into)
            told = UnitMergedIn(occurred_on=on, from_unit=unit.id)
            target.void_entry(by, voids=next(v for v, e in target.arranged.items() if e == told), reason=reason)
            yield target
        case UnitSplit(occurred_on=on, parts=parts):
            for part in parts:
                refuse_if(registry.left_below(part.unit, on, part.takes), "units-left-below")
                for each in part.takes:
                    version = _followed(registry.units[each], on, unit.id, part.unit)
                    refuse_if(version is None, "unit-moved-since")
                    yield _void_last(_copied(registry, each), by, version or 0, reason)
            for part in parts:
                made = _copied(registry, part.unit)
                refuse_if(made.reports, "unit-used-since")
                yield _void_last(made, by, next(iter(made.arranged)), reason)


def _void_last(unit: Unit, by: By, version: int, reason: str) -> Unit:
    """Void an entry after which nothing else was arranged of the unit."""
    refuse_if(version in unit.arranged and version != max(unit.arranged), "unit-moved-since")
    unit.void_entry(by, voids=version, reason=reason)
    return unit


def _followed(unit: Unit, on: date, old: UUID, new: UUID) -> int | None:
    """The entry by which a unit came to stand below one where it stood below another, from a day on."""
    above: tuple[UUID, ...] = ()
    for version, entry in unit.arranged.items():
        before, above = above, named_units(entry) if isinstance(entry, UnitRegistered | UnitParentChanged) else above
        if isinstance(entry, UnitParentChanged) and entry.occurred_on == on and old in before and new in above:
            return version
    return None


def _check_tree(registry: Registry, changed: Sequence[Unit], on: date) -> None:
    """Refuse a tree in which what was changed stands above itself, or below what is no more."""
    tree = Tree()
    tree.units, tree.children = {**registry.units, **{unit.id: unit for unit in changed}}, registry.children
    for unit in changed:
        place = unit.place(on)
        for above in (place.parent, place.managed_by) if unit.closed_on is None else ():
            if above is not None:
                tree.check_above(unit.id, above, on)


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
    known = registry.unit(part.code)
    refuse_if(known is not None and not known.is_void, "unit-registered")
    new, place = deepcopy(known) or Unit(unit_id(part.code)), source.place(on)
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
