"""The events between two cuts that make units' counts differ, named one by one (DESIGN section 7: an appeal).

What differs is taken in two steps that add up. The registry goes first: households as they were at the older cut are
counted under the newer registry. Then their own events follow, and each is responsible for what the household adds
otherwise after it. So a household's event is named only where that very event changed what the unit is made of. What
counts differ by beside all of these is the registry's, and its events are named where they can have done it.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from casework.domain.aggregate import Event
from casework.domain.calendar import month_ends
from casework.domain.contributions import feed_of
from casework.domain.evaluation import AgencyCounts, SchoolCounts, UnitYear
from casework.domain.household_year import DECIDING, HouseholdYear, YearCounter
from casework.domain.ids import PARTITIONS, REGISTRY
from casework.domain.metrics import MEASURED_LEVELS, MEASURES, NOTHING, WIDTH
from casework.domain.registry import COLLECTIVE_CONTRACT, FeedClosed, Registry, UnitFactReported, UnitFactVoided
from casework.domain.unit_events import UNIT_EVENTS, named_units
from casework.domain.year_events import ACTING, Decided
from casework.domain.year_places import BITS
from casework.log import reading
from casework.log.reading import DatedStream, Db, SignedStream, Stream, Stretch
from casework.projections.computing import codec, folded
from casework.projections.months import MonthRun, acting_at, count_household, counter_of
from casework.projections.unit_years import counts_in, registry_of, successor_of, sums_of, unit_years

AT_ONCE = 200
MONTHS = 12

COMPLETENESS, AREA, PLACE = "completeness", "area", "place"
NAMES = (
    *("households", "employees", "pupils"),
    *[COMPLETENESS] * (2 * len(MEASURED_LEVELS)),
    *MEASURES,
    *MEASURES,
)
"""What the places of a unit's counts of a month are called."""

OF_SHARES = {COLLECTIVE_CONTRACT, "UF-SCHSTD"}
"""The facts that are a part of a metric by themselves (:data:`casework.domain.formulas.SHARES`)."""

Changed = dict[UUID, set[str]]
"""What of whose counts is otherwise."""


