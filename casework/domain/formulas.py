"""The formulas of DOMAIN 8.6 as tables: what each part of a kind counts, and from where (RULES U1, U9 to U11).

A part is either a rate, which is shrunk, or a share that stands as it is. Which parts a kind has, and what they weigh,
is in the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from casework.domain.calendar import month_ends
from casework.domain.evaluation import AgencyCounts, ProviderCounts, SchoolCounts, UnitYear
from casework.domain.facts_in_place import FactYear, Share
from casework.domain.metrics import MEASURES, Tally, added
from casework.domain.registry import Registry, Unit
from casework.domain.scoring import Ratio

MONTHS = 12


class Entrant(NamedTuple):
    """A unit and its year: month ends added up, and what was counted by events (all 0 where nothing was)."""

    unit: Unit
    total: Tally
    agency: AgencyCounts
    provider: ProviderCounts
    school: SchoolCounts

    @classmethod
    def of(cls, unit: Unit, year: UnitYear | None) -> Entrant:
        """A unit's year; that of a unit nobody counted is empty."""
        known = year or UnitYear(())
        return cls(
            unit,
            Tally.of(added(known.months)),
            known.agency or AgencyCounts(),
            known.provider or ProviderCounts(),
            known.school or SchoolCounts(),
        )


class Rated(NamedTuple):
    """A rate's counts in a year, and how often one case stands in them: 12 times, or once (RULES U2, U4)."""

    per: int
    counts: Callable[[Entrant], Ratio]


def _monthly(measure: str) -> Rated:
    place = MEASURES.index(measure)
    return Rated(MONTHS, lambda each: Ratio(each.total.num[place], each.total.den[place]))


def _yearly(counts: Callable[[Entrant], tuple[int, int]]) -> Rated:
    """Counts of events, whose numerator is kept within the denominator: a fault may be of an earlier year's episode."""

    def within(entrant: Entrant) -> Ratio:
        num, den = counts(entrant)
        return Ratio(min(max(num, 0), den), den)

    return Rated(1, within)


RATES: Mapping[str, Rated] = {
    **{measure: _monthly(measure) for measure in MEASURES},
    "contract": _monthly("WRK1"),
    "insurance": _monthly("K03B"),
    "training": _monthly("K03D"),
    "in_time": _yearly(lambda each: (each.agency.decided_in_time, each.agency.decided + each.agency.overdue)),
    "one_stop": _yearly(lambda each: (each.agency.ended_direct, each.agency.ended)),
    "referrals_in_time": _yearly(lambda each: (each.agency.answered_in_time, each.agency.referrals_due)),
    "without_fault": _yearly(lambda each: (each.agency.episodes - each.agency.faulted, each.agency.episodes)),
    "completed": _yearly(lambda each: (each.provider.completed, each.provider.enrolled)),
    "certified": _yearly(lambda each: (each.provider.certified, each.provider.completers)),
    "employed": _yearly(lambda each: (each.provider.employed, each.provider.unemployed_at_entry)),
    "with_need": _yearly(lambda each: (each.provider.with_need, each.provider.trainees)),
    "admitted": _yearly(lambda each: (each.school.admitted, each.school.applicants)),
    "fee_free": _monthly("SCH3"),  # the record counts free, equal and mixed as one (RULES U1), so both parts are it
    "mixed_class": _monthly("SCH3"),
    "kept": _yearly(lambda each: (each.school.kept, each.school.pupils_a_year_ago)),
}
"""The rates that units are measured by: every measure of the month ends, and parts of kinds by their names."""


class Surroundings(NamedTuple):
    """What a unit's shares are read from, besides its own year."""

    years: Mapping[UUID, UnitYear]
    registry: Registry
    facts: FactYear
    year: int


def _collective(entrant: Entrant, around: Surroundings) -> Share:
    return around.facts.mean(entrant.unit.id, "UF-COLL")


def _standard(entrant: Entrant, around: Surroundings) -> Share:
    return around.facts.mean(entrant.unit.id, "UF-SCHSTD")


def _reach(entrant: Entrant, around: Surroundings) -> Share:
    """Households served out of those of the agency's area, which is all below who administers it at each month end."""
    area = Fraction(0)
    for place, day in enumerate(month_ends(around.year)):
        above = around.registry.ancestors(entrant.unit.id, day)[:1]
        months = around.years[above[0]].months if above and above[0] in around.years else ()
        area += Fraction(Tally.of(months[place]).households, MONTHS) if months else 0
    return min(Fraction(1), entrant.agency.served / area) if area else None


SHARES: Mapping[str, Callable[[Entrant, Surroundings], Share]] = {
    "collective": _collective,
    "reach": _reach,
    "standard": _standard,
}
"""The parts that are no rate and are not shrunk, by their names (RULES U4)."""

SIZES: Mapping[str, Callable[[Entrant], Fraction]] = {
    "households": lambda each: Fraction(each.total.households, MONTHS),
    "employees": lambda each: Fraction(each.total.employees, MONTHS),
    "pupils": lambda each: Fraction(each.total.pupils, MONTHS),
    "episodes": lambda each: Fraction(each.agency.episodes),
    "completers": lambda each: Fraction(each.provider.completers),
}
"""What a kind's units are measured by, by its ``size_of`` (RULES U7)."""
