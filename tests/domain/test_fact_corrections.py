"""Saying that what was told of a person was wrong: at every date, with what stood checked."""

from __future__ import annotations

from datetime import date

import pytest

from casework.domain.events.corrections import Change, MemberFactsCorrected
from casework.domain.residence import By
from tests.domain.given import (
    ADULTS,
    LATER,
    MEI,
    arrived,
    born,
    corrected_facts,
    count,
    day,
    given,
    given_household,
    headed_by,
    joined,
    left,
    named,
    person,
    refusal,
    told,
    voided_entry,
    when,
    works,
)
from tests.domain.regrouped import again, split, state
from tests.domain.test_moving_member import move


def test_a_correction_holds_at_every_date_and_names_the_entry():
    household = given_household(arrived(*ADULTS, MEI))

    [event] = when(household, corrected_facts("mei", "birth_month", "2005-04", "1998-04", on="2013-06-01"))

    assert event == MemberFactsCorrected(
        occurred_on=day("2013-06-01"),
        person_id=named("mei"),
        changes=(Change("birth_month", "2005-04", "1998-04"),),
        reason="entry_error",
        corrects=1,
    )
    assert count(household, "SCH1", "2012-06-01") == (0, 1)
    assert count(household, "SCH1", "2013-06-01") == (0, 1)
    assert count(household, "SCH1", "2014-06-01") == "not_applicable"


def test_old_must_be_the_value_that_stands():
    household = given_household(told("li", education="primary"))

    assert refusal(household, corrected_facts("li", "education", None, "college")) == "old-value-differs"
    assert refusal(household, corrected_facts("li", "education", "primary", "college")) is None
    assert refusal(household, corrected_facts("li", "education", "primary", "college")) == "old-value-differs"
    assert household.people[named("li")].told[-1].facts.education == "college"


def test_what_moved_from_wrong_to_right_keeps_its_own_day():
    household = given_household(told("li", on="2013-03-01", migrant=False))
    assert count(household, "CIT2", "2013-02-28") == (0, 1)
    assert count(household, "CIT2", "2013-10-05") == "out_of_scope"

    when(household, corrected_facts("li", "migrant", False, True, on="2013-06-01"))

    assert count(household, "CIT2", "2013-10-05") == (0, 1)


def test_the_parts_of_a_fact_are_corrected_each_and_without_its_first_there_is_none():
    household = given_household(arrived(person("li"), person("wang", "1985-05", "female", pregnancy=("2012-12-01",))))

    when(household, corrected_facts("wang", "pregnancy.to", None, "2013-08-01"))
    assert count(household, "COM2", "2013-08-01") == "not_applicable"
    assert count(household, "COM2", "2013-07-31") == (0, 1)

    when(household, corrected_facts("wang", "pregnancy.from", "2012-12-01", None))
    assert count(household, "COM2", "2013-07-31") == "not_applicable"


def test_what_was_forgotten_is_put_where_the_person_came():
    household = given_household(arrived(*ADULTS), told("wang", marital="married"))

    when(household, corrected_facts("wang", "student.from", None, "2012-02-01"))

    facts = household.people[named("wang")].told
    assert [each.facts.student is not None for each in facts] == [True, False]


def test_a_correction_may_name_an_earlier_entry():
    household = given_household(told("li", on="2012-03-01", education="none"), told("li", education="college"))

    when(household, corrected_facts("li", "education", "none", "primary", corrects=2))

    assert [each.facts.education for each in household.people[named("li")].told] == [None, "primary", "college"]


@pytest.mark.parametrize(
    ("path", "old", "new", "rule"),
    [
        ("birth_month", "1980-03", "2012-02", "born-later"),
        ("birth_month", "1980-03", "1997-03", "under-working-age"),
        ("birth_month", "1980-03", "march", "month-malformed"),
        ("birth_month", "1980-03", None, "correction-value"),
        ("sex", "male", "unknown", "unknown-code"),
        ("relation", "other_relative", "cousin", "unknown-code"),
        ("education", None, "phd", "unknown-code"),
        ("education", None, 7, "correction-value"),
        ("migrant", True, "yes", "correction-value"),
        ("student.to", None, "2013-01-01", "correction-value"),
        ("joined_on", "2012-01-01", "2021-01-01", "date-in-future"),
        ("joined_on", "2012-01-01", None, "correction-value"),
        ("resident_since", "2012-01-01", "2012-01-02", "resident-since-later"),
        ("name", None, "张三", "correction-path"),
        ("student", None, "x", "correction-path"),
    ],
)
def test_what_cannot_be_is_refused(path, old, new, rule):
    household = given_household(works("li", since="2012-06-01"))

    assert refusal(household, corrected_facts("li", path, old, new)) == rule


def test_a_later_day_of_joining_takes_the_residence_and_the_facts_along():
    household = given_household(arrived(*ADULTS), joined(MEI, on="2013-03-01"))

    when(household, corrected_facts("mei", "joined_on", "2013-03-01", "2013-05-01", on="2013-06-01"))

    mei = household.people[named("mei")]
    assert (mei.spells[0].joined_on, mei.spells[0].resident_since, mei.told[0].on) == (day("2013-05-01"),) * 3
    assert count(household, "SCH1", "2013-05-30") == "not_applicable"
    assert count(household, "SCH1", "2013-05-31") == (0, 1)