class Responsible(NamedTuple):
    """An event that a unit's counts differ by, and what of them: measures, or what agencies and others are counted by.

    ``household`` is None of what the registry was told, of which ``changed`` names a fact, ``place`` or a feed.
    """

    unit: UUID
    partition: int
    position: int
    type: str
    recorded_at: datetime
    occurred_on: date | None
    household: UUID | None
    changed: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where it stands in the log: ``17:4211``."""
        return f"{self.partition}:{self.position}"


def responsible(db: Db, before: MonthRun, after: MonthRun, units: Collection[UUID]) -> Iterator[list[Responsible]]:
    """Yield the events between the cuts of two runs that some units' counts differ by, partition by partition.

    Both runs are of one year and policy, and whole. Within a partition they come in the order of their positions.
    """
    search = _Search(db, before, after, frozenset(units))
    for partition in range(PARTITIONS):
        yield search.of_partition(partition)
    yield search.of_registry()


class _Search:
    """What is asked of every partition; in memory stand the registries, and the counts of the units in question."""

    def __init__(self, db: Db, before: MonthRun, after: MonthRun, units: frozenset[UUID]) -> None:
        self.db, self.before, self.after, self.units = db, before, after, units
        self.counter: YearCounter = counter_of(db, after)
        self.old, self.registry = registry_of(db, before), registry_of(db, after)
        self.around = _Around(self.registry, after.year)
        self.last = month_ends(after.year)[-1]  # what begins after it, or is reported of later days, counts for nothing
        self.facts = {fact for kind in after.policy.selection.kinds for fact in kind.facts} | OF_SHARES
        self.by_households: dict[UUID, array[int]] = {}

    def of_partition(self, partition: int) -> list[Responsible]:
        """The events of households."""
        stretch = Stretch(partition, self.before.cut[partition], self.after.cut[partition])
        touched = iter(sorted(reading.touched(self.db, [stretch])))
        found: list[Responsible] = []
        while some := list(islice(touched, AT_ONCE)):
            for dated in reading.dated_streams_of(self.db, partition, some, stretch.upto, ACTING):
                found += self._of_household(dated, stretch)
        return sorted(found, key=lambda each: (each.position, each.unit))

    def _of_household(self, dated: DatedStream, stretch: Stretch) -> Iterator[Responsible]:
        first = sum(position <= stretch.after for position in dated.positions)
        count = len(dated.positions)
        old, new = self._year(dated, first), self._year(dated, count)
        self._remember(old, new)
        if not self.units.isdisjoint(self.around.changed(old, new)):
            for place in range(first, count):
                now = new if place == count - 1 else self._year(dated, place + 1)
                yield from self._of_event(dated, place, stretch.partition, self.around.changed(old, now))
                old = now

    def _of_event(self, dated: DatedStream, place: int, partition: int, changed: Changed) -> Iterator[Responsible]:
        stream = dated.signed.stream
        for unit in sorted(self.units & changed.keys()):
            yield Responsible(
                unit,
                partition,
                dated.positions[place],
                stream.types[place],
                dated.recorded_at[place],
                _occurred_on(codec.decode(stream.types[place], stream.states[place])),
                stream.id,
                tuple(sorted(changed[unit])),
            )

    def _year(self, dated: DatedStream, count: int) -> HouseholdYear:
        """What the household added after so many of its events."""
        if not count:
            return _NOBODY
        (id, first, types, states), metas = dated.signed
        signed = SignedStream(Stream(id, first, types[:count], states[:count]), metas[:count])
        household = folded(signed.stream)
        return count_household(self.counter, signed, household, acting_at(self.db, [household]))

    def _remember(self, old: HouseholdYear, new: HouseholdYear) -> None:
        """Add what the household adds to the months of the units in question more than before."""
        for unit, month, before, now in _other_months(old, new):
            for counted in self.around.counted(unit, month):
                if counted in self.units:
                    sums = self.by_households.setdefault(counted, array("q", bytes(8 * MONTHS * WIDTH)))
                    for place, (a, b) in enumerate(zip(before, now, strict=True), month * WIDTH):
                        sums[place] += b - a

    def of_registry(self) -> list[Responsible]:
        """The events of the registry that touch a unit, what stands below it, or what its households are counted by."""
        left = self._left_over()
        found: list[Responsible] = []
        for each in reading.registry_events(self.db, self.before.cut[REGISTRY], self.after.cut[REGISTRY]):
            event = codec.decode(each.type, each.state)
            for unit, changed in sorted(self._touched(each.stream_id, event, left).items()):
                told = (each.type, each.recorded_at, _occurred_on(event), None, tuple(sorted(changed)))
                found.append(Responsible(unit, REGISTRY, each.position, *told))
        return found

    def _touched(self, stream: UUID, event: Event, left: Changed) -> Changed:
        if isinstance(event, FeedClosed):
            feed = f"{event.bureau}/{event.area}"
            of_feed = {measure for measure in MEASURES if feed_of(measure, self.after.policy) == feed}
            return {unit: {feed} for unit, names in left.items() if names & {*of_feed, COMPLETENESS}}
        if not isinstance(event, UNIT_EVENTS):
            return {}
        fact = event.fact if isinstance(event, UnitFactReported | UnitFactVoided) else None
        if fact is not None and fact not in self.facts:
            return {}
        in_time = isinstance(event, UnitFactVoided) or event.occurred_on <= self.last
        touched = self.units & self._above({stream, *named_units(event)}) if in_time else set()
        if fact == COLLECTIVE_CONTRACT:  # those who work there are counted by it, wherever they live
            touched |= {unit for unit, names in left.items() if "WRK5" in names}
        return {unit: {fact or PLACE} for unit in touched}

    def _above(self, units: Iterable[UUID]) -> set[UUID]:
        """Some units, and all that they ever counted in over the year, by the old tree or the new."""
        days = month_ends(self.after.year)
        trees = (self.old, self.registry)
        above = {up for unit in units for tree in trees for day in days for up in tree.ancestors(unit, day)}
        return above | set(units)

    def _left_over(self) -> Changed:
        """What of the units' months differs beside what households' own events did."""
        old, new = (unit_years(sums_of(self.db, run), registry, run.year) for run, registry in self._runs())
        found: Changed = {}
        for unit in self.units:
            before, now = (_flat(years.get(unit)) for years in (old, new))
            done = self.by_households.get(unit) or [0] * (MONTHS * WIDTH)
            names = {
                NAMES[place % WIDTH]
                for place, (a, b, c) in enumerate(zip(before, now, done, strict=True))
                if b - a != c
            }
            if names:
                found[unit] = names
        return found

    def _runs(self) -> Sequence[tuple[MonthRun, Registry]]:
        return (self.before, self.old), (self.after, self.registry)


class _Around:
    """Which units' counts a household's own are part of, under the registry of the newer cut."""

    def __init__(self, registry: Registry, year: int) -> None:
        self._registry = registry
        self._days = month_ends(year)
        self._counted: dict[tuple[UUID, int], list[UUID]] = {}
        self._areas: dict[tuple[UUID, int], list[UUID]] = {}
        for id, unit in registry.units.items():
            if unit.registered is not None and unit.registered.kind in DECIDING:
                for month, day in enumerate(self._days):
                    for above in registry.ancestors(id, day)[:1]:
                        self._areas.setdefault((above, month), []).append(id)

    def counted(self, unit: UUID, month: int) -> list[UUID]:
        """The units whose counts of a month a unit's own are part of."""
        found = self._counted.get((unit, month))
        if found is None:
            found = self._counted[unit, month] = counts_in(self._registry, unit, self._days[month])
        return found

    def changed(self, old: HouseholdYear, new: HouseholdYear) -> Changed:
        """Whose counts a household adds otherwise to, and what of them."""
        found: Changed = {}
        for unit, month, before, now in _other_months(old, new):
            names = {name for name, a, b in zip(NAMES, before, now, strict=True) if a != b}
            for counted in self.counted(unit, month):
                found.setdefault(counted, set()).update(names)
                if "households" in names:  # of which an agency there serves some
                    for agency in self._areas.get((counted, month), ()):
                        found.setdefault(agency, set()).add(AREA)
        for unit, names in (*_decided(old, new), *_trained(old, new), *_schools(old, new)):
            now_of = successor_of(self._registry, self._days[-1], unit)
            if names:
                found.setdefault(now_of, set()).update(names)
        return found


