"""Which public-health services are due (COM2): a case for each row of the table in RULES E."""

import pytest

from tests.domain.given import (
    arrived,
    assessed,
    born,
    cleared,
    count,
    delivered,
    ended,
    given,
    given_household,
    joined,
    needs,
    person,
    told,
)

NONE = "not_applicable"


def counts(household, *days):
    return [count(household, "COM2", on) for on in days]


def due(household, on):
    return {count.what for count in assessed(household, on).indicators["COM2"].counts}


def dose(name, on):
    vaccine = name.rstrip("0123456789")
    return delivered("HLT-VAC", "bao", on, id=name, vaccine=vaccine, dose=int(name.removeprefix(vaccine)))


SCHEDULE = {
    "2012-06-30": ["BCG1"],
    "2013-03-31": ["HepB3", "OPV3", "DTaP3", "MR1", "JE1"],
    "2013-09-30": ["MenA2"],
    "2014-03-31": ["DTaP4", "MMR1", "HepA1"],
    "2015-03-31": ["JE2"],
    "2016-03-31": ["MenAC1"],
    "2017-03-31": ["OPV4"],
    "2018-09-30": ["DT1", "MenAC2"],
}
"""For a child born in March 2012, by the deadlines of 3, 12, 18, 24, 36, 48, 60 and 78 months."""


def with_a_baby(*told):
    return given_household(arrived(person("li", "1985-01", "female"), person("bao", "2012-03"), on="2012-04-10"), *told)


@pytest.mark.parametrize("deadline", SCHEDULE)
def test_a_child_has_all_doses_of_its_deadlines_or_is_not_vaccinated(deadline):
    doses = [name for by, names in SCHEDULE.items() if by <= deadline for name in names]

    whole = with_a_baby(*(dose(name, deadline) for name in doses), delivered("HLT-CHI", "bao", deadline))
    assert count(whole, "COM2", deadline) == (2, 2)
    for missing in SCHEDULE[deadline]:
        partly = with_a_baby(*(dose(name, deadline) for name in doses if name != missing))
        assert count(partly, "COM2", deadline) == (0, 2)


def test_a_vaccination_is_due_from_its_deadline_on():
    assert counts(with_a_baby(delivered("HLT-CHI", "bao", "2012-06-01")), "2012-06-29", "2012-06-30") == [
        (1, 1),
        (1, 2),
    ]


def test_a_dose_that_is_caught_up_counts_from_its_day():
    late = with_a_baby(dose("BCG1", "2012-08-15"), delivered("HLT-CHI", "bao", "2012-06-01"))

    assert counts(late, "2012-08-14", "2012-08-15") == [(1, 2), (2, 2)]


def test_nothing_is_due_to_a_child_from_the_7th_birthday():
    assert counts(with_a_baby(), "2019-03-30", "2019-03-31") == [(0, 2), NONE]


def test_what_fell_due_elsewhere_or_within_30_days_of_arrival_is_not_this_citys_miss():
    on_the_day = given_household(joined(person("bao", "2012-03"), on="2012-05-31"))
    too_late = given_household(joined(person("bao", "2012-03"), on="2012-06-01"))

    assert count(on_the_day, "COM2", "2012-07-01") == (0, 1)  # BCG1 by 30 June is 30 days after 31 May
    assert count(too_late, "COM2", "2012-07-01") == NONE


@pytest.mark.parametrize(("visited", "met"), [("2012-05-31", 0), ("2012-06-01", 1), ("2012-08-31", 1)])
def test_a_child_is_seen_on_or_after_the_first_day_of_the_last_window(visited, met):
    household = with_a_baby(dose("BCG1", "2012-06-01"), delivered("HLT-CHI", "bao", visited))

    assert count(household, "COM2", "2012-08-31") == (1 + met, 2)  # 3 to 5 months: from 1 June, by 31 August


def test_windows_open_from_the_first_day_of_the_birth_month_and_close_from_its_last():
    household = with_a_baby(dose("BCG1", "2012-06-01"), delivered("HLT-CHI", "bao", "2012-06-30"))

    assert counts(household, "2012-08-31", "2012-11-29", "2012-11-30") == [(2, 2), (2, 2), (1, 2)]


PREGNANT = told("li", "2012-06-01", pregnancy=("2012-06-01",))


def mother(*told):
    return given_household(arrived(person("li", "1985-01", "female")), *told)


