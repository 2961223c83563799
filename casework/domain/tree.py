"""The administrative tree by date: who stands above whom, and which communities make up a unit (RULES G14, U1).

Responsibility is a relation and not a prefix of codes: who manages a unit stands for its parent. Nothing is rewritten
when a boundary moves: households stay with their community, and the community stands elsewhere from that day on.
A community that was closed keeps its households until they move, and one that was merged stands below the other.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from datetime import date
from itertools import pairwise
from typing import Literal
from uuid import UUID

from casework.domain.residence import refuse_if
from casework.domain.unit_events import UnitMerged, UnitParentChanged, UnitRegistered
from casework.domain.units import DIVISIONS, Place, Unit

NOW = date.max
"""The day of the newest tree that is known: the last place of every unit holds on it."""

TreeOf = Literal["then", "now"]
"""Whose boundaries add up the communities of a past day: those of that day, or the newest ones."""


class Tree:
    """All units, and which of them ever stood below another."""

    def __init__(self) -> None:
        self.units: dict[UUID, Unit] = {}
        self.children: dict[UUID, set[UUID]] = {}

    def ancestors(self, unit: UUID, on: date) -> list[UUID]:
        """The units above, nearest first, in the administrative tree of a day; a manager stands for the parent."""
        above: list[UUID] = []
        current = self.units.get(unit)
        while current is not None and (up := _up(current, on)) is not None:
            if up == unit or up in above:
                break
            above.append(up)
            current = self.units.get(up)
        return above

    def below(self, unit: UUID, on: date) -> list[UUID]:
        """The units that stand directly below one in the administrative tree of a day, and are active on it."""
        return sorted(each for each in self._hanging(unit, on) if self.units[each].is_active(on))

    def subtree(self, unit: UUID, on: date) -> list[UUID]:
        """The communities that make up a division on a day, as it was; none for a unit that is no division.

        A community makes up itself, with those that were merged into it. What adds up to the total of a district on a
        day is what these communities had on that day: each belongs to exactly one district.
        """
        return self._communities(unit, on, on)

    def subtree_as_now(self, unit: UUID, on: date) -> list[UUID]:
        """The communities of a past day that would make up a division by the newest tree that is known.

        A division that a split made later has those that it took, also of the days before, so that the districts add up
        to the city by both trees. A community that was itself split stays whole: nobody recorded who lived where.
        """
        return self._communities(unit, on, NOW)

    def counted(self, unit: UUID, on: date, tree: TreeOf = "then") -> list[UUID]:
        """The units whose totals add up to a unit's: a division's communities; else itself and what it took in."""
        known = self.units.get(unit)
        if known is not None and known.registered is not None and known.registered.kind in DIVISIONS:
            return self._communities(unit, on, on if tree == "then" else NOW)
        return [unit, *self._walk(unit, on, on if tree == "then" else NOW, _is_merged)]

    def successor(self, unit: Unit, on: date) -> Unit:
        """The unit that counts for one on a day: itself, or the one that it was part of by then."""
        while unit.merged_into is not None and unit.has_begun(on) and not unit.is_active(on):
            unit = self.units[unit.merged_into]
        return unit

    def check_above(self, unit: UUID, above: UUID, on: date) -> None:
        """Refuse a place in the tree for a unit: the one above it must be there from the day on, and never below it."""
        upper = self.units.get(above)
        rings = unit == above or any(unit in self.ancestors(above, day) for day in (on, *self._days_after(on)))
        refuse_if(rings, "unit-above-itself")
        refuse_if(upper is None or upper.registered is None, "unit-unknown")
        refuse_if(upper is not None and not (upper.is_active(on) and upper.closed_on is None), "unit-not-active")

    def left_below(self, unit: UUID, on: date, besides: Container[UUID] = ()) -> list[UUID]:
        """The units for which one is the parent or manager on a day or later, besides some."""
        children = sorted(self.children.get(unit, ()))
        return [each for each in children if each not in besides and _belongs(self.units[each], unit, on)]

    def index_place(self, stream: UUID, event: object) -> None:
        """Note of which units one stands below by an event."""
        above: tuple[UUID | None, ...] = ()
        match event:
            case UnitRegistered() | UnitParentChanged():
                above = (event.parent, event.managed_by)
            case UnitMerged():
                above = (event.into,)
        for up in above:
            if up is not None:
                self.children.setdefault(up, set()).add(stream)

    def _communities(self, unit: UUID, on: date, tree: date) -> list[UUID]:
        known = self.units.get(unit)
        if known is None or not known.has_begun(tree):
            return []
        own = [unit] if _is_community(known) and known.has_begun(on) else []
        return sorted([*own, *self._walk(unit, on, tree, _is_community)])

    def _walk(self, unit: UUID, on: date, tree: date, wanted: Callable[[Unit], bool]) -> Iterator[UUID]:
        """The units below one in the tree of a day that had begun on another, and are wanted."""
        seen, waiting = {unit}, [unit]
        while waiting:
            for each in self._hanging(waiting.pop(), tree):
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
                    if wanted(self.units[each]) and self.units[each].has_begun(on):
                        yield each

    def _hanging(self, unit: UUID, on: date) -> list[UUID]:
        """The units that a day's tree has directly below one, closed or not."""
        return [each for each in self.children.get(unit, ()) if _up(self.units[each], on) == unit]

    def _days_after(self, on: date) -> set[date]:
        """The days after one on which a unit came to stand elsewhere."""
        return {place.on for unit in self.units.values() for place in unit.places if place.on > on}


def _up(unit: Unit, on: date) -> UUID | None:
    return unit.place(on).up if unit.places else None


def _is_community(unit: Unit) -> bool:
    return unit.registered is not None and unit.registered.kind == "community"


def _is_merged(unit: Unit) -> bool:
    return unit.merged_into is not None


def _belongs(unit: Unit, above: UUID, on: date) -> bool:
    """Whether a unit has another above it, as parent or manager, on a day of its life from a given one on."""
    ends = unit.closed_on or NOW
    return any(
        above in (place.parent, place.managed_by) and max(place.on, on) < min(following.on, ends)
        for place, following in pairwise([*unit.places, Place(NOW, None, None)])
    )
