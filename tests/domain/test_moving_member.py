"""A member who moves into another household takes along all that is theirs (RULES C5 and G4)."""

from typing import Any

import pytest

from casework.domain.aggregate import Recorded
from casework.domain.household import Household, fold
from casework.log.codec import EventMapper
from tests.domain.given import (
    ADULTS,
    LATER,
    Phrase,
    arrived,
    born,
    cleared,
    corrected,
    count,
    day,
    delivered,
    ended,
    given,
    given_household,
    left,
    named,
    needs,
    person,
    refusal,
    renewed,
    stopped,
    told,
    voided,
    when,
    works,
)

STORY: list[Phrase] = [
    *(works("wang", "acme", "2012-06-01"), *given("EMP-CONTRACT", "wang", "2012-06-01", at="acme")),
    *(needs("JOB", "wang", "2012-05-01"), delivered("EMP-GUIDE", "wang", "2012-05-10")),
    *given("SSI-MED", "wang", "2012-06-01", at="acme", paid_through="2012-12", scheme="employee"),
    renewed("SSI-MED", "2013-02-01", paid_through="2013-03"),
    *(told("wang", "2012-09-01", pregnancy=("2012-09-01",)), *given("SSI-CARD", "wang")),
    *(needs("HOUSING"), *given("HSG-PUB")),
]


def move(source: Household, on: str = "2013-06-01") -> tuple[Household, list[Recorded]]:
    """Another household, of "zhao", which takes "wang" in; and the events of that."""
    target = Household(named("target"))
    when(target, arrived(person("zhao"), on="2013-01-01"))
    member = source.leaving_member(named("wang"), "spouse")
    when(source, left("wang", on, "other_household", to_household=target.id))
    target.receive_member(LATER, joined_on=day(on), member=member)
    return target, target.collect_events()


def test_what_is_a_persons_counts_in_the_new_household_from_the_day_of_the_move():
    source = given_household(arrived(*ADULTS), *STORY)
    codes = ("WRK1", "WRK3", "CIT1", "CIT2", "CIT3", "COM2")
    before = {code: count(source, code, "2013-05-31") for code in codes}

    target, _ = move(source)

    assert {code: count(source, code, "2013-05-31") for code in codes} == before
    assert [count(target, code, "2013-05-31") for code in codes[:3]] == ["not_applicable", "not_applicable", (0, 2)]
    assert {code: count(target, code, "2013-06-01") for code in codes} == {
        "WRK1": (1, 1),
        "WRK3": (1, 1),
        "CIT1": (1, 7),
        "CIT2": (1, 2),
        "CIT3": "not_applicable",
        "COM2": (0, 1),
    }
    assert [count(source, code, "2013-06-01") for code in codes[:3]] == ["not_applicable", "not_applicable", (0, 2)]


def test_residence_in_the_city_is_kept():
    source = given_household(arrived(person("li"), person("wang", "2005-04")))

    target, _ = move(source)

    assert count(target, "SCH1", "2013-06-01") == (0, 1)


@pytest.mark.parametrize(
    "phrase",
    [
        stopped("wang"),
        cleared("JOB"),
        ended("SSI-CARD"),
        voided("SSI-CARD"),
        renewed("SSI-MED", paid_through="2013-05"),
    ],
    ids=lambda phrase: phrase.command,
)
def test_what_moved_is_told_where_it_is_now(phrase):
    source = given_household(arrived(*ADULTS), *STORY)
    target, _ = move(source)

    assert refusal(source, phrase) == "moved-with-person"
    assert refusal(target, phrase) is None


def test_a_grant_and_a_renewal_that_moved_are_corrected_each():
    target, _ = move(given_household(arrived(*ADULTS), *STORY))

    when(target, corrected("SSI-MED", "evidence.paid_through", "2013-03", "2013-02"))
    when(target, corrected("SSI-MED", "evidence.scheme", "employee", "resident"))

    terms = target.episodes[named("SSI-MED")].terms
    assert [t.evidence for t in terms] == [
        {"scheme": "resident", "paid_through": "2012-12"},
        {"paid_through": "2013-02"},
    ]


def test_who_comes_back_brings_everything_back():
    source = given_household(arrived(*ADULTS), *STORY)
    target, _ = move(source)
    member = target.leaving_member(named("wang"), "spouse")

    when(target, left("wang", "2013-07-01", "other_household", to_household=source.id))
    source.receive_member(LATER, joined_on=day("2013-07-01"), member=member)

    assert [count(source, "WRK1", on) for on in ("2013-05-31", "2013-06-30", "2013-07-01")] == [
        *((1, 1), "not_applicable", (1, 1)),
    ]
    assert refusal(source, ended("SSI-CARD", "2013-07-02")) is None


def test_births_travel_with_the_mother():
    source = given_household(arrived(*ADULTS), born(month="2013-04", on="2013-04-30", mother="wang"))

    target, _ = move(source)

    assert count(target, "COM2", "2013-06-01") == (0, 1)


def test_the_move_is_replayed_from_what_was_stored():
    source = given_household(arrived(*ADULTS), *STORY)
    target, events = move(source)
    mapper = EventMapper()

    begun = given_household_again(target)
    replayed: Any = fold(begun, [mapper.to_domain_event(mapper.to_stored_event(event)) for event in events])

    assert {k: v for k, v in vars(replayed).items() if k != "pending"} == {
        k: v for k, v in vars(target).items() if k != "pending"
    }


def given_household_again(target: Household) -> Household:
    again = Household(target.id)
    when(again, arrived(person("zhao"), on="2013-01-01"))
    return again