def test_a_pregnancy_is_due_its_visits_by_their_deadlines():
    visits = [delivered("HLT-MAT", on="2012-06-01"), delivered("HLT-MAT", on="2012-09-21", id="second")]
    household = mother(PREGNANT, *visits)

    assert counts(household, "2012-08-30", "2012-08-31", "2012-10-25", "2012-10-26", "2012-11-23") == [
        *(NONE, (1, 1), (1, 1), (1, 1), (0, 1)),
    ]


def test_a_pregnancy_ends_by_itself_after_301_days_and_ends_the_pair():
    assert counts(mother(PREGNANT), "2013-03-28", "2013-03-29") == [(0, 1), NONE]


def test_a_pregnancy_that_was_told_to_end_is_due_only_what_fell_due_before():
    household = mother(PREGNANT, told("li", "2012-09-10", pregnancy=("2012-06-01", "2012-10-01")))

    assert counts(household, "2012-09-30", "2012-10-01") == [(0, 1), NONE]


def test_a_mother_is_seen_after_the_birth_for_90_days():
    household = mother(born(month="2013-03", on="2013-03-20", mother="li"))

    days = ("2013-04-27", "2013-04-28", "2013-06-29", "2013-06-30")
    assert ["HLT-MAT" in due(household, on) for on in days] == [False, True, True, False]


@pytest.mark.parametrize(("visited", "met"), [("2013-03-28", 0), ("2013-03-29", 1), ("2013-05-26", 1)])
def test_the_second_visit_after_a_birth_counts_from_the_28th_day_of_its_window(visited, met):
    household = mother(born(month="2013-03", on="2013-03-20", mother="li"), delivered("HLT-MAT", on=visited))

    assert count(household, "COM2", "2013-05-26") == (met, 1)  # 28 to 56 days: from 29 March, by 26 May


def test_a_birth_without_a_mother_makes_no_visits_due():
    assert count(given_household(born(month="2013-03", on="2013-03-20")), "COM2", "2013-05-26") == NONE


def test_the_elderly_are_checked_every_year_from_a_year_after_65():
    household = given_household(arrived(person("li", "1947-06")), delivered("HLT-ELD", on="2012-12-01"))

    assert counts(household, "2013-06-30", "2013-07-01", "2013-12-01", "2013-12-02") == [NONE, (1, 1), (1, 1), (0, 1)]


def test_the_elderly_are_checked_from_a_year_after_they_came():
    household = given_household(arrived(person("li", "1940-06"), on="2012-06-15"))

    assert counts(household, "2013-06-15", "2013-06-16") == [NONE, (0, 1)]


@pytest.mark.parametrize(("need", "service"), [("CHRONIC", "HLT-CHR"), ("PSYCH", "HLT-PSY")])
def test_who_needs_care_is_followed_up_every_three_months(need, service):
    household = given_household(needs(need, on="2013-03-01"), delivered(service, on="2013-05-01"))

    assert counts(household, "2013-06-01", "2013-06-02", "2013-08-01", "2013-08-02") == [NONE, (1, 1), (1, 1), (0, 1)]


def test_care_is_due_from_three_months_after_arrival():
    household = given_household(
        joined(person("wang", "1960-01"), on="2013-03-10"), needs("CHRONIC", "wang", on="2013-03-01")
    )

    assert counts(household, "2013-06-10", "2013-06-11") == [NONE, (0, 1)]


def test_care_is_not_due_once_the_need_is_cleared():
    household = given_household(needs("CHRONIC", on="2013-03-01"), cleared("CHRONIC", "met", "2013-07-01"))

    assert counts(household, "2013-06-30", "2013-07-01") == [(0, 1), NONE]


def test_a_visit_that_was_requested_as_an_episode_counts_on_the_day_it_was_completed():
    household = with_a_baby(
        *(*given("HLT-CHI", "bao", "2012-05-01"), ended("HLT-CHI", "2012-05-20", "completed")),
        dose("BCG1", "2012-06-01"),
    )

    assert count(household, "COM2", "2012-06-30") == (2, 2)


def test_one_member_and_service_make_one_pair():
    household = given_household(
        arrived(person("li", "1945-01")),
        *(needs("CHRONIC", on="2012-02-01"), needs("PSYCH", on="2012-02-01"), delivered("HLT-CHR", on="2013-05-01")),
    )

    assert count(household, "COM2", "2013-06-30") == (1, 3)
    assert due(household, "2013-06-30") == {"HLT-ELD", "HLT-CHR", "HLT-PSY"}
