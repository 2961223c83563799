"""Units' years, read back from the totals of a run: direct counts, and of divisions their whole subtree."""

from __future__ import annotations

from collections.abc import Mapping
from operator import add
from uuid import UUID

from casework.domain.evaluation import AgencyCounts, ProviderCounts, SchoolCounts, UnitYear, month_ends
from casework.domain.household_year import DECIDING
from casework.domain.ids import REGISTRY
from casework.domain.metrics import Counts
from casework.domain.registry import Registry
from casework.domain.year_places import BITS
from casework.log.reading import Db
from casework.projections.facts import registry_at
from casework.projections.month_totals import NO_MONTHS, Totals
from casework.projections.months import MonthRun, stored_totals

COMMUNITY, PROVIDER, SCHOOL = "community", "training_provider", "school"


def registry_of(db: Db, run: MonthRun) -> Registry:
    """Return the registry at a run's cut."""
    return registry_at(db, run.cut[REGISTRY])


def unit_years(db: Db, run: MonthRun, registry: Registry) -> dict[UUID, UnitYear]:
    """Return the year of every registered unit, and of every other that something was counted for.

    ``registry`` is that of the run's cut: a division's months are those of the communities that were below it in the
    administrative tree of each month end (RULES U1). LookupError where a partition of the run is not counted yet.
    """
    totals = Totals()
    for stored in stored_totals(db, run.id):
        totals.add_stored(stored)
    months = _rolled_up(totals, registry, run.year)
    agencies, schools, providers = _agencies(totals), _schools(totals), _providers(totals)
    kinds = {id: unit.registered.kind for id, unit in registry.units.items() if unit.registered is not None}
    years: dict[UUID, UnitYear] = {}
    for unit in kinds.keys() | months.keys() | agencies.keys() | schools.keys() | providers.keys():
        kind = kinds.get(unit)
        years[unit] = UnitYear(
            months.get(unit, NO_MONTHS),
            agencies.get(unit, AgencyCounts() if kind in DECIDING else None),
            providers.get(unit, ProviderCounts() if kind == PROVIDER else None),
            schools.get(unit, SchoolCounts() if kind == SCHOOL else None),
        )
    return years


def _rolled_up(totals: Totals, registry: Registry, year: int) -> dict[UUID, tuple[Counts, ...]]:
    months = {unit: totals.months_of(unit) for unit in totals.changes}
    ends = month_ends(year)
    above: dict[UUID, list[Counts]] = {}
    for community in [unit for unit in months if _is_community(registry, unit)]:
        for month, counts in enumerate(months[community]):
            if any(counts):
                for division in registry.ancestors(community, ends[month]):
                    sums = above.setdefault(division, list(NO_MONTHS))
                    sums[month] = tuple(map(add, sums[month], counts))
    for division, sums in above.items():
        own = months.get(division, NO_MONTHS)
        months[division] = tuple(tuple(map(add, *pair)) for pair in zip(own, sums, strict=True))
    return months


def _is_community(registry: Registry, unit: UUID) -> bool:
    known = registry.units.get(unit)
    return known is not None and known.registered is not None and known.registered.kind == COMMUNITY


def _agencies(totals: Totals) -> dict[UUID, AgencyCounts]:
    """With the distinct episodes that were faulty; an older one may be, so that they are no more than were decided."""
    faulty: dict[UUID, int] = {}
    for unit, _ in totals.faulted:
        faulty[unit] = faulty.get(unit, 0) + 1
    found = {unit: AgencyCounts(*counts) for unit, counts in totals.agencies.items()}
    return {unit: counts._replace(faulted=min(faulty.get(unit, 0), counts.episodes)) for unit, counts in found.items()}


def _providers(totals: Totals) -> dict[UUID, ProviderCounts]:
    people: dict[UUID, list[int]] = {}
    for (provider, _), bits in totals.trained.items():
        people.setdefault(provider, []).append(bits)
    return {provider: _people(all_bits) for provider, all_bits in people.items()}


def _people(all_bits: list[int]) -> ProviderCounts:
    numbers: Mapping[str, int] = {name: sum(bool(bits & bit) for bits in all_bits) for name, bit in BITS.items()}
    return ProviderCounts(**numbers)


def _schools(totals: Totals) -> dict[UUID, SchoolCounts]:
    return {school: SchoolCounts(*counts) for school, counts in totals.schools.items()}
