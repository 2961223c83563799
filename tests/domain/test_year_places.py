"""What became of people in training and of pupils in an evaluation year (RULES U11; DOMAIN 8.6, K08)."""

from __future__ import annotations

from typing import Any

import pytest

from casework.domain.evaluation import ProviderCounts, SchoolCounts, Year
from casework.domain.household import Household
from casework.domain.policy import load_policy
from casework.domain.registry import unit_id
from casework.domain.year_places import BITS, Training, count_schools
from tests.domain.given import (
    ADULTS,
    MEI,
    arrived,
    closed,
    ended,
    given,
    given_household,
    granted,
    left,
    named,
    needs,
    requested,
    started,
    voided,
    works,
)
from tests.domain.regrouped import split

YEAR = Year.of(2013)
TRAINING = Training(load_policy("2013.1"), YEAR)
PROVIDER, SCHOOL = unit_id("provider"), unit_id("school")


def trained(household: Household, name: str = "li") -> set[str]:
    """What somebody was to the provider."""
    bits = TRAINING.count(household).get((PROVIDER, named(name)), 0)
    return {field for field in ProviderCounts._fields if bits & BITS[field]}


def course(
    began: str = "2013-01-10", over: str | None = "2013-02-20", reason: str = "completed", **more: Any
) -> list[Any]:
    story = [*given("EMP-TRAIN", on="2012-06-01", at="provider", **more), started("EMP-TRAIN", on=began)]
    return story + ([ended("EMP-TRAIN", on=over, reason=reason)] if over else [])


def test_whoever_completes_what_they_began_in_the_year_is_enrolled_and_completed():
    assert trained(given_household(course())) == {
        "trainees", "enrolled", "completed", "completers", "unemployed_at_entry",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (course(over=None), {"trainees"}),
        (course(over=None, valid_to="2013-09-29"), {"trainees", "enrolled"}),
        (course(over=None, valid_to="2013-09-30"), {"trainees"}),
        (course(reason="withdrawn"), {"trainees", "enrolled"}),
        (course(over="2013-10-01"), {"trainees"}),
        (course(began="2012-09-30", over="2012-09-30"), {"unemployed_at_entry"}),
        (course(began="2012-09-01", over="2013-09-30"), {"completers"}),
        ([*course(), voided("EMP-TRAIN")], set()),
        ([*course(), closed("registered_in_error")], set()),
    ],
)
def test_dates_decide_what_counts(story: Any, expected: set[str]):
    assert trained(given_household(*story)) == expected


def test_a_certificate_counts_with_the_completion():
    assert "certified" in trained(given_household(course(certified=True)))
    assert "certified" not in trained(given_household(course(certified=False)))


@pytest.mark.parametrize(
    ("over", "is_in"), [("2012-04-03", False), ("2012-04-04", True), ("2013-04-03", True), ("2013-04-04", False)]
)
def test_employment_is_asked_of_those_whose_180_days_were_over(over: str, is_in: bool):
    story = [*given("EMP-TRAIN", on="2012-03-01", at="provider"), started("EMP-TRAIN", on="2012-03-02")]

    found = trained(given_household(*story, ended("EMP-TRAIN", on=over, reason="completed")))

    assert ("unemployed_at_entry" in found) == is_in


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2013-02-19", {"unemployed_at_entry"}),
        ("2013-02-20", {"unemployed_at_entry", "employed"}),
        ("2013-08-19", {"unemployed_at_entry", "employed"}),
        ("2013-08-20", {"unemployed_at_entry"}),
        ("2013-01-10", set()),
    ],
)
def test_work_of_any_kind_begun_within_180_days_counts(since: str, expected: set[str]):
    household = given_household(course(), works(since=since, kind="platform"))

    assert trained(household) & {"unemployed_at_entry", "employed"} == expected


def test_a_need_counts_where_it_was_live_on_the_first_day():
    assert "with_need" in trained(given_household(needs("TRAINING", on="2013-01-10"), course()))
    assert "with_need" not in trained(given_household(needs("TRAINING", on="2013-01-11"), course()))


def test_a_trainee_who_goes_on_to_another_household_counts_there():
    household = given_household(arrived(*ADULTS), course())
    other = split(household, "li", new_head="wang")

    assert trained(household) == set()
    assert "completed" in trained(other)


def schools(household: Household) -> SchoolCounts:
    return SchoolCounts(*count_schools(household, YEAR).get(SCHOOL, [0] * 4))


def pupil(*story: Any) -> Household:
    return given_household(arrived(*ADULTS, MEI), *story)


def test_an_applicant_counts_once_and_may_be_admitted():
    asked = [
        requested("EDU-COMP", "mei", on="2012-10-01", at="school"),
        granted("EDU-COMP", on="2012-10-20"),
    ]
    again = [ended("EDU-COMP", on="2013-06-01"), *given("EDU-COMP", "mei", on="2013-09-01", at="school", id="again")]

    assert schools(pupil(asked[0])) == SchoolCounts(admitted=0, applicants=1)
    assert schools(pupil(*asked, *again)) == SchoolCounts(admitted=1, applicants=1)


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ([], SchoolCounts(kept=0, pupils_a_year_ago=1)),
        (given("EDU-COMP", "mei", on="2013-09-01", at="school", id="next"), SchoolCounts(1, 1, 1, 1)),
        (given("EDU-COMP", "mei", on="2013-09-01", at="other", id="next"), SchoolCounts(kept=0, pupils_a_year_ago=1)),
        ([left("mei", on="2013-08-01", reason="left_city")], SchoolCounts()),
    ],
    ids=["no place", "the same school", "another school", "moved away"],
)
def test_pupils_of_a_year_ago_are_kept_by_the_same_school(since: Any, expected: SchoolCounts):
    assert schools(pupil(*given("EDU-COMP", "mei", on="2012-09-01", at="school"), *since)) == expected
