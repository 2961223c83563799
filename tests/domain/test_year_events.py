"""What agencies and bureaus decided in an evaluation year (RULES U10), told in a household's events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from casework.domain.evaluation import AgencyCounts, Year
from casework.domain.household import Household
from casework.domain.policy import load_policy
from casework.domain.registry import unit_id
from casework.domain.state import Origin
from casework.domain.year_events import NOBODY, Acting, Decided, Deciding, origins_of
from tests.domain.given import (
    ADULTS,
    LATER,
    answered,
    arrived,
    closed,
    corrected,
    delivered,
    denied,
    ended,
    given,
    given_household,
    granted,
    named,
    person,
    referred,
    requested,
    voided,
    when,
)
from tests.domain.regrouped import merge, split

HALL, HRSS, CIV, SOMEWHERE = map(unit_id, ("hall", "HRSS", "CIV", "community"))
AT_HALL = Acting(HALL, "HRSS")
DECIDING = Deciding(load_policy("2013.1"), Year.of(2013), {HALL, HRSS, CIV})


def decided(
    household: Household, acting: Acting = AT_HALL, origins: Mapping[Origin, Acting] | None = None, scope: bool = True
) -> Decided:
    types = [entry.type_name for entry in household.entries]
    return DECIDING.count(household, types, lambda place: acting, origins or {}, is_in_scope=scope)


def counts(household: Household, unit: Any = HALL, **how: Any) -> AgencyCounts:
    found = decided(household, **how)
    faulted = sum(by == unit for by, _ in found.faulted)
    return AgencyCounts(*found.counts.get(unit, [0] * 10))._replace(faulted=faulted)


def test_a_decision_counts_for_the_agency_that_acted_and_for_its_bureau():
    household = given_household(given("SSI-CARD"))

    found = decided(household)

    assert set(found.counts) == {HALL, HRSS}
    expected = AgencyCounts(decided_in_time=1, decided=1, episodes=1, served=1)
    assert counts(household) == counts(household, HRSS) == expected


def test_who_is_no_agency_is_not_counted():
    household = given_household(given("SSI-CARD"))

    assert set(decided(household, Acting(SOMEWHERE)).counts) == {HRSS}


@pytest.mark.parametrize(
    ("on", "in_time"),
    [("2013-03-29", 1), ("2013-03-30", 0)],
    ids=["on the twentieth working day", "the day after"],
)
def test_a_decision_is_in_time_within_the_limit_of_the_service(on: str, in_time: int):
    household = given_household(requested("SSI-CARD", on="2013-03-01"), granted("SSI-CARD", on=on))

    assert counts(household)[:2] == (in_time, 1)


@pytest.mark.parametrize(
    ("on", "decisions"), [("2012-09-30", 0), ("2012-10-01", 1), ("2013-09-30", 1), ("2013-10-01", 0)]
)
def test_a_decision_counts_in_the_year_of_its_day(on: str, decisions: int):
    household = given_household(requested("SSI-CARD", on="2012-09-20"), denied("SSI-CARD", on=on))

    assert counts(household).decided == decisions


def test_what_is_late_and_undecided_on_the_last_day_counts_where_it_lies():
    late = requested("SSI-CARD", on="2013-08-01")
    waiting = given_household(late)
    decided_later = given_household(late, granted("SSI-CARD", on="2013-10-02"))
    passed_on = given_household(late, referred("SSI-CARD", on="2013-08-02"))
    young = given_household(requested("SSI-CARD", on="2013-09-20"))
    gone = given_household(late, closed("left_city", on="2013-09-01"))

    overdue = [counts(each).overdue for each in (waiting, decided_later, passed_on, young, gone)]

    assert overdue == [1, 1, 1, 0, 0]
    assert (counts(waiting, HRSS).overdue, counts(passed_on, HRSS).overdue, counts(passed_on, CIV).overdue) == (1, 0, 1)


def test_what_ends_after_one_referral_at_most_was_one_stop():
    direct = given_household(given("SSI-CARD"), ended("SSI-CARD"))
    sent_about = given_household(requested("SSI-CARD"))
    for source, to in (("HRSS", "CIV"), ("CIV", "HRSS")):
        when(sent_about, referred("SSI-CARD", to=to, source=source, referral=to))
        when(sent_about, answered("SSI-CARD", referral=to), by=LATER._replace(bureau=to))
    when(sent_about, granted("SSI-CARD"), ended("SSI-CARD"))

    assert counts(direct)[3:5] == (1, 1)
    assert counts(sent_about)[3:5] == (0, 1)


@pytest.mark.parametrize(
    ("asked", "answer", "expected"),
    [
        ("2013-03-01", "2013-03-08", (1, 1)),
        ("2013-03-01", "2013-03-09", (0, 1)),
        ("2013-03-01", None, (0, 1)),
        ("2013-09-27", None, (0, 0)),
        ("2013-09-27", "2013-10-01", (0, 0)),
        ("2013-09-27", "2013-09-30", (1, 1)),
        ("2012-09-27", "2012-10-01", (0, 0)),
    ],
)
def test_a_referral_is_due_once_its_five_working_days_are_over_or_it_is_answered(
    asked: str, answer: str | None, expected: tuple[int, int]
):
    story = [requested("SSI-CARD", on=asked), referred("SSI-CARD", on=asked)]
    household = given_household(*story)
    if answer:
        when(household, answered("SSI-CARD", on=answer), by=LATER._replace(bureau="CIV"))

    assert counts(household, CIV)[5:7] == expected


def test_an_episode_that_was_entered_wrongly_or_voided_is_the_agencys_fault_once():
    card, mistaken = given("SSI-CARD"), given("HLT-REC", id="mistaken")
    story = [
        *card,
        *mistaken,
        corrected("SSI-CARD", "valid_to", None, "2014-01-01"),
        voided("SSI-CARD", on="2013-04-01"),
        voided("mistaken", on="2013-10-05"),
    ]
    household = given_household(*story)

    found = decided(household)

    assert found.faulted == {(HALL, named("SSI-CARD")), (HRSS, named("SSI-CARD"))}
    assert (counts(household).episodes, counts(household).decided) == (2, 0)


def test_a_correction_after_changed_circumstances_is_nobodys_fault():
    story = [*given("SSI-CARD"), corrected("SSI-CARD", "valid_to", None, "2014-01-01", reason="changed_circumstances")]

    assert decided(given_household(*story)).faulted == set()


def test_a_household_is_served_once_and_only_in_scope():
    household = given_household(given("SSI-CARD"), delivered("CUL-USE"), delivered("CUL-USE", on="2013-04-01"))

    assert counts(household).served == 1
    assert counts(household, scope=False).served == 0
    assert counts(given_household(delivered("CUL-USE", on="2012-09-30"))).served == 0


def test_a_household_registered_in_error_decided_nothing():
    household = given_household(given("SSI-CARD"), closed("registered_in_error", on="2013-04-01"))

    assert counts(household)._replace(served=0) == AgencyCounts()


def split_off(household: Household) -> Household:
    return split(household, "wang")


def merged_into_another(household: Household) -> Household:
    other = Household(named("other"))
    when(other, arrived(person("zhao")))
    merge(household, other)
    return other


@pytest.mark.parametrize("goes_on", [split_off, merged_into_another])
def test_what_goes_on_to_another_household_counts_there_for_who_decided_first(goes_on: Any):
    household = given_household(arrived(*ADULTS), given("SSI-CARD", "wang"))
    other = goes_on(household)
    when(other, ended("SSI-CARD", on="2013-07-01"))
    [origin] = origins_of(other)

    here, there = counts(household), counts(other, acting=NOBODY, origins={origin: AT_HALL})

    assert origin == Origin(household.id, 3)
    assert here == AgencyCounts(served=1)
    assert there == AgencyCounts(1, 1, 0, 1, 1, episodes=1)
