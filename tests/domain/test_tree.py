"""The administrative tree by date: what makes up a unit on a day, as it was then and as it is now."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from datetime import date, timedelta
from random import Random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from casework.domain import rearranging
from casework.domain.aggregate import Event, Recorded
from casework.domain.rearranging import NewPart
from casework.domain.registry import Registry, UnitClosed, UnitParentChanged, UnitRegistered, unit_id
from casework.domain.residence import By
from casework.domain.tree import NOW
from casework.domain.unit_events import UnitMerged, UnitPart, UnitSplit
from casework.domain.units import Unit
from casework.errors import CaseworkError

BEFORE, JULY = date(2013, 6, 30), date(2013, 7, 1)


def registry_of(*events: tuple[str, Event]) -> Registry:
    """A registry of some units' events."""
    recorded = [Recorded(unit_id(code), version, event) for version, (code, event) in enumerate(events, 1)]
    return Registry().fold(enumerate(recorded, 1))


def unit(code: str, kind: str, parent: str | None = None, manager: str | None = None) -> tuple[str, Event]:
    """A unit of the tree."""
    above, by = (unit_id(each) if each else None for each in (parent, manager))
    begun = date(2012, 1, 1)
    return code, UnitRegistered(occurred_on=begun, code=code, kind=kind, name_zh=code, parent=above, managed_by=by)


CITY = [
    unit("city", "city"),
    unit("d1", "district", "city"),
    unit("d2", "district", "city"),
    unit("t1", "township", "d1"),
    unit("c1", "community", "t1"),
    unit("c2", "community", "d2"),
    unit("c3", "community", "d2"),
    unit("e1", "employer", "d1"),
    unit("e2", "employer", "d2"),
]
NAMES = {unit_id(code): code for code, _ in CITY}


def named(units: list[UUID]) -> set[str]:
    return {NAMES[each] for each in units}


def test_a_division_is_made_up_of_the_communities_below_it_on_the_day():
    registry = registry_of(*CITY, ("c2", UnitParentChanged(occurred_on=JULY, parent=unit_id("t1"))))

    def under(code: str, on: date) -> set[str]:
        return named(registry.subtree(unit_id(code), on))

    assert (under("d1", BEFORE), under("d1", JULY)) == ({"c1"}, {"c1", "c2"})
    assert (under("d2", BEFORE), under("d2", JULY)) == ({"c2", "c3"}, {"c3"})
    assert (under("city", BEFORE), under("city", JULY)) == ({"c1", "c2", "c3"}, {"c1", "c2", "c3"})
    assert (under("c1", JULY), under("e1", JULY), under("nowhere", JULY)) == ({"c1"}, set(), set())
    assert under("city", date(2011, 12, 31)) == set()


def test_a_division_that_a_split_made_has_by_todays_boundaries_what_it_took_on_every_day():
    part = UnitPart(unit_id("d3"), (unit_id("t1"),))
    registry = registry_of(
        *CITY,
        ("d1", UnitSplit(occurred_on=JULY, parts=(part,), closes=False)),
        ("t1", UnitParentChanged(occurred_on=JULY, parent=unit_id("d3"))),
        ("d3", UnitRegistered(occurred_on=JULY, code="d3", kind="district", name_zh="丙", parent=unit_id("city"))),
    )

    then, now = (
        [named(registry.counted(unit_id(code), BEFORE, tree)) for code in ("d1", "d2", "d3")]
        for tree in ("then", "now")
    )

    assert then == [{"c1"}, {"c2", "c3"}, set()]
    assert now == [set(), {"c2", "c3"}, {"c1"}]


def test_a_past_day_adds_up_by_the_boundaries_of_today_too():
    registry = registry_of(*CITY, ("c2", UnitParentChanged(occurred_on=JULY, parent=unit_id("t1"))))

    now = {code: named(registry.subtree_as_now(unit_id(code), BEFORE)) for code in ("d1", "d2", "city")}

    assert now == {"d1": {"c1", "c2"}, "d2": {"c3"}, "city": {"c1", "c2", "c3"}}
    assert registry.counted(unit_id("d1"), BEFORE, "now") == registry.subtree_as_now(unit_id("d1"), BEFORE)
    assert registry.counted(unit_id("d1"), BEFORE) == registry.subtree(unit_id("d1"), BEFORE)
    assert registry.subtree_as_now(unit_id("city"), date(2011, 12, 31)) == []


