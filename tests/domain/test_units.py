"""The life of a unit: facts that are reported and voided, places one after another, split, merger and closing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from casework.domain import codes
from casework.domain.residence import By
from casework.domain.unit_events import (
    UnitClosed,
    UnitFactVoided,
    UnitMerged,
    UnitParentChanged,
    UnitPart,
    UnitSplit,
    unit_id,
)
from casework.domain.units import Unit
from casework.errors import CaseworkError

BY = By(today=date(2013, 10, 20))
MARCH, APRIL, MAY, JUNE = (date(2013, month, 1) for month in (3, 4, 5, 6))


def a_unit(code: str = "410105001", kind: str = "township", **details: Any) -> Unit:
    unit = Unit(unit_id(code))
    unit.register(BY, registered_on=date(2012, 1, 1), code=code, kind=kind, name_zh=code, **details)
    return unit


def a_node(**more: Any) -> dict[str, Any]:
    return {"reported_on": APRIL, "fact": "UF-EMPNET", "from_": MARCH, "items": ("staff",), **more}


def recorded(unit: Unit) -> list[Any]:
    return [item.event for item in unit.collect_events()]


def refusal(command: Any, *args: Any, **fields: Any) -> str | None:
    try:
        command(*args, **fields)
    except CaseworkError as error:
        return error.errors[0].code if error.errors else error.code
    return None


def test_a_report_holds_from_its_day_to_its_end_once_it_was_made():
    unit = a_unit()
    unit.report_fact(BY, **a_node(to=MAY))

    held = [bool(unit.in_force(day)) for day in (date(2013, 3, 31), APRIL, MAY, date(2013, 5, 2))]

    assert held == [False, True, True, False]


def test_a_collective_contract_holds_for_no_longer_than_it_may():
    unit = a_unit("works", "employer")
    unit.report_fact(BY, reported_on=MARCH, fact="UF-COLL", from_=MARCH)

    assert [bool(unit.in_force(day)) for day in (date(2016, 3, 1), date(2016, 3, 2))] == [True, False]


def test_a_report_from_the_same_day_replaces_the_one_before_and_a_later_one_follows_it():
    unit = a_unit()
    for more in ({}, {"items": ("staff", "funds")}, {"from_": MAY, "to": JUNE, "reported_on": MAY, "items": ()}):
        unit.report_fact(BY, **a_node(**more))

    def items(day: date) -> list[tuple[str, ...]]:
        return [report.items for report in unit.in_force(day).values()]

    assert (items(APRIL), items(MAY), items(date(2013, 7, 1))) == ([("staff", "funds")], [()], [("staff", "funds")])


def test_a_voided_report_counts_at_no_date_and_may_be_made_again():
    unit = a_unit()
    unit.report_fact(BY, **a_node())
    for _ in range(2):
        unit.void_fact(BY, voided_on=JUNE, voids=2, reason="entry_error")
    gone = [unit.in_force(day) for day in (APRIL, JUNE)]
    unit.report_fact(BY, **a_node(), commitment=b"0" * 32)

    assert gone == [{}, {}]
    assert recorded(unit)[2] == UnitFactVoided(occurred_on=JUNE, voids=2, fact="UF-EMPNET", reason="entry_error")
    assert [*unit.in_force(JUNE)] == [4]
    assert unit.voided == {2: 3}


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("unit-report-unknown", {"voids": 1}),
        ("unit-report-unknown", {"voids": 9}),
        ("date-in-future", {"voided_on": date(2013, 10, 21)}),
        ("voided-before-report", {"voided_on": MARCH}),
        ("unknown-code", {"reason": "boredom"}),
    ],
)
def test_what_is_no_report_is_not_voided(rule: str, changed: dict[str, Any]):
    unit = a_unit()
    unit.report_fact(BY, **a_node())

    fields = {"voided_on": JUNE, "voids": 2, "reason": "entry_error", **changed}

    assert refusal(unit.void_fact, BY, **fields) == rule


def test_the_same_report_with_other_evidence_is_the_same_report():
    unit = a_unit()
    unit.report_fact(BY, **a_node(), commitment=b"1" * 32)
    unit.report_fact(BY, **a_node(), commitment=b"2" * 32)

    assert unit.version == 2


def test_a_unit_changes_its_parent_its_manager_or_both_and_keeps_what_is_not_told():
    unit, west, zone = a_unit(parent=unit_id("east")), unit_id("west"), unit_id("zone")
    recorded(unit)

    unit.change_place(BY, changed_on=APRIL, managed_by=zone)
    unit.change_place(BY, changed_on=MAY, parent=west)
    unit.change_place(BY, changed_on=MAY, parent=west, managed_by=zone)
    unit.change_place(BY, changed_on=JUNE, managed_by_parent=True)

    assert recorded(unit) == [
        UnitParentChanged(occurred_on=APRIL, parent=unit_id("east"), managed_by=zone),
        UnitParentChanged(occurred_on=MAY, parent=west, managed_by=zone),
        UnitParentChanged(occurred_on=JUNE, parent=west),
    ]
    assert [unit.place(day).up for day in (MARCH, APRIL, MAY, JUNE)] == [unit_id("east"), zone, zone, west]


def test_a_place_of_the_same_day_puts_the_one_before_right():
    unit = a_unit(parent=unit_id("east"))
    unit.change_place(BY, changed_on=APRIL, parent=unit_id("wst"))
    unit.change_place(BY, changed_on=APRIL, parent=unit_id("west"))

    assert [unit.place(day).up for day in (MARCH, APRIL)] == [unit_id("east"), unit_id("west")]


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ("date-in-future", {"changed_on": date(2013, 10, 21)}),
        ("unit-not-active", {"changed_on": date(2011, 12, 31)}),
        ("back-dated-too-far", {"changed_on": date(2012, 3, 1)}),
        ("unit-moved-since", {"changed_on": date(2013, 4, 30)}),
        ("unit-managers-differ", {"managed_by": unit_id("zone"), "managed_by_parent": True}),
    ],
)
def test_places_are_changed_in_their_order(rule: str, place: dict[str, Any]):
    unit = a_unit()
    unit.change_place(BY, changed_on=MAY, parent=unit_id("west"))
    by = BY._replace(supervisor=rule == "unit-not-active")

    assert refusal(unit.change_place, by, **{"changed_on": JUNE, "parent": unit_id("north"), **place}) == rule


def test_a_supervisor_tells_of_a_place_of_long_ago():
    unit = a_unit()

    unit.change_place(BY._replace(supervisor=True), changed_on=date(2012, 3, 1), parent=unit_id("west"))

    assert unit.place(date(2012, 3, 1)).up == unit_id("west")


def test_a_closed_unit_is_arranged_no_more():
    unit, other = a_unit(), a_unit("410105002")
    for _ in range(2):
        unit.close(BY, closed_on=MAY)

    assert recorded(unit)[1:] == [UnitClosed(occurred_on=MAY)]
    assert [unit.is_active(day) for day in (date(2013, 4, 30), MAY)] == [True, False]
    for command, fields in (
        (unit.close, {"closed_on": JUNE}),
        (unit.change_place, {"changed_on": JUNE, "parent": unit_id("west")}),
        (unit.split, {"split_on": JUNE, "parts": [], "closes": False}),
        (unit.merge_away, {"merged_on": JUNE, "into": other}),
        (unit.merge_in, {"merged_on": JUNE, "other": other.id}),
        (other.merge_away, {"merged_on": JUNE, "into": unit}),
    ):
        assert refusal(command, BY, **fields) == "unit-closed"


def test_a_split_says_where_everything_goes_and_whether_anything_is_left():
    unit, parts = a_unit(), [UnitPart(unit_id("a"), (unit_id("c1"),)), UnitPart(unit_id("b"))]

    unit.split(BY, split_on=MAY, parts=parts, closes=True)

    assert recorded(unit)[-1] == UnitSplit(occurred_on=MAY, parts=tuple(parts), closes=True)
    assert (unit.split_into, unit.closed_on) == ((unit_id("a"), unit_id("b")), MAY)


@pytest.mark.parametrize(
    "parts",
    [
        [UnitPart(unit_id("a")), UnitPart(unit_id("a"))],
        [UnitPart(unit_id("a"), (unit_id("c1"),)), UnitPart(unit_id("b"), (unit_id("c1"),))],
    ],
)
def test_nothing_goes_to_two_parts(parts: list[UnitPart]):
    assert refusal(a_unit().split, BY, split_on=MAY, parts=parts, closes=False) == "unit-part-twice"


def test_a_merged_unit_ends_and_stands_below_the_one_that_it_is_part_of():
    unit, other = a_unit(parent=unit_id("east")), a_unit("410105002")

    unit.merge_away(BY, merged_on=MAY, into=other)
    other.merge_in(BY, merged_on=MAY, other=unit.id)

    assert recorded(unit)[-1] == UnitMerged(occurred_on=MAY, into=other.id)
    assert (unit.merged_into, unit.closed_on, unit.place(MAY).up) == (other.id, MAY, other.id)
    assert unit.place(APRIL).up == unit_id("east")
    assert other.took_in == (unit.id,)


def test_a_unit_is_merged_into_one_of_its_rank():
    district, zone, township = a_unit("410105", "district"), a_unit("zone", "zone"), a_unit()

    assert refusal(township.merge_away, BY, merged_on=MAY, into=district) == "unit-kinds-differ"
    assert refusal(zone.merge_away, BY, merged_on=MAY, into=district) is None


def test_who_follows_another_moves_where_it_stood_below_it():
    east, west, zone = (unit_id(code) for code in ("east", "west", "zone"))
    unit = a_unit(parent=east, managed_by=zone)

    unit.follow(BY, moved_on=MAY, old=east, new=west)

    assert (unit.place(MAY).parent, unit.place(MAY).managed_by) == (west, zone)
    assert refusal(unit.follow, BY, moved_on=MAY, old=east, new=west) == "unit-not-below"


def test_every_fact_has_its_field_and_plans_are_everybodys_own():
    fields = {fact.code: fact.area for fact in codes.unit_facts().values()}
    areas = {row.code for row in codes.codes("areas")}

    assert [code for code, area in fields.items() if area is None] == ["UF-PLAN"]
    assert {area for area in fields.values() if area} == areas


@pytest.mark.parametrize(
    ("bureau", "fact", "unit", "theirs"),
    [
        ("EDUB", "UF-SCHSTD", ("school-1", "school"), True),
        ("EDUB", "UF-COLL", ("emp-1", "employer"), False),
        ("HRSS", "UF-COLL", ("emp-1", "employer"), True),
        ("LOCAL", "UF-CULFAC", ("410105", "district"), True),
        ("CIV", "UF-PLAN", ("CIV", "bureau"), True),
        ("CIV", "UF-PLAN", ("EDUB", "bureau"), False),
        ("HRSS", "UF-PLAN", ("410105", "district"), True),
        ("LOCAL", "UF-PLAN", ("410105", "district"), True),
        ("LOCAL", "UF-PLAN", ("zhengdong", "zone"), False),
        ("DZ", "UF-PLAN", ("zhengdong", "zone"), True),
        ("GOFF3", "UF-PLAN", ("410105", "district"), False),
        ("NASA", "UF-PLAN", ("410105", "district"), False),
        ("HRSS", "UF-MOON", ("410105", "district"), False),
    ],
)
def test_a_bureau_reports_what_is_of_its_field(bureau: str, fact: str, unit: tuple[str, str], theirs: bool):
    assert codes.reports_of_field(bureau, fact, *unit) is theirs


def test_teaching_points_are_asked_of_communities_of_the_new_type():
    old, new = (codes.facts_of("community", new_type_community=new) for new in (False, True))

    assert {fact.code for fact in new} - {fact.code for fact in old} == {"UF-SCHPOINT"}
