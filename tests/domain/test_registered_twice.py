"""Somebody who has two records in one household leaves with one of them, and keeps what was told under either."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from casework.domain.aggregate import Recorded
from casework.domain.household import Household, fold
from tests.domain.given import (
    ADULTS,
    LATER,
    Phrase,
    agreed,
    arrived,
    asked,
    assessed,
    born,
    count,
    day,
    delivered,
    ended,
    given,
    given_household,
    joined,
    left,
    named,
    needs,
    person,
    refusal,
    say,
    voided_entry,
    when,
    works,
)
from tests.domain.regrouped import merge, split, state, unmerge

STORY: list[Phrase] = [
    *(works("again", "acme", "2012-06-01"), *given("EMP-CONTRACT", "again", "2012-06-01", at="acme")),
    *(needs("JOB", "again", "2012-05-01"), delivered("EMP-GUIDE", "again", "2012-05-10")),
    *(*given("SSI-CARD", "again", id="second card"), *given("SSI-CARD", "wang")),
    *(agreed("again", "survey"), asked(name="again")),
]
WANG, AGAIN = ADULTS[1], person("again", ADULTS[1].birth_month, ADULTS[1].sex)


def twice(name: str = "again", same_as: str = "wang", on: str = "2013-06-01", **more: Any) -> Phrase:
    return left(name, on, "registered_twice", same_as=named(same_as), **more)


def story() -> Household:
    """Li, Wang, and Wang again, under whose second record most was told."""
    return given_household(arrived(*ADULTS, AGAIN), *STORY)


def test_a_doubled_record_counts_at_no_date_and_what_was_told_of_it_is_the_others():
    household = story()
    before = {code: count(household, code, "2013-05-01") for code in ("COM1", "CIT2", "WRK1", "WRK3")}

    when(household, twice())

    after = [{code: count(household, code, on) for code in before} for on in ("2013-05-01", "2013-07-01")]
    assert before == {"COM1": (0, 3), "CIT2": (2, 3), "WRK1": (1, 1), "WRK3": (1, 1)}
    assert after[0] == {"COM1": (0, 2), "CIT2": (1, 2), "WRK1": (1, 1), "WRK3": (1, 1)}
    assert after[1]["CIT2"] == (1, 2)
    wang = household.people[named("wang")]
    assert ([each.scope for each in wang.consents], len(wang.surveys)) == (["survey"], 1)
    assert {each.person_id for each in household.employments.values()} == {named("wang")}
    assert not household.people[named("again")].was_here
    assert refusal(household, ended("second card", "2013-07-02")) is None


def test_who_was_here_first_under_the_doubled_record_was_here():
    household = given_household(arrived(person("li"), AGAIN), joined(WANG, "2013-03-01"))

    when(household, twice())

    assert [count(household, "CIT2", on) for on in ("2013-02-01", "2013-04-01")] == [(0, 2), (0, 2)]


def test_a_household_stays_in_the_programme_for_the_time_of_the_doubled_record():
    household = given_household(arrived(person("li", migrant=False), AGAIN), joined(WANG, "2013-03-01"))

    when(household, twice())

    assert [assessed(household, on).status for on in ("2013-02-01", "2013-04-01")] == ["assessed", "assessed"]
    assert household.people[named("wang")].told[-1].on == day("2013-03-01")


def test_a_head_who_was_registered_twice_stays_the_head_under_the_other_record():
    household = given_household(arrived(AGAIN, WANG))

    when(household, twice())

    assert household.head == named("wang")


@pytest.mark.parametrize(
    ("phrase", "rule"),
    [
        (left("again", reason="registered_twice"), "same-as-needed"),
        (left("again", reason="moved_out", same_as=named("wang")), "same-as-needed"),
        (twice(to_household=named("elsewhere")), "same-as-needed"),
        (twice(same_as="again"), "same-as-not-a-member"),
        (twice(same_as="nobody"), "same-as-not-a-member"),
        (twice(same_as="li"), "same-as-differs"),
    ],
)
def test_the_record_that_stays_is_another_members_who_may_be_the_same(phrase: Phrase, rule: str):
    people = (*ADULTS, AGAIN)

    assert refusal(given_household(arrived(*people)), phrase) == rule


def test_a_doubled_record_does_not_join_again():
    household = given_household(arrived(*ADULTS, AGAIN), twice(), left("wang", "2013-07-01"))

    assert refusal(household, joined(AGAIN, "2013-08-01")) == "record-doubled"
    assert refusal(household, joined(WANG, "2013-08-01")) is None


def test_names_are_held_under_both_records_where_the_person_lives():
    household = given_household(arrived(*ADULTS, AGAIN), twice())
    li, wang, again = named("li"), named("wang"), named("again")
    assert household.still_named() == [li, wang, again]

    new = split(household, "wang", on="2013-07-01")

    assert (household.still_named(), new.still_named()) == ([li], [wang, again])
    merge(new, household, on="2013-08-01")
    assert household.still_named() == [li, wang, again]


def test_whoever_asks_to_be_erased_is_so_under_the_record_that_stays():
    household = given_household(arrived(*ADULTS, AGAIN), twice())
    fields = {"requested_on": day("2013-08-01"), "basis": "purpose_fulfilled"}

    assert refusal(household, say("request_erasure", person_id=named("again"), **fields)) == "record-doubled"
    assert refusal(household, say("request_erasure", person_id=named("wang"), **fields)) is None


def test_it_is_voided_as_if_it_had_not_been_told():
    household = story()
    before = state(deepcopy(household))

    when(household, twice())
    when(household, voided_entry(household.version, "2013-06-02"))

    assert {**state(household), **_told(household)} == {**before, **_told(household)}
    assert count(household, "CIT2", "2013-07-01") == (2, 3)


def told_anew(household: Household) -> Household:
    """The household, folded from its events."""
    folded = fold(None, [Recorded(household.id, place, each) for place, each in enumerate(household.entries, 1)])
    assert folded is not None
    return folded


def _told(household: Household) -> dict[str, Any]:
    return {name: state(household)[name] for name in ("version", "entries", "voided_entries")}


def test_a_merge_is_not_undone_before_one_of_its_people_is_two_again():
    source = Household(named("source"))
    when(source, arrived(AGAIN, on="2012-03-01"))
    target = given_household(arrived(*ADULTS))
    merge(source, target)
    when(target, twice(on="2013-07-01"))

    with pytest.raises(Exception, match="registered twice"):
        unmerge(target, source)
    when(target, voided_entry(target.version, "2013-07-02"))
    unmerge(target, source)

    assert source.closed_on is None


@pytest.mark.parametrize("entry", [2, 3])
def test_nothing_of_it_is_voided_once_the_record_that_stayed_lives_elsewhere(entry: int):
    """What was told of either record went along: without the entry it would be told in both households."""
    household = given_household(arrived(*ADULTS, AGAIN), born(mother="again"), twice(), works("li", "acme"))
    assert refusal(deepcopy(household), voided_entry(2, "2013-07-02")) is None

    split(household, "wang", on="2013-07-01")

    assert refusal(household, voided_entry(entry, "2013-07-02")) == "moved-with-person"
    assert refusal(household, voided_entry(4, "2013-07-02")) is None


def test_a_person_comes_back_to_where_they_were_known_by_the_doubled_record():
    """What this file told before, at every date, is told of whoever comes; undone, the merge leaves it so."""
    told = [works("again", "acme", "2012-06-01"), *given("SSI-CARD", "again", id="second card"), needs("JOB", "again")]
    family = given_household(arrived(person("li"), AGAIN), *told, born(mother="again"))
    codes = ("COM1", "CIT2", "WRK1", "WRK3", "COM2")
    before = {code: count(family, code, "2013-05-01") for code in codes}
    alone = Household(named("alone"))
    when(alone, arrived(WANG, on="2013-02-01"))
    moving = family.leaving_member(named("again"), "other_relative")
    when(family, left("again", "2013-06-01", "other_household", to_household=alone.id))
    alone.receive_member(LATER, joined_on=day("2013-06-01"), member=moving)
    when(alone, twice(on="2013-06-02"))

    merge(alone, family, on="2013-07-01")

    assert {code: count(family, code, "2013-05-01") for code in codes} == before
    assert {each.person_id for each in family.employments.values()} == {named("wang")}
    assert (count(family, "CIT2", "2013-06-15"), count(family, "CIT2", "2013-08-01")) == ((0, 2), (1, 3))
    assert family.people[named("baby")].mother == named("wang")
    assert state(told_anew(family)) == state(family)
    unmerge(family, alone)
    assert {code: count(family, code, "2013-05-01") for code in codes} == before
    assert refusal(alone, ended("second card", "2013-10-02")) is None


def test_who_was_here_under_both_records_and_was_found_elsewhere_to_be_one_comes_back_as_one():
    """What either had here is theirs, and counts once at every date, as where it was found here."""
    family = given_household(arrived(person("li"), WANG), joined(AGAIN, "2012-09-01"), *given("SSI-CARD", "again"))
    new = split(family, "wang", "again", on="2013-06-01")
    when(new, twice(on="2013-06-02"))

    merge(new, family, on="2013-07-01")

    assert [count(family, "CIT2", on) for on in ("2013-05-01", "2013-06-15", "2013-08-01")] == [(1, 2), (0, 1), (1, 2)]
    assert family.people[named("wang")].doubles == [named("again")]
    assert not family.people[named("again")].was_here
    assert state(told_anew(family)) == state(family)
    unmerge(family, new)
    assert [count(each, "CIT2", "2013-10-01") for each in (family, new)] == [(0, 1), (1, 1)]


def test_a_time_under_the_doubled_record_is_not_told_twice_of_who_left_and_came_back():
    household = given_household(arrived(*ADULTS, AGAIN), left("wang", "2012-06-01"), joined(WANG, "2013-03-01"))

    when(household, twice())

    spells = household.people[named("wang")].spells
    assert [(str(each.joined_on), str(each.left_on)) for each in spells] == [
        ("2012-01-01", "2012-06-01"),
        ("2012-06-01", "None"),
    ]
    assert count(household, "CIT2", "2012-09-01") == (0, 2)


def test_a_merge_is_undone_of_somebody_who_had_been_made_one_before_it():
    source = Household(named("source"))
    when(source, arrived(WANG, AGAIN, on="2012-03-01"), twice(on="2013-05-01"))
    target = given_household(arrived(person("li")))
    merge(source, target)

    unmerge(target, source)

    assert ([each.person_id for each in source.members], source.closed_on) == ([named("wang")], None)
    assert source.people[named("wang")].doubles == [named("again")]


def test_both_records_travel_as_one_and_are_erased_together():
    household = story()
    when(household, twice())

    moving = household.leaving_member(named("wang"), "spouse")

    assert moving.carried is not None
    assert moving.carried.doubles == [named("again")]
    assert {each.episode_id for each in moving.carried.episodes} >= {named("second card"), named("SSI-CARD")}
    erasure = say("request_erasure", requested_on=day("2013-06-02"), person_id=named("wang"), basis="purpose_fulfilled")
    when(household, erasure, say("erase_person", erased_on=day("2013-06-03"), person_id=named("wang"), ledger_entry=1))
    assert {person.person_id for person in household.people.values() if person.is_erased} == {
        named("wang"),
        named("again"),
    }
