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
from casework.projections.month_totals import NO_MONTHS, Sums
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
    sums = Sums()
    for totals in stored_totals(db, run.id):
        sums.add(totals)
    months = _rolled_up(sums, registry, run.year)
    agencies, schools, providers = _agencies(sums), _schools(sums), _providers(sums)
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


def _rolled_up(sums: Sums, registry: Registry, year: int) -> dict[UUID, tuple[Counts, ...]]:
    """Each unit's months, those of communities also added to the divisions above them on each day."""
    months = {unit: sums.months_of(unit) for unit in sums.changes}
    ends = month_ends(year)
    above: dict[UUID, list[Counts]] = {}
    for community in [unit for unit in months if _is_community(registry, unit)]:
        for month, counts in enumerate(months[community]):
            for division in registry.ancestors(community, ends[month]) if any(counts) else ():
                subtree = above.setdefault(division, list(NO_MONTHS))
                subtree[month] = tuple(map(add, subtree[month], counts))
    for division, subtree in above.items():
        own = months.get(division, NO_MONTHS)
        months[division] = tuple(tuple(map(add, *pair)) for pair in zip(own, subtree, strict=True))
    return months


def _is_community(registry: Registry, unit: UUID) -> bool:
    known = registry.units.get(unit)
    return known is not None and known.registered is not None and known.registered.kind == COMMUNITY


def _agencies(sums: Sums) -> dict[UUID, AgencyCounts]:
    """With the distinct episodes that were faulty; an older one may be, so that they are no more than were decided."""
    faulty: dict[UUID, int] = {}
    for unit, _ in sums.faulted:
        faulty[unit] = faulty.get(unit, 0) + 1
    found = {unit: AgencyCounts(*counts) for unit, counts in sums.agencies.items()}
    return {unit: counts._replace(faulted=min(faulty.get(unit, 0), counts.episodes)) for unit, counts in found.items()}


def _providers(sums: Sums) -> dict[UUID, ProviderCounts]:
    people: dict[UUID, list[int]] = {}
    for (provider, _), bits in sums.trained.items():
        people.setdefault(provider, []).append(bits)
    return {provider: _people(all_bits) for provider, all_bits in people.items()}


def _people(all_bits: list[int]) -> ProviderCounts:
    numbers: Mapping[str, int] = {name: sum(bool(bits & bit) for bits in all_bits) for name, bit in BITS.items()}
    return ProviderCounts(**numbers)


def _schools(sums: Sums) -> dict[UUID, SchoolCounts]:
    return {school: SchoolCounts(*counts) for school, counts in sums.schools.items()}