def test_who_manages_a_unit_counts_it_and_its_parent_does_not():
    registry = registry_of(*CITY, unit("zone", "zone", "city"), unit("t2", "township", "d1", "zone"))

    assert registry.ancestors(unit_id("t2"), JULY) == [unit_id("zone"), unit_id("city")]
    assert unit_id("t2") in registry.below(unit_id("zone"), JULY)
    assert unit_id("t2") not in registry.below(unit_id("d1"), JULY)


def test_a_closed_community_still_counts_whom_it_has_where_it_stood():
    registry = registry_of(*CITY, ("c3", UnitClosed(occurred_on=JULY)))

    assert "c3" in named(registry.subtree(unit_id("d2"), JULY))
    assert "c3" not in named(registry.below(unit_id("d2"), JULY))
    assert "c3" in named(registry.below(unit_id("d2"), BEFORE))


def test_what_was_merged_counts_for_the_one_that_took_it_in_from_that_day_on():
    registry = registry_of(
        *CITY,
        ("c2", UnitMerged(occurred_on=JULY, into=unit_id("c1"))),
        ("e2", UnitMerged(occurred_on=JULY, into=unit_id("e1"))),
    )

    def counted(code: str, on: date) -> set[str]:
        return named(registry.counted(unit_id(code), on))

    assert (counted("c1", BEFORE), counted("c1", JULY), counted("d1", JULY)) == ({"c1"}, {"c1", "c2"}, {"c1", "c2"})
    assert (counted("e1", BEFORE), counted("e1", JULY), counted("e2", JULY)) == ({"e1"}, {"e1", "e2"}, {"e2"})
    assert (counted("d2", BEFORE), counted("d2", JULY)) == ({"c2", "c3"}, {"c3"})
    assert registry.ancestors(unit_id("c2"), JULY)[:2] == [unit_id("c1"), unit_id("t1")]
    assert [registry.successor(registry.units[unit_id("c2")], day).id for day in (BEFORE, JULY)] == [
        unit_id("c2"),
        unit_id("c1"),
    ]


def test_units_that_stand_in_a_ring_have_the_communities_below_them():
    registry = registry_of(
        unit("self", "township", "self"),
        unit("a", "township", "b"),
        unit("b", "township", "a"),
        unit("c1", "community", "b"),
    )

    below = [registry.subtree(unit_id(code), JULY) for code in ("self", "a", "b")]

    assert below == [[], [unit_id("c1")], [unit_id("c1")]]


def refused(registry: Registry, code: str, above: str, on: date) -> str | None:
    try:
        registry.check_above(unit_id(code), unit_id(above), on)
    except CaseworkError as error:
        return error.code
    return None


def test_a_place_told_late_makes_no_ring_with_what_was_told_since():
    registry = registry_of(*CITY, ("d1", UnitParentChanged(occurred_on=JULY, parent=unit_id("d2"))))

    assert refused(registry, "d2", "t1", BEFORE) == refused(registry, "d2", "t1", JULY) == "unit-above-itself"


def test_a_place_told_late_is_not_below_a_unit_that_has_ended_since():
    registry = registry_of(*CITY, ("d1", UnitClosed(occurred_on=JULY)))

    assert refused(registry, "c2", "d1", BEFORE) == "unit-not-active"


def test_a_unit_has_below_it_whom_it_is_above_as_parent_or_manager_on_the_day_or_later():
    registry = registry_of(
        *CITY,
        unit("zone", "zone", "city"),
        ("t1", UnitParentChanged(occurred_on=JULY, parent=unit_id("d1"), managed_by=unit_id("zone"))),
        ("c3", UnitClosed(occurred_on=JULY)),
        ("c2", UnitParentChanged(occurred_on=JULY, parent=unit_id("t1"))),
    )

    def left(code: str, on: date, *besides: str) -> set[str]:
        return named(registry.left_below(unit_id(code), on, [unit_id(each) for each in besides]))

    assert left("d1", JULY) == {"t1", "e1"}
    assert left("d1", JULY, "e1") == {"t1"}
    assert (left("zone", BEFORE), left("zone", JULY)) == ({"t1"}, {"t1"})
    assert (left("d2", BEFORE), left("d2", JULY)) == ({"c2", "c3", "e2"}, {"e2"})


