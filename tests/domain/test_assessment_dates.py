"""Time and dates in an assessment: one case for each row of RULES B."""

from datetime import UTC, datetime

import msgspec
import pytest

from casework.assessing import answer
from tests.domain.given import (
    ADULTS,
    COMMUNITY,
    ELSEWHERE,
    arrived,
    assessed,
    corrected,
    count,
    died,
    ended,
    given,
    given_household,
    joined,
    left,
    moved,
    needs,
    person,
    renewed,
    seen,
    stopped,
    told,
    voided,
    works,
)

TODAY = "2013-06-30"


def line(known_at, *commands):
    born = {"sex": "male", "born_on": "1980-03-02", "migrant": True}
    arrival = {"command": "register_household", "occurred_on": "2013-01-01", "community": COMMUNITY, "head": "li"}
    told = [arrival | {"members": [{"person_id": "li", "relation": "head"} | born]}, *commands]
    asked = {"as_of": TODAY, "known_at": known_at, "commands": told}
    return msgspec.json.decode(answer(msgspec.json.encode(asked)))


SEEN = {"command": "verify_residence", "outcome": "present"}


@pytest.mark.parametrize(("known_at", "met"), [("2013-03-04T16:00:00Z", 1), ("2013-03-04T15:59:59.999999Z", 0)])
def test_b1_what_was_recorded_at_the_instant_itself_is_known(known_at, met):
    answered = line(known_at, SEEN | {"occurred_on": "2013-03-01", "recorded_at": "2013-03-05T00:00:00+08:00"})

    assert answered["indicators"]["COM5"]["num"] == met


def test_b1_today_is_the_date_in_shanghai():
    at = datetime(2013, 3, 4, 16, 0, tzinfo=UTC)

    assert "refused" not in line(None, SEEN | {"occurred_on": "2013-03-05", "recorded_at": at.isoformat()})
    assert line(None, SEEN | {"occurred_on": "2013-03-06", "recorded_at": at.isoformat()})["rule"] == "date-in-future"


def test_b2_what_happens_later_does_not_count_yet():
    household = given_household(seen(on="2013-07-01"))

    assert count(household, "COM5", "2013-06-30") == (0, 1)
    assert count(household, "COM5", "2013-07-01") == (1, 1)


def test_b2_two_dates_of_one_event_must_be_the_same():
    answered = line(None, SEEN | {"occurred_on": "2013-03-05", "verified_on": "2013-03-04"})

    assert (answered["refused"], answered["rule"]) == (1, "date-mismatch")


def test_b2_values_that_follow_one_another_go_by_their_day_and_then_by_the_stream():
    household = given_household(
        *given("LIV-DIBAO", on="2013-01-01", valid_to="2013-04-30"),
        needs("LOW_INCOME", on="2013-01-01"),
        renewed("LIV-DIBAO", "2013-04-10", "2013-08-31"),
        renewed("LIV-DIBAO", "2013-04-05", "2013-07-31"),
    )

    assert count(household, "COM4", "2013-08-31") == (1, 1)
    assert count(household, "COM4", "2013-09-01") == (0, 1)


def test_b2_of_two_facts_of_one_day_the_later_in_the_stream_holds():
    household = given_household(told(student=("2013-01-01",)), told(student=("2013-01-01", "2013-02-01")))

    assert count(household, "CIT1", "2013-03-01") == (0, 2)


def test_b3_a_correction_and_a_void_hold_for_the_whole_past():
    corrections = [corrected("HLT-REC", "evidence.updated_on", "2013-03-01", "2010-01-01", on="2013-12-01")]
    both = [*given("HLT-REC", on="2013-03-01"), *given("SSI-CARD", on="2013-03-01")]
    household = given_household(*both, *corrections, voided("SSI-CARD", on="2013-12-01"))

    assert count(household, "COM1", "2013-03-02") == (0, 1)
    assert count(household, "CIT2", "2013-03-02") == (0, 1)


def test_b3_a_correction_of_the_day_of_the_grant_moves_its_default_first_day_too():
    household = given_household(
        *given("SSI-CARD", on="2013-03-01"), corrected("SSI-CARD", "granted_on", "2013-03-01", "2013-02-01")
    )

    assert count(household, "CIT2", "2013-02-01") == (1, 1)


