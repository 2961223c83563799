"""Who is counted: one case for each row of RULES C."""

import pytest

from tests.domain.given import (
    ADULTS,
    ELSEWHERE,
    MEI,
    arrived,
    assessed,
    closed,
    count,
    day,
    delivered,
    died,
    given_household,
    joined,
    left,
    moved,
    needs,
    person,
    told,
    works,
)

TODAY = "2013-06-30"


def test_c1_members_with_local_hukou_are_counted_beside_a_migrant():
    household = given_household(arrived(person("li"), person("wang", "1982-05", "female", migrant=False)))

    assert count(household, "CIT1", TODAY) == (0, 4)


def test_c2_without_a_migrant_nothing_is_assessed():
    assessment = assessed(given_household(arrived(person("li", migrant=False))), TODAY)

    assert (assessment.status, assessment.indicators) == ("out_of_scope", {})
    assert {score.band for score in (*assessment.levels.values(), assessment.overall)} == {"NA"}


def test_c2_a_flag_that_was_never_told_is_not_true():
    assert assessed(given_household(arrived(person("li", migrant=None))), TODAY).status == "out_of_scope"


@pytest.mark.parametrize(
    ("until", "status"),
    [("2012-10-01", "out_of_scope"), ("2012-10-02", "assessed"), ("2013-06-30", "assessed")],
)
def test_c3_who_gained_local_hukou_in_the_evaluation_year_counts_to_its_end(until, status):
    assessment = assessed(given_household(told(on=until, migrant_until=until)), TODAY)

    assert (assessment.status, assessment.settled) == (status, status == "assessed")


def test_c3_who_gained_local_hukou_and_left_settles_nobody():
    household = given_household(
        arrived(person("li", migrant=False), person("wang", "1982-05", "female")),
        *(told("wang", on="2013-03-01", migrant_until="2013-03-01"), left("wang", "2013-04-01")),
    )

    assert [assessed(household, on).status for on in ("2013-03-31", "2013-04-01")] == ["assessed", "out_of_scope"]


def test_c3_a_migrant_again_is_a_migrant():
    household = given_household(told(on="2012-05-01", migrant=False), told(on="2013-03-01", migrant=True))

    assert [assessed(household, on).status for on in ("2013-02-28", "2013-03-01")] == ["out_of_scope", "assessed"]


def test_c3_a_last_day_that_was_told_holds_until_another_is_told():
    arrival = arrived(person("li", migrant_until=day("2013-06-01")))
    again = given_household(arrival, told(on="2013-01-01", migrant=True))
    later = given_household(arrival, told(on="2013-07-01", migrant_until="2014-01-01"))

    assert [assessed(again, on).status for on in ("2013-05-31", "2013-10-30")] == ["assessed", "out_of_scope"]
    assert [assessed(later, on).settled for on in ("2013-06-30", "2013-07-01", "2014-01-01")] == [True, False, True]
    assert assessed(later, "2014-10-01").status == "out_of_scope"


def test_c3_a_household_that_gained_local_hukou_is_assessed_to_the_end_of_the_evaluation_year():
    household = given_household(closed("gained_local_hukou", "2013-03-01"))

    assert [assessed(household, on).status for on in ("2013-09-30", "2013-10-01")] == ["assessed", "closed"]
    assert [assessed(household, on).settled for on in ("2013-02-28", "2013-03-01")] == [False, True]


@pytest.mark.parametrize("reason", ["left_city", "dissolved"])
def test_c4_a_household_counts_from_its_arrival_to_the_day_before_it_is_closed(reason):
    household = given_household(closed(reason, "2013-03-01"))

    days = ("2011-12-31", "2012-01-01", "2013-02-28", "2013-03-01")
    assert [assessed(household, on).status for on in days] == ["not_arrived", "assessed", "assessed", "closed"]


def test_c4_what_was_registered_in_error_counts_on_no_day():
    assert assessed(given_household(closed("registered_in_error", "2013-03-01")), "2012-06-30").status == "closed"


def test_c4_a_household_whose_last_member_died_is_not_assessed():
    assert assessed(given_household(died("li", "2013-03-01")), "2013-03-01").status == "no_members"


@pytest.mark.parametrize(("since", "expected"), [(None, "not_applicable"), ("2013-05-01", (0, 1))])
def test_c5_residence_begins_when_the_member_came_or_as_another_household_says(since, expected):
    household = given_household(joined(person("mei", "2005-04", since=since), on="2013-06-01"))

    assert count(household, "SCH1", TODAY) == expected
    assert count(household, "SCH1", "2013-07-01") == (0, 1)


def test_c5_a_move_inside_the_city_keeps_residence_and_leaving_the_city_ends_it():
    family = arrived(person("li"), MEI)
    mover = given_household(family, moved(ELSEWHERE, "2013-06-20"))
    back = given_household(*(family, left("mei", "2013-02-01", "left_city"), joined(MEI, on="2013-06-20")))

    assert count(mover, "SCH1", TODAY) == (0, 1)
    assert count(back, "SCH1", TODAY) == "not_applicable"


def test_c6_new_members_count_from_their_first_day_elsewhere():
    household = given_household(joined(person("wang", "1982-05", "female"), on=TODAY))

    assert {code: count(household, code, TODAY) for code in ("COM1", "COM3", "CIT1", "CIT2")} == {
        "COM1": (0, 2),
        "COM3": (0, 2),
        "CIT1": (0, 4),
        "CIT2": (0, 2),
    }


@pytest.mark.parametrize(("need", "code"), [("JOB", "WRK3"), ("TRAINING", "WRK2"), ("STARTUP", "WRK4")])
def test_c7_a_need_for_work_counts_from_the_age_of_16(need, code):
    household = given_household(joined(person("yu", "1997-04"), on="2013-01-01"), needs(need, "yu"))

    assert [count(household, code, on) for on in ("2013-04-29", "2013-04-30")] == ["not_applicable", (0, 1)]


@pytest.mark.parametrize(
    ("sex", "kind", "expected"),
    [
        ("female", "employee", [(0, 1), "not_applicable"]),
        ("female", "dispatched", [(0, 1), "not_applicable"]),
        ("male", "employee", [(0, 1), (0, 1)]),
        *(("male", kind, ["not_applicable"] * 2) for kind in ("part_time", "self_employed", "platform", "family")),
    ],
)
def test_c8_an_employee_is_employed_or_dispatched_and_below_retirement(sex, kind, expected):
    household = given_household(arrived(person("li", "1958-06", sex)), works(since="2013-01-01", kind=kind))

    assert [count(household, "WRK1", on) for on in ("2013-06-29", "2013-06-30")] == expected


def test_c8_two_jobs_with_one_employer_are_one_entry_and_with_two_employers_two():
    jobs = [works(since="2013-01-01"), works("wang", "acme", "2013-05-15"), works("wang", "bolt", "2013-01-01")]
    household = given_household(arrived(*ADULTS), *jobs)

    assert count(household, "WRK1", TODAY) == (0, 3)
    assert count(household, "WRK1", "2013-06-01") == (0, 2)
    assert count(household, "CIT1", TODAY) == (0, 10)


def test_c9_what_those_gave_and_needed_who_left_no_longer_counts():
    household = given_household(
        *(arrived(*ADULTS), delivered("CUL-FIT", "wang"), needs("JOB", "wang"), left("wang", "2013-06-01"))
    )

    assert [count(household, "CIT5", on) for on in ("2013-05-31", "2013-06-01")] == [(1, 1), (0, 1)]
    assert [count(household, "WRK3", on) for on in ("2013-05-31", "2013-06-01")] == [(0, 1), "not_applicable"]
