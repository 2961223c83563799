"""Units' years, read back from the totals of a run: direct counts, and of divisions their whole subtree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from operator import add
from uuid import UUID

from casework.domain.evaluation import AgencyCounts, ProviderCounts, SchoolCounts, UnitYear, month_ends
from casework.domain.household_year import DECIDING
from casework.domain.ids import REGISTRY
from casework.domain.metrics import Counts
from casework.domain.registry import Registry
from casework.domain.units import DIVISIONS, Unit
from casework.domain.year_places import BITS, Trained
from casework.log.reading import Db
from casework.projections.facts import registry_at
from casework.projections.month_totals import NO_MONTHS, Sums, add_all, join
from casework.projections.months import MonthRun, stored_totals

PROVIDER, SCHOOL = "training_provider", "school"

Successor = Callable[[UUID], UUID]
"""The unit that answers for what one decided or taught: itself, or the one that it had become part of."""


def registry_of(db: Db, run: MonthRun) -> Registry:
    """Return the registry at a run's cut."""
    return registry_at(db, run.cut[REGISTRY])


def sums_of(db: Db, run: MonthRun) -> Sums:
    """Return what the partitions of a run come to together; LookupError where one is not counted yet."""
    sums = Sums()
    for totals in stored_totals(db, run.id):
        sums.add(totals)
    return sums


def unit_years(sums: Sums, registry: Registry, year: int) -> dict[UUID, UnitYear]:
    """Return the year of every registered unit, and of every other that something was counted for.

    ``registry`` is that of the run's cut: a division's months are those of the communities that made it up at each
    month end (RULES U1), and what is counted by events counts for the unit that one had become part of by the last.
    """
    months = _rolled_up(sums, registry, year)
    now = partial(successor_of, registry, month_ends(year)[-1])
    agencies, schools, providers = _agencies(sums, now), _schools(sums, now), _providers(sums, now)
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


def years_as_now(sums: Sums, registry: Registry, year: int, divisions: Iterable[UUID]) -> dict[UUID, UnitYear]:
    """Return the year of some divisions as the newest boundaries add it up."""
    return {unit: UnitYear(_months_as_now(sums, registry, unit, year)) for unit in divisions}


def _months_as_now(sums: Sums, registry: Registry, unit: UUID, year: int) -> tuple[Counts, ...]:
    days, months, units = month_ends(year), list(NO_MONTHS), registry.units
    for community in registry.counted(unit, days[-1], "now"):  # the newest tree is one: who had begun counts ever after
        for month, counts in enumerate(sums.months_of(community) if community in sums.changes else ()):
            if units[community].has_begun(days[month]):
                months[month] = tuple(map(add, months[month], counts))
    return tuple(months)


def _rolled_up(sums: Sums, registry: Registry, year: int) -> dict[UUID, tuple[Counts, ...]]:
    """Each unit's months, added to those of the units that it counts in on each day."""
    found: dict[UUID, list[Counts]] = {}
    for unit in sums.changes:
        for month, (day, counts) in enumerate(zip(month_ends(year), sums.months_of(unit), strict=True)):
            for counted in counts_in(registry, unit, day) if any(counts) else ():
                months = found.setdefault(counted, list(NO_MONTHS))
                months[month] = tuple(map(add, months[month], counts))
    return {unit: tuple(months) for unit, months in found.items()}


def counts_in(registry: Registry, unit: UUID, day: date) -> list[UUID]:
    """Return the units whose totals of a day a unit's own are part of: :meth:`Tree.counted`, asked from below."""
    known = registry.units.get(unit)
    if known is None or known.registered is None:
        return [unit]
    is_division = known.registered.kind in DIVISIONS
    if not known.has_begun(day):
        return [] if is_division else [unit]
    if not is_division and known.merged_into is None:
        return [unit]
    above = (registry.units.get(each) for each in registry.ancestors(unit, day))
    return [unit, *(each.id for each in above if each is not None and _takes_in(each, day, is_division=is_division))]


def _takes_in(above: Unit, day: date, *, is_division: bool) -> bool:
    """Whether one adds up those below it: divisions communities, and any other those that were merged into it."""
    registered = above.registered
    return registered is not None and above.has_begun(day) and (is_division or registered.kind not in DIVISIONS)


def successor_of(registry: Registry, day: date, unit: UUID) -> UUID:
    """Return the unit that one had become part of by a day, or itself."""
    known = registry.units.get(unit)
    return unit if known is None else registry.successor(known, day).id


def _agencies(sums: Sums, now: Successor) -> dict[UUID, AgencyCounts]:
    """With the distinct episodes that were faulty; an older one may be, so that they are no more than were decided."""
    faulty = Counter(unit for unit, _ in {(now(unit), episode) for unit, episode in sums.faulted})
    found = {unit: AgencyCounts(*counts) for unit, counts in _joined(sums.agencies, now).items()}
    return {unit: counts._replace(faulted=min(faulty[unit], counts.episodes)) for unit, counts in found.items()}


def _schools(sums: Sums, now: Successor) -> dict[UUID, SchoolCounts]:
    return {school: SchoolCounts(*counts) for school, counts in _joined(sums.schools, now).items()}


def _joined(sums: Mapping[UUID, Sequence[int]], now: Successor) -> dict[UUID, list[int]]:
    found: dict[UUID, list[int]] = {}
    add_all(found, ((now(unit), list(counts)) for unit, counts in sums.items()))
    return found


def _providers(sums: Sums, now: Successor) -> dict[UUID, ProviderCounts]:
    people: Trained = {}
    for (provider, person), bits in sums.trained.items():
        join(people, {(now(provider), person): bits})
    of: dict[UUID, list[int]] = {}
    for (provider, _), bits in people.items():
        of.setdefault(provider, []).append(bits)
    return {provider: _people(all_bits) for provider, all_bits in of.items()}


def _people(all_bits: Sequence[int]) -> ProviderCounts:
    return ProviderCounts(**{name: sum(bool(bits & bit) for bits in all_bits) for name, bit in BITS.items()})