def test_a_day_of_joining_leaves_nobody_told_of_before():
    zhao_leads = given_household(
        arrived(*ADULTS), joined(person("zhao"), on="2012-03-01"), headed_by("zhao", on="2012-04-01")
    )
    twice = given_household(
        *(arrived(*ADULTS), left("wang", on="2012-06-01"), joined(ADULTS[1], on="2012-09-01")),
    )

    assert (
        refusal(zhao_leads, corrected_facts("zhao", "joined_on", "2012-03-01", "2012-05-01")) == "person-not-a-member"
    )
    assert refusal(zhao_leads, corrected_facts("zhao", "joined_on", "2012-03-01", "2012-04-01")) is None
    assert refusal(zhao_leads, corrected_facts("li", "joined_on", "2012-01-01", "2012-01-02")) == "person-not-a-member"
    early = corrected_facts("wang", "joined_on", "2012-09-01", "2012-05-01")
    assert refusal(twice, early) == "person-already-a-member"
    late = corrected_facts("wang", "joined_on", "2012-01-01", "2012-07-01", corrects=1)
    assert refusal(twice, late) == "left-before-joining"


def test_the_month_of_a_birth_stands_with_the_mother_too():
    household = given_household(arrived(*ADULTS), born("baby", month="2013-04", on="2013-06-20", mother="wang"))
    assert count(household, "COM2", "2013-07-25") == (0, 1)

    when(household, corrected_facts("baby", "birth_month", "2013-04", "2013-02", on="2013-07-01"))

    assert count(household, "COM2", "2013-07-25") == "not_applicable"
    assert refusal(household, corrected_facts("baby", "joined_on", "2013-06-20", "2013-06-21")) == "correction-path"


def test_the_month_of_a_birth_is_corrected_where_the_mother_lives_now():
    source = given_household(arrived(*ADULTS), born("baby", month="2013-04", on="2013-06-20", mother="wang"))
    target, _ = move(source)
    month = corrected_facts("wang", f"births.{named('baby')}", "2013-04", "2013-02", on="2013-07-01")
    assert count(target, "COM2", "2013-07-25") == (0, 1)
    assert source.mother_elsewhere(named("baby")) == named("wang")

    assert refusal(source, month) == "moved-with-person"
    late = corrected_facts("wang", f"births.{named('baby')}", "2013-04", "2013-07")
    assert refusal(target, late) == "born-later"
    assert refusal(target, corrected_facts("wang", f"births.{named('nobody')}", "2013-04", "2013-02")) == (
        "correction-path"
    )
    [event] = when(target, month)

    assert isinstance(event, MemberFactsCorrected)
    assert (event.corrects, target.people[named("wang")].births[0].origin) == (2, (source.id, 2))
    assert count(target, "COM2", "2013-07-25") == "not_applicable"
    assert refusal(target, voided_entry(target.version)) == "entry-of-two-households"


def test_a_child_who_moved_away_still_has_the_mother_who_stayed():
    source = given_household(arrived(*ADULTS), born("baby", month="2013-04", on="2013-06-20", mother="wang"))
    here = source.mother_elsewhere(named("baby"))

    new = split(source, "baby", on="2013-06-21")

    assert (here, new.mother_elsewhere(named("baby"))) == (None, named("wang"))
    assert state(again(new)) == state(new)
    when(source, corrected_facts("wang", f"births.{named('baby')}", "2013-04", "2013-02", on="2013-07-01"))
    assert count(source, "COM2", "2013-07-25") == "not_applicable"


def test_the_month_of_a_birth_is_corrected_with_the_child_where_both_are():
    household = given_household(arrived(*ADULTS), born("baby", month="2013-04", on="2013-06-20", mother="wang"))

    assert refusal(household, corrected_facts("wang", f"births.{named('baby')}", "2013-04", "2013-02")) == (
        "correction-path"
    )


def test_what_moved_is_corrected_where_it_is_now():
    source = given_household(arrived(*ADULTS), told("wang", education="primary"))
    target, _ = move(source)
    right = corrected_facts("wang", "education", "primary", "college")

    assert refusal(source, right) == "moved-with-person"
    assert refusal(target, right) is None
    assert refusal(target, corrected_facts("wang", "joined_on", "2013-06-01", "2013-06-02")) == (
        "entry-of-two-households"
    )
    assert refusal(target, corrected_facts("wang", "birth_month", "1982-05", "1982-06")) is None


def test_a_correction_can_be_voided():
    household = given_household(told("li", education="primary"), corrected_facts("li", "education", "primary", "none"))

    when(household, voided_entry(3))

    assert household.people[named("li")].told[-1].facts.education == "primary"


def test_what_happened_long_ago_may_be_corrected_but_not_in_the_future():
    clerk = By(today=date(2020, 1, 1))
    household = given_household(*given("SSI-CARD"))

    assert refusal(household, corrected_facts("li", "sex", "male", "female", on="2020-01-02"), by=clerk) == (
        "date-in-future"
    )
    assert refusal(household, corrected_facts("li", "sex", "male", "female", on="2020-01-01"), by=clerk) is None


def test_replayed_it_is_the_same():
    household = given_household(arrived(*ADULTS))
    events = [
        *household.entries,
        *when(household, corrected_facts("wang", "sex", "female", "male"), by=LATER),
    ]

    again = type(household)(household.id)
    for again.version, event in enumerate(events, 1):
        again.apply(event)

    assert vars(again) == vars(household)