BEGUN = date(2013, 1, 1)
DAYS = [BEGUN + timedelta(day) for day in range(0, 60, 6)]
LAST = DAYS[-1]
BY = By(today=LAST, supervisor=True)
KINDS = ("city", "district", "township", "community")


class RandomCity:
    """A city that is rearranged at random, in any order of days; what the rules refuse does not happen."""

    def __init__(self, choice: Random) -> None:
        self.choice = choice
        self.registry = Registry()
        self.position = 0
        self.made = 0
        for above, kind, count in zip((None, *KINDS), KINDS, (1, 3, 5, 9), strict=False):
            for _ in range(count):
                parent = self.one(above) if above else None
                unit = Unit(unit_id(code := self.new_code(kind)))
                unit.register(BY, registered_on=BEGUN, code=code, kind=kind, name_zh=code, parent=parent)
                self.commit(unit)

    def one(self, *kinds: str) -> UUID:
        """A unit of one of some kinds, active or not."""
        return self.choice.choice([id for id, unit in self.registry.units.items() if kind_of(unit) in kinds])

    def new_code(self, kind: str) -> str:
        self.made += 1
        return f"{kind}-{self.made}"

    def commit(self, *units: Unit) -> None:
        pending = [item for unit in units for item in unit.collect_events()]
        self.registry = self.registry.continued(enumerate(pending, self.position + 1))
        self.position += len(pending)

    def rearrange(self) -> date:
        """Try something; the day on which it would happen, also where the rules refuse it."""
        kind = self.choice.choice(KINDS[1:])
        unit, on = deepcopy(self.registry.units[self.one(kind)]), self.choice.choice(DAYS)
        try:
            others = self.choice.choice((self.place, self.split, self.merge, self.close, self.settle))(unit, on)
        except CaseworkError:
            return on
        self.commit(unit, *others)
        return on

    def place(self, unit: Unit, on: date) -> tuple[Unit, ...]:
        above = ("city", "district") if kind_of(unit) == "district" else ("district", "township", "community")
        place = {"parent": self.one(*above), "managed_by": self.choice.choice((None, self.one(*above)))}
        rearranging.change_place(self.registry, unit, BY, changed_on=on, **place)
        return ()

    def split(self, unit: Unit, on: date) -> tuple[Unit, ...]:
        below, kind = self.registry.left_below(unit.id, on), kind_of(unit)
        takes = self.choice.sample(below, self.choice.randint(0, len(below)))
        rest = self.choice.random() < 0.5
        parts = [
            NewPart(self.new_code(kind), {"name_zh": "新"}, takes),
            NewPart(self.new_code(kind), {"name_zh": "新"}, takes_rest=rest),
        ]
        closes = kind != "community" and self.choice.random() < 0.7
        return rearranging.split(self.registry, unit, BY, split_on=on, parts=parts, closes=closes)

    def merge(self, unit: Unit, on: date) -> tuple[Unit, ...]:
        return rearranging.merge(self.registry, unit, BY, merged_on=on, into=self.one(kind_of(unit)))

    def close(self, unit: Unit, on: date) -> tuple[Unit, ...]:
        rearranging.close(self.registry, unit, BY, closed_on=on)
        return ()

    def take_back(self) -> bool:
        """Try to undo the last entry of some unit."""
        unit = deepcopy(self.registry.units[self.one(*KINDS[1:])])
        try:
            others = rearranging.undo(
                self.registry, unit, BY, voids=max(unit.arranged, default=0), reason="entry_error"
            )
        except CaseworkError:
            return False
        self.commit(unit, *others)
        return True

    def settle(self, unit: Unit, on: date) -> tuple[Unit, ...]:
        new = Unit(unit_id(code := self.new_code("community")))
        particulars = {"code": code, "kind": "community", "name_zh": "新", "parent": self.one("township", "district")}
        rearranging.register(self.registry, new, BY, registered_on=on, **particulars)
        return (new,)


def kind_of(unit: Unit) -> str:
    assert unit.registered is not None
    return unit.registered.kind


