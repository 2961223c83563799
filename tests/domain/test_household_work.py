"""Commands on work and needs (DOMAIN 8.2, 15 to 18): what each records, refuses, and does not repeat."""

import pytest

from casework.domain.events.livelihood import EmploymentEnded, EmploymentStarted, NeedCleared, NeedRecorded
from tests.domain.given import (
    ADULTS,
    arrived,
    cleared,
    day,
    given_household,
    joined,
    left,
    named,
    needs,
    person,
    refusal,
    stopped,
    unit_id,
    when,
    works,
)


def test_starting_work_records_the_job_and_only_once():
    household = given_household()

    assert when(household, works(since="2013-01-01", told_on="2013-03-01")) == [
        EmploymentStarted(
            occurred_on=day("2013-03-01"),
            employment_id=named("li at acme"),
            person_id=named("li"),
            kind="employee",
            from_=day("2013-01-01"),
            unit_id=unit_id("acme"),
        )
    ]
    assert when(household, works(since="2013-02-01", kind="family")) == []


def test_work_may_have_begun_before_the_person_joined():
    household = given_household(joined(person("wang", "1982-05", "female"), on="2013-03-01"))

    assert refusal(household, works("wang", since="2010-01-01", told_on="2013-03-01")) is None


@pytest.mark.parametrize(("since", "rule"), [("2013-03-14", "under-working-age"), ("2013-03-15", None)])
def test_work_begins_at_16_by_the_exact_date_of_birth(since, rule):
    household = given_household(arrived(person("li", "1997-03")))

    assert refusal(household, works(since=since, born="1997-03-15")) == rule


def test_a_job_that_ended_has_a_last_day():
    assert when(given_household(works(since="2013-01-01")), stopped(to="2013-02-28", told_on="2013-03-05")) == [
        EmploymentEnded(
            occurred_on=day("2013-03-05"), employment_id=named("li at acme"), to=day("2013-02-28"), reason="resigned"
        )
    ]


def test_a_need_is_recorded_once():
    household = given_household()

    assert when(household, needs("JOB")) == [
        NeedRecorded(
            occurred_on=day("2013-03-01"), need_id=named("JOB"), need="JOB", result="present", person_id=named("li")
        )
    ]
    assert when(household, needs("JOB")) == []


def test_a_need_is_assessed_anew_once_it_was_cleared_or_found_absent():
    household = given_household(needs("JOB"), cleared("JOB", on="2013-03-01"))

    assert refusal(household, needs("JOB", result="absent", id="second")) is None
    assert refusal(household, needs("JOB", id="third")) is None


def test_the_same_need_of_another_person_is_another_need():
    assert refusal(given_household(arrived(*ADULTS), needs("JOB")), needs("JOB", "wang", id="wang's")) is None


def test_clearing_a_need_records_why():
    assert when(given_household(needs("JOB")), cleared("JOB", "lapsed", "2013-03-02")) == [
        NeedCleared(occurred_on=day("2013-03-02"), need_id=named("JOB"), reason="lapsed")
    ]


@pytest.mark.parametrize(
    ("rule", "story", "phrase"),
    [
        ("person-unknown", [], works("stranger")),
        ("person-left", [left("wang", "2013-03-01")], works("wang", since="2013-03-01")),
        ("unknown-code", [], works(kind="hobby")),
        ("employment-unknown", [], stopped()),
        ("employment-ended", [works(), stopped()], stopped()),
        ("ends-before-start", [works(since="2013-03-02")], stopped(to="2013-03-01", told_on="2013-03-02")),
        ("unknown-code", [], needs("LOVE")),
        ("unknown-code", [], needs("JOB", result="perhaps")),
        ("person-needed", [], needs("JOB", None)),
        ("person-unknown", [], needs("JOB", "stranger")),
        ("person-left", [left("wang", "2013-03-01")], needs("JOB", "wang")),
        ("need-open", [needs("JOB")], needs("JOB", id="again")),
        ("need-open", [needs("JOB")], needs("JOB", result="absent", id="again")),
        ("need-unknown", [], cleared("JOB")),
        ("need-not-open", [needs("JOB"), cleared("JOB")], cleared("JOB")),
        ("need-not-open", [needs("JOB", result="absent")], cleared("JOB")),
        ("cleared-before-assessed", [needs("JOB")], cleared("JOB", on="2013-02-28")),
        ("unknown-code", [needs("JOB")], cleared("JOB", "forgotten")),
    ],
)
def test_a_command_on_work_and_needs_is_refused_by_its_rule(rule, story, phrase):
    assert refusal(given_household(arrived(*ADULTS), *story), phrase) == rule


def test_a_need_of_the_household_is_not_a_persons():
    housing = needs("HOUSING")

    assert refusal(given_household(), housing._replace(fields=housing.fields | {"person_id": named("li")})) == (
        "need-of-household"
    )