def test_b3_a_renewal_counts_from_its_own_day():
    paid = given("SSI-MED", on="2013-01-01", scheme="resident", paid_through="2013-01")
    household = given_household(*paid, renewed("SSI-MED", "2013-06-15", paid_through="2013-06"))

    assert [count(household, "CIT1", on) for on in ("2013-05-10", "2013-06-15")] == [(0, 2), (1, 2)]


def test_b4_to_names_the_last_day_inside():
    household = given_household(works(since="2013-01-01"), stopped(to="2013-05-31"))

    assert count(household, "WRK1", "2013-05-31") == (0, 1)
    assert count(household, "WRK1", "2013-06-01") == "not_applicable"


@pytest.mark.parametrize("leaving", [left("wang", "2013-05-31"), died("wang", "2013-05-31")], ids=["left", "died"])
def test_b4_who_left_or_died_on_a_day_is_not_counted_on_it(leaving):
    household = given_household(arrived(*ADULTS), leaving)

    assert [count(household, "COM1", on) for on in ("2013-05-30", "2013-05-31")] == [(0, 2), (0, 1)]


def test_b4_a_service_that_ended_on_a_day_is_not_in_force_on_it():
    household = given_household(*given("SSI-CARD"), ended("SSI-CARD", "2013-05-31"))

    assert [count(household, "CIT2", on) for on in ("2013-05-30", "2013-05-31")] == [(1, 1), (0, 1)]


def test_b4_who_moved_on_a_day_lives_in_the_new_community_on_it():
    household = given_household(moved(ELSEWHERE, "2013-05-31"))

    assert assessed(household, "2013-05-30").community == COMMUNITY
    assert assessed(household, "2013-05-31").community == ELSEWHERE


def test_b4_a_job_counts_to_its_last_day_though_its_end_be_told_before():
    household = given_household(works(since="2013-01-01"), stopped(to="2013-05-31", told_on="2013-05-01"))

    assert [count(household, "WRK5", on) for on in ("2013-05-31", "2013-06-01")] == [(0, 1), "not_applicable"]


@pytest.mark.parametrize(("on", "met"), [("2013-02-28", 1), ("2013-03-01", 0)])
def test_b5_months_are_counted_forward_and_clamped_with_the_anniversary_inside(on, met):
    household = given_household(seen(on="2012-02-29"))

    assert count(household, "COM5", on) == (met, 1)


@pytest.mark.parametrize(("on", "expected"), [("2013-03-30", "not_applicable"), ("2013-03-31", (0, 1))])
def test_b6_the_thirtieth_day_after_the_start_is_the_first_inside(on, expected):
    assert count(given_household(works(since="2013-03-01")), "WRK1", on) == expected


@pytest.mark.parametrize(("on", "expected"), [("2013-05-03", "not_applicable"), ("2013-05-06", (0, 1))])
def test_b7_forty_five_working_days_are_mondays_to_fridays(on, expected):
    assert count(given_household(needs("INS_TRANSFER", on="2013-03-01")), "CIT4", on) == expected


@pytest.mark.parametrize(("on", "expected"), [("2014-02-28", (0, 1)), ("2014-03-01", (0, 2))])
def test_b8_a_birthday_of_29_february_falls_on_1_march_in_common_years(on, expected):
    household = given_household(arrived(person("li"), person("yu", "1996-02")))

    assert count(household, "COM3", on) == expected


@pytest.mark.parametrize(("on", "expected"), [("2013-08-31", "not_applicable"), ("2013-09-01", (0, 1))])
def test_b9_on_31_august_the_last_31_august_is_still_that_of_last_year(on, expected):
    household = given_household(arrived(person("li"), person("mei", "2007-08")))

    assert count(household, "SCH1", on) == expected


def test_b9_children_who_came_after_31_august_count_by_their_age_on_it():
    household = given_household(joined(person("mei", "2006-10"), on="2013-01-10"))

    assert count(household, "SCH2", "2013-01-10") == (0, 1)


def test_b10_an_evaluation_year_ends_on_30_september():
    household = given_household(told(migrant_until="2013-09-30"))

    assert assessed(household, "2013-09-30").settled
    assert assessed(household, "2013-10-01").status == "out_of_scope"