def rearranged(seed: int) -> RandomCity:
    city = RandomCity(Random(seed))
    for _ in range(40):
        city.rearrange()
        city.take_back()
    return city


def of_kind(registry: Registry, kind: str) -> list[UUID]:
    return [id for id, unit in registry.units.items() if kind_of(unit) == kind]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_however_units_are_rearranged_a_community_belongs_to_one_district_on_each_day(seed: int):
    registry = rearranged(seed).registry

    for on in DAYS:
        districts = [id for id in of_kind(registry, "district") if registry.units[id].is_active(on)]
        holding = Counter(part for district in districts for part in registry.subtree(district, on))
        for community in of_kind(registry, "community"):
            above = [registry.units[unit] for unit in registry.ancestors(community, on)]
            if registry.successor(registry.units[community], on).is_active(on):
                assert holding[community] == 1
            if registry.units[community].is_active(on):
                assert [kind_of(unit) for unit in above].count("district") == holding[community] == 1
                assert kind_of(above[-1]) == "city"
                assert all(unit.is_active(on) for unit in above)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_however_units_are_rearranged_nothing_stands_above_itself_and_below_is_the_inverse_of_above(seed: int):
    registry = rearranged(seed).registry

    for on in (*DAYS, NOW):
        for id, unit in registry.units.items():
            above = registry.ancestors(id, on)
            assert id not in above
            assert len(set(above)) == len(above)
            if unit.is_active(on):
                assert all(id in registry.below(up, on) for up in above[:1])
            for up in above:
                counted = registry.subtree(up, on)
                assert (id in counted) == (kind_of(unit) == "community" and unit.has_begun(on))
    for on in DAYS:
        [top] = of_kind(registry, "city")
        begun = sorted(id for id in of_kind(registry, "community") if registry.units[id].has_begun(on))
        assert registry.subtree(top, on) == registry.subtree_as_now(top, on) == begun


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_what_is_rearranged_leaves_every_earlier_day_as_it_was(seed: int):
    city = RandomCity(Random(seed))

    for _ in range(25):
        before = city.registry
        day = city.rearrange()
        for on in DAYS[: DAYS.index(day)]:
            for id in before.units:
                assert city.registry.counted(id, on) == before.counted(id, on)
                assert city.registry.ancestors(id, on) == before.ancestors(id, on)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_what_is_taken_back_at_once_is_as_if_it_had_never_been(seed: int):
    city = RandomCity(Random(seed))
    for _ in range(25):
        before = city.registry
        city.rearrange()
        since = {id: deepcopy(unit) for id, unit in city.registry.units.items() if unit is not before.units.get(id)}
        for unit in since.values():
            last = unit.arranged[max(unit.arranged)] if unit.arranged else None
            if unit.id in before.units and isinstance(last, UnitClosed | UnitMerged | UnitSplit):
                others = rearranging.undo(city.registry, unit, BY, voids=unit.version, reason="entry_error")
                city.commit(unit, *others)
                assert_is_again(city.registry, before)


def assert_is_again(registry: Registry, before: Registry) -> None:
    """Every unit that was there before is what it was, on each day; what was made since is there on none."""
    for id, unit in registry.units.items():
        for on in (*DAYS, NOW):
            assert unit.is_active(on) == (id in before.units and before.units[id].is_active(on))
            if id in before.units:
                assert registry.ancestors(id, on) == before.ancestors(id, on)
                assert set(registry.counted(id, on)) & before.units.keys() == set(before.counted(id, on))
    for id, earlier in before.units.items():
        then = (earlier.closed_on, earlier.merged_into, earlier.split_into, earlier.took_in)
        unit = registry.units[id]
        assert (unit.closed_on, unit.merged_into, unit.split_into, unit.took_in) == then


def test_random_cities_are_really_rearranged():
    units = [unit for seed in range(20) for unit in rearranged(seed).registry.units.values()]

    merged = [unit for unit in units if unit.merged_into]
    closed = [unit for unit in units if unit.closed_on and not unit.merged_into and not unit.split_into]
    moved = [unit for unit in units if len(unit.places) > 1 and not unit.merged_into]

    assert all(len(some) > 20 for some in (merged, closed, moved, [unit for unit in units if unit.split_into]))
