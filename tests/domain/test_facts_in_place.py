"""What units had in place over an evaluation year: own facts, those of units below, and the target of 100 %."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from casework.domain.facts_in_place import FactYear
from casework.domain.registry import unit_id
from casework.domain.scoring import Ratio
from tests.domain.given_units import BEFORE, CITY, END, SPRING, YEAR, Told, closed, fact, moved, registry, unit

DISTRICT, TOWNSHIP, TOWN = "410105", "410105001", "410105002"
FIRST, SECOND, THIRD = "410105001001", "410105001002", "410105002001"
HALF = Fraction(1, 2)


def mean(code: str, name: str, *told: Told) -> Fraction | None:
    return FactYear(registry(*CITY, *told), YEAR).mean(unit_id(code), f"UF-{name}")


def test_what_was_not_reported_is_not_in_place():
    assert mean(DISTRICT, "TPAY") == 0


def test_a_fact_counts_at_the_month_ends_on_which_it_holds():
    assert mean(DISTRICT, "TPAY", fact(DISTRICT, "TPAY")) == 1
    assert mean(DISTRICT, "TPAY", fact(DISTRICT, "TPAY", since=SPRING)) == HALF
    assert mean(DISTRICT, "TPAY", fact(DISTRICT, "TPAY", to=date(2013, 3, 31))) == HALF
    assert mean(DISTRICT, "TPAY", fact(DISTRICT, "TPAY", to=date(2013, 3, 30))) == Fraction(5, 12)


def test_a_fact_counts_from_the_day_of_its_report():
    assert mean(DISTRICT, "TPAY", fact(DISTRICT, "TPAY", since=BEFORE, on=SPRING)) == HALF


def test_items_in_place_count_out_of_all_that_make_it_whole():
    assert mean(DISTRICT, "CHILDSYS", fact(DISTRICT, "CHILDSYS", "care", "rescue")) == HALF


def test_the_newest_report_that_holds_is_the_one_that_counts():
    older = fact(DISTRICT, "CHILDSYS", "care", "rescue", "education", "rehabilitation")

    assert mean(DISTRICT, "CHILDSYS", older, fact(DISTRICT, "CHILDSYS", since=SPRING)) == HALF
    assert mean(DISTRICT, "CHILDSYS", older, fact(DISTRICT, "CHILDSYS", "care", since=BEFORE, on=SPRING)) == Fraction(
        5, 8
    )


def test_a_report_replaces_an_earlier_one_from_the_same_day():
    ended = fact(DISTRICT, "TPAY", since=BEFORE, to=date(2013, 3, 31), on=SPRING)

    assert mean(DISTRICT, "TPAY", fact(DISTRICT, "TPAY", since=BEFORE), ended) == HALF


def test_a_report_of_what_was_before_takes_nothing_from_what_is():
    before = fact(DISTRICT, "TPAY", since=date(2010, 1, 1), to=date(2011, 1, 1), on=SPRING)

    assert mean(DISTRICT, "TPAY", fact(DISTRICT, "TPAY"), before) == 1


def test_a_collective_contract_holds_for_36_months_at_most():
    employer = unit("acme", "employer", DISTRICT)

    assert mean("acme", "COLL", employer, fact("acme", "COLL", since=date(2010, 3, 31))) == HALF
    assert mean("acme", "COLL", employer, fact("acme", "COLL", since=date(2010, 3, 30))) == Fraction(5, 12)


def test_a_fact_of_communities_is_averaged_tier_by_tier():
    halls = fact(FIRST, "COMHALL"), fact(THIRD, "COMHALL")

    assert mean(TOWNSHIP, "COMHALL", *halls) == HALF
    assert mean(DISTRICT, "COMHALL", *halls) == Fraction(3, 4)  # not two communities of three


def test_children_are_those_of_the_tree_of_each_day():
    halls = fact(FIRST, "COMHALL"), fact(THIRD, "COMHALL")

    assert mean(TOWNSHIP, "COMHALL", *halls, moved(SECOND, TOWN, SPRING)) == Fraction(3, 4)
    assert mean(TOWNSHIP, "COMHALL", *halls, closed(SECOND, SPRING)) == Fraction(3, 4)


def test_a_township_counts_where_it_is_managed():
    zone = unit("east", "zone", "4101"), unit("410105003", "township", DISTRICT, manager="east")
    below = unit("410105003001", "community", "410105003"), fact("410105003001", "COMHALL")

    assert mean("east", "COMHALL", *zone, *below) == 1
    assert mean(DISTRICT, "COMHALL", *zone, *below) == 0


def test_a_units_own_fact_is_used_directly_whatever_its_children_have():
    assert mean(DISTRICT, "CULFAC", fact(FIRST, "CULFAC"), fact(TOWN, "CULFAC")) == 0
    assert mean(TOWN, "EMPNET", fact(TOWN, "EMPNET", "staff", "funds", "rules"), fact(THIRD, "EMPNET", "staff")) == HALF


def test_the_employment_network_of_a_district_is_the_mean_of_all_its_nodes():
    whole = ("organisation", "posts", "staff", "funds", "premises", "rules")

    assert (
        mean(DISTRICT, "EMPNET", fact(TOWN, "EMPNET", *whole), fact(THIRD, "EMPNET", *whole[:3])) == Fraction(3, 2) / 6
    )


def test_only_new_type_communities_need_a_school_point():
    assert mean(TOWNSHIP, "SCHPOINT", fact(FIRST, "SCHPOINT")) == 1
    assert mean(DISTRICT, "SCHPOINT", fact(FIRST, "SCHPOINT"), fact(SECOND, "SCHPOINT")) == HALF


def test_without_a_new_type_community_the_fact_is_left_out():
    assert mean("410122", "SCHPOINT") is None
    assert mean(SECOND, "SCHPOINT", fact(SECOND, "SCHPOINT")) is None


def test_where_something_is_averaged_month_ends_without_anything_are_left_out():
    later = unit("410122001001", "community", "410122", on=SPRING, new_type_community=True)

    assert mean("410122", "SCHPOINT", later, fact("410122001001", "SCHPOINT", since=SPRING)) == 1


def test_the_school_coverage_of_every_district_counts_communities():
    told = [
        unit("410105001003", "community", TOWNSHIP, new_type_community=True),
        fact(FIRST, "SCHPOINT", since=SPRING),
        fact(THIRD, "SCHPOINT"),
        fact(SECOND, "SCHPOINT"),
    ]

    first, second = FactYear(registry(*CITY, *told), YEAR).school_coverage()

    assert (first.code, second.code) == (DISTRICT, "410122")
    assert (first.months[0], first.months[5], first.months[6]) == (Ratio(1, 3), Ratio(1, 3), Ratio(2, 3))
    assert (first.at_end, first.is_reached) == (Ratio(2, 3), False)
    assert (second.at_end, second.is_reached) == (Ratio(0, 0), None)


@pytest.mark.parametrize("to", [None, END])
def test_the_target_is_reached_when_all_are_covered_on_the_last_day(to: date | None):
    told = fact(FIRST, "SCHPOINT", since=END, to=to), fact(THIRD, "SCHPOINT", since=END, to=to)

    assert FactYear(registry(*CITY, *told), YEAR).school_coverage()[0].is_reached is True