_NOBODY = HouseholdYear([], Decided({}, set()), {}, {})


def _other_months(old: HouseholdYear, new: HouseholdYear) -> Iterator[tuple[UUID, int, Sequence[int], Sequence[int]]]:
    """The months in which the household adds otherwise to a unit itself: what it added, and what it adds."""
    for month in range(max(len(old.months), len(new.months))):
        before, now = (year.months[month] if month < len(year.months) else {} for year in (old, new))
        if before is not now:
            for unit in before.keys() | now.keys():
                was, is_now = before.get(unit, NOTHING), now.get(unit, NOTHING)
                if was != is_now:
                    yield unit, month, was, is_now


def _decided(old: HouseholdYear, new: HouseholdYear) -> Iterator[tuple[UUID, set[str]]]:
    yield from _numbers(old.decided.counts, new.decided.counts, AgencyCounts._fields)
    for unit, _ in old.decided.faulted ^ new.decided.faulted:
        yield unit, {"faulted"}


def _schools(old: HouseholdYear, new: HouseholdYear) -> Iterator[tuple[UUID, set[str]]]:
    return _numbers(old.schools, new.schools, SchoolCounts._fields)


def _trained(old: HouseholdYear, new: HouseholdYear) -> Iterator[tuple[UUID, set[str]]]:
    for provider, person in old.trained.keys() | new.trained.keys():
        differing = old.trained.get((provider, person), 0) ^ new.trained.get((provider, person), 0)
        yield provider, {name for name, bit in BITS.items() if differing & bit}


def _numbers(
    old: Mapping[UUID, Sequence[int]], new: Mapping[UUID, Sequence[int]], names: Sequence[str]
) -> Iterator[tuple[UUID, set[str]]]:
    nothing = [0] * len(names)
    for unit in old.keys() | new.keys():
        both = zip(names, old.get(unit, nothing), new.get(unit, nothing), strict=True)
        yield unit, {name for name, a, b in both if a != b}


def _flat(year: UnitYear | None) -> Sequence[int]:
    return [number for counts in year.months for number in counts] if year else [0] * (MONTHS * WIDTH)


def _occurred_on(event: Event) -> date | None:
    on: date | None = getattr(event, "occurred_on", None)
    return on
