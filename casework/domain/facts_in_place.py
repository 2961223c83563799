"""What units had in place over an evaluation year: their facts at its twelve month ends (RULES U6).

A fact that a unit carries itself is its own; one of communities is the mean of the units below, tier by tier, in the
tree of each day. What was not reported is not in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from casework.domain.calendar import month_ends
from casework.domain.codes import UnitFact, unit_facts
from casework.domain.registry import Registry, Unit, UnitFactReported, UnitRegistered
from casework.domain.scoring import Ratio

DIVISIONS = frozenset({"city", "district", "zone", "township", "community"})
SCHOOL_COVERAGE = "UF-SCHPOINT"

Share = Fraction | None
"""How much of a fact is in place, 0 to 1; None where there is nothing that should have it."""

NOTHING, WHOLE = Fraction(0), Fraction(1)


class SchoolCoverage(NamedTuple):
    """The plan's one numeric target, for a district: all of its new-type communities have a school (plan line 33).

    ``months`` counts them at the twelve month ends, covered out of all; a denominator of 0 is a district without any.
    """

    unit: UUID
    code: str
    months: tuple[Ratio, ...]

    @property
    def at_end(self) -> Ratio:
        """The count on 30 September."""
        return self.months[-1]

    @property
    def is_reached(self) -> bool | None:
        """Whether the target of 100 % was reached on 30 September; None without a new-type community."""
        return self.at_end.num == self.at_end.den if self.at_end.den else None


class FactYear:
    """The facts of units at the twelve month ends of an evaluation year."""

    def __init__(self, registry: Registry, year: int) -> None:
        self._registry = registry
        self._days = [_Day(registry, day) for day in month_ends(year)]

    def mean(self, unit: UUID, code: str) -> Share:
        """The mean over the twelve month ends; where something is averaged, over those that have something to average.

        None where there never was.
        """
        return _mean(day.share(unit, code) for day in self._days)

    def school_coverage(self) -> list[SchoolCoverage]:
        """The school coverage of every district and zone of 30 September, by code; communities counted, not averaged.

        The part of a metric averages townships first; a target of 100 % is reached in both at once.
        """
        last = self._days[-1]
        districts = [(unit, registered) for unit, registered in last.units() if registered.kind in ("district", "zone")]
        found = [
            SchoolCoverage(unit.id, registered.code, tuple(day.covered(unit.id) for day in self._days))
            for unit, registered in districts
        ]
        return sorted(found, key=lambda each: each.code)


class _Day:
    """The tree of divisions on a day, and what its units had in place."""

    def __init__(self, registry: Registry, day: date) -> None:
        self._registry, self._day = registry, day
        self._kept: dict[str, dict[UUID, Share]] = {}
        self._reports: dict[UUID, dict[str, UnitFactReported]] = {}

    @cached_property
    def _below(self) -> dict[UUID, list[UUID]]:
        """The divisions under each; kinds that carry all their facts themselves never ask."""
        below: dict[UUID, list[UUID]] = {}
        for unit, registered in self.units():
            if registered.kind in DIVISIONS:
                place = unit.place(self._day)
                above = place.managed_by or place.parent
                if above is not None:
                    below.setdefault(above, []).append(unit.id)
        return below

    def units(self) -> Iterator[tuple[Unit, UnitRegistered]]:
        """Every unit that exists on the day."""
        for unit in self._registry.units.values():
            if unit.registered is not None and unit.is_active(self._day):
                yield unit, unit.registered

    def share(self, unit: UUID, code: str) -> Share:
        """How much of a fact a unit has in place, or the units below it in the mean."""
        kept = self._kept.setdefault(code, {})
        if unit not in kept:
            kept[unit] = self._share(self._registry.units[unit], unit_facts()[code])
        return kept[unit]

    def covered(self, unit: UUID) -> Ratio:
        """How many new-type communities below a unit have a school, out of how many."""
        shares = [share for _, share in self._nodes(unit, unit_facts()[SCHOOL_COVERAGE]) if share is not None]
        return Ratio(sum(1 for share in shares if share), len(shares))

    def _share(self, unit: Unit, fact: UnitFact) -> Share:
        kind = unit.registered.kind if unit.registered else ""
        if kind in fact.counted_over_nodes:
            return _mean(share for _, share in self._nodes(unit.id, fact))
        if kind in fact.carriers:
            return self._own(unit, fact)
        return _mean(self.share(each, fact.code) for each in self._below.get(unit.id, ()))

    def _nodes(self, unit: UUID, fact: UnitFact) -> Iterator[tuple[UUID, Share]]:
        """A unit and all below it, each with what it has itself of a fact that it carries."""
        registered = self._registry.units[unit].registered
        if registered is not None and registered.kind in fact.carriers:
            yield unit, self._own(self._registry.units[unit], fact)
        for each in self._below.get(unit, ()):
            yield from self._nodes(each, fact)

    def _own(self, unit: Unit, fact: UnitFact) -> Share:
        """What a unit has itself."""
        if fact.of_new_type and not (unit.registered and unit.registered.new_type_community):
            return None
        report = self._in_force(unit).get(fact.code)
        if report is None:
            return NOTHING
        return Fraction(len(report.items), len(fact.items)) if fact.items else WHOLE

    def _in_force(self, unit: Unit) -> dict[str, UnitFactReported]:
        if unit.id not in self._reports:
            self._reports[unit.id] = {report.fact: report for report in unit.in_force(self._day).values()}
        return self._reports[unit.id]


def _mean(shares: Iterable[Share]) -> Share:
    found = [share for share in shares if share is not None]
    if not found:
        return None
    by_denominator: dict[int, int] = {}  # few differ, and adding whole numbers is cheap
    for share in found:
        by_denominator[share.denominator] = by_denominator.get(share.denominator, 0) + share.numerator
    return sum((Fraction(num, den) for den, num in by_denominator.items()), NOTHING) / len(found)
