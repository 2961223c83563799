"""The eighteen indicators, where the table of DOMAIN 8.4 leaves room: one case for each row of RULES E."""

import pytest

from casework.domain.assessment import count as counted
from casework.domain.policy import load_policy
from casework.domain.present import Present
from casework.domain.registry import Facts
from tests.domain.given import (
    ADULTS,
    BAO,
    INSURANCES,
    MEI,
    arrived,
    assessed,
    cleared,
    collective,
    count,
    day,
    delivered,
    ended,
    given,
    given_household,
    joined,
    knowing,
    needs,
    person,
    seen,
    started,
    stopped,
    told,
    unit_id,
    works,
)

TODAY = "2013-06-30"


def counts(household, code, *days, facts=None):
    return [count(household, code, on, facts) for on in days]


def test_sch1_counts_children_of_6_to_14_at_the_last_31_august():
    months = ("2006-08", "2006-09", "1998-08", "1997-08", "1997-09")
    household = given_household(arrived(person("li"), *(person(month, month) for month in months)))

    assert count(household, "SCH1", TODAY) == (0, 3)  # of 6, 14 and 14; not of 5 and 15


def test_sch1_asks_for_30_days_in_the_city():
    household = given_household(joined(MEI, on="2013-05-31"))

    assert counts(household, "SCH1", "2013-06-29", "2013-06-30") == ["not_applicable", (0, 1)]


def test_sch1_makes_no_exception_for_an_early_graduate():
    place = given("EDU-COMP", "xiu", on="2012-09-01", at="school", grade=9)
    household = given_household(arrived(person("li"), person("xiu", "1998-02")), *place)

    assert counts(household, "SCH1", "2013-08-31", "2013-09-01") == [(1, 1), "not_applicable"]
    assert count(given_household(arrived(person("li"), person("xiu", "1998-10"))), "SCH1", "2013-09-01") == (0, 1)


def test_sch2_counts_children_of_3_to_5_from_their_first_day_with_a_place_in_kindergarten_or_school():
    children = [joined(person(month, month), on=TODAY) for month in ("2009-08", "2007-01", "2008-01")]
    places = [*given("EDU-PRE", "2009-08", TODAY, "kindergarten"), *given("EDU-COMP", "2007-01", TODAY, "school")]

    assert count(given_household(*children, *places), "SCH2", TODAY) == (2, 3)


@pytest.mark.parametrize(
    ("shown", "met"),
    [
        ({"fee_free": True, "mixed_class": True, "ownership": "public"}, 1),
        ({"fee_free": True, "mixed_class": True, "ownership": "purchased_place"}, 1),
        ({"fee_free": True, "mixed_class": True, "ownership": "private"}, 0),
        ({"fee_free": False, "mixed_class": True, "ownership": "public"}, 0),
        ({"fee_free": True, "mixed_class": False, "ownership": "public"}, 0),
    ],
)
def test_sch3_asks_for_a_place_that_is_free_equal_and_mixed(shown, met):
    household = given_household(arrived(person("li"), MEI, BAO), *given("EDU-COMP", "mei", at="school", **shown))

    assert count(household, "SCH3", TODAY) == (met, 1)


def test_sch3_looks_at_the_newest_place():
    free = {"fee_free": True, "mixed_class": True, "ownership": "public"}
    household = given_household(
        arrived(person("li"), MEI),
        *given("EDU-COMP", "mei", "2012-09-01", "school", id="old place", valid_to="2013-02-28"),
        *given("EDU-COMP", "mei", "2013-03-01", "school", id="new place", valid_from="2013-02-01", **free),
    )

    assert counts(household, "SCH3", "2013-02-28", "2013-03-01") == [(0, 1), (1, 1)]


def test_wrk1_asks_for_a_contract_with_that_employer():
    jobs = [works(at="acme", since="2013-01-01"), works(at="bolt", since="2013-01-01")]
    household = given_household(*jobs, *given("EMP-CONTRACT", at="acme"))

    assert count(household, "WRK1", TODAY) == (1, 2)
    assert {c.unit_id: c.met for c in assessed(household, TODAY).indicators["WRK1"].counts} == {
        unit_id("acme"): True,
        unit_id("bolt"): False,
    }


def test_wrk1_counts_30_days_from_the_first_of_two_jobs_with_one_employer():
    again = works(at="acme", since="2013-06-20")
    household = given_household(
        works(at="acme", since="2013-01-01"),
        again._replace(fields=again.fields | {"employment_id": unit_id("another id")}),
        stopped(at="acme", to="2013-06-25"),
    )

    assert counts(household, "WRK1", "2013-06-25", "2013-06-26", "2013-07-20") == [(0, 1), "not_applicable", (0, 1)]


def test_wrk2_counts_a_training_that_runs_or_was_completed_within_24_months():
    trained = [*given("EMP-TRAIN", at="provider", on="2012-05-01"), started("EMP-TRAIN", "2012-05-01")]
    household = given_household(*trained, ended("EMP-TRAIN", "2012-06-01", "completed"), needs("TRAINING"))

    assert counts(household, "WRK2", "2014-06-01", "2014-06-02") == [(1, 1), (0, 1)]


def test_wrk2_does_not_count_a_training_that_was_broken_off_or_never_started():
    broken_off = [*given("EMP-TRAIN", at="provider"), started("EMP-TRAIN"), ended("EMP-TRAIN", "2013-04-01")]
    not_started = given("EMP-TRAIN", at="provider", completed=True)

    assert count(given_household(needs("TRAINING"), *broken_off), "WRK2", TODAY) == (0, 1)
    assert count(given_household(needs("TRAINING"), *not_started), "WRK2", TODAY) == (0, 1)


@pytest.mark.parametrize(
    ("guided", "met"), [("2013-02-28", 0), ("2013-03-01", 1), ("2013-09-01", 1), ("2013-09-02", 0)]
)
def test_wrk3_counts_guidance_within_6_months_of_the_need(guided, met):
    household = given_household(needs("JOB", on="2013-03-01"), delivered("EMP-GUIDE", on=guided))

    assert count(household, "WRK3", "2013-12-31") == (met, 1)


@pytest.mark.parametrize("kind", ["employee", "part_time", "platform"])
def test_wrk3_counts_any_employment_begun_since_the_need_though_it_has_ended(kind):
    job = [works(since="2013-04-01", kind=kind), stopped(to="2013-04-10")]
    household = given_household(needs("JOB", on="2013-03-01"), *job)

    assert counts(household, "WRK3", "2013-03-31", "2013-04-01", TODAY) == [(0, 1), (1, 1), (1, 1)]


def test_wrk3_does_not_count_work_from_before_the_need():
    household = given_household(works(since="2013-02-28"), needs("JOB", on="2013-03-01"))

    assert count(household, "WRK3", TODAY) == (0, 1)


def test_wrk4_asks_for_start_up_support_in_force():
    household = given_household(needs("STARTUP"), *given("EMP-START", on="2013-04-01"))

    assert counts(household, "WRK4", "2013-03-31", "2013-04-01", "2015-04-02") == [(0, 1), (1, 1), (0, 1)]


@pytest.mark.parametrize(
    ("contract", "days"),
    [
        (collective(start="2012-06-30", to="2013-06-30"), {"2013-06-30": 1, "2013-07-01": 0}),
        (collective(start="2012-06-30"), {"2015-06-30": 1, "2015-07-01": 0}),
        (collective(start="2012-06-30", to="2019-01-01"), {"2015-06-30": 1, "2015-07-01": 0}),
        (collective(start="2013-06-30"), {"2013-06-29": 0, "2013-06-30": 1}),
        (collective(start="2012-06-30", told_on="2013-06-30"), {"2013-06-29": 0, "2013-06-30": 1}),
        (collective("bolt"), {"2013-06-30": 0}),
    ],
)
def test_wrk5_asks_for_a_collective_contract_of_the_employer_for_at_most_36_months(contract, days):
    household = given_household(works(since="2013-01-01"))

    assert {on: count(household, "WRK5", on, knowing(contract)) for on in days} == {
        on: (m, 1) for on, m in days.items()
    }


def test_wrk5_counts_an_employee_from_the_first_day_and_of_an_unknown_employer_as_unmet():
    household = given_household(works(since=TODAY, at=None))

    assert count(household, "WRK5", TODAY, knowing(collective("acme"))) == (0, 1)


def test_com1_and_cit2_count_every_member_and_ignore_the_state_of_the_card():
    household = given_household(
        arrived(*ADULTS, MEI), *given("HLT-REC", "mei"), *given("SSI-CARD", "mei", card_state="lost")
    )

    assert (count(household, "COM1", TODAY), count(household, "CIT2", TODAY)) == ((1, 3), (1, 3))


@pytest.mark.parametrize(
    ("month", "expected"),
    [("1995-07", "not_applicable"), ("1995-06", (0, 1)), ("1963-07", (0, 1)), ("1963-06", "not_applicable")],
)
def test_com3_counts_members_of_18_to_49(month, expected):
    assert count(given_household(arrived(person("li", month))), "COM3", TODAY) == expected


def test_com3_asks_for_a_file_and_an_offer_within_12_months():
    file, offer = given("FPL-FILE", on="2012-06-30"), delivered("FPL-OFFER", on="2012-06-30")

    assert count(given_household(*file), "COM3", TODAY) == (0, 1)
    assert count(given_household(offer), "COM3", TODAY) == (0, 1)
    assert counts(given_household(*file, offer), "COM3", TODAY, "2013-07-01") == [(1, 1), (0, 1)]


def test_com4_counts_the_household_in_low_income_and_each_child_in_need():
    household = given_household(
        arrived(person("li"), MEI, BAO),
        *(needs("LOW_INCOME"), needs("CHILD_WELFARE", "mei", id="mei's"), needs("CHILD_WELFARE", "bao", id="bao's")),
        *(*given("LIV-DIBAO"), *given("LIV-CHILD", "mei")),
    )

    assert count(household, "COM4", TODAY) == (2, 3)


def test_com4_counts_a_child_from_birth_to_the_18th_birthday():
    household = given_household(joined(person("yu", "1995-06"), on="2013-01-01"), needs("CHILD_WELFARE", "yu"))
    newborn = given_household(
        joined(person("baby", "2013-06"), on="2013-06-10"), needs("CHILD_WELFARE", "baby", on="2013-06-10")
    )

    assert counts(household, "COM4", "2013-06-29", "2013-06-30") == [(0, 1), "not_applicable"]
    assert count(newborn, "COM4", "2013-06-10") == (0, 1)


@pytest.mark.parametrize(
    ("contact", "met"),
    [
        (delivered("COM-HALL", on="2012-06-30"), 1),
        (delivered("COM-VISIT", on="2012-06-30"), 1),
        (seen("present", "2012-06-30"), 1),
        (seen("present", "2012-06-29"), 0),
        (seen("absent", "2013-06-29"), 0),
    ],
)
def test_com5_asks_for_a_contact_within_12_months(contact, met):
    assert count(given_household(contact), "COM5", TODAY) == (met, 1)


def test_com5_does_not_take_registration_for_a_contact():
    assert count(given_household(arrived(on=TODAY)), "COM5", TODAY) == (0, 1)


@pytest.mark.parametrize(
    ("who", "said", "due"),
    [
        (person("li"), [works(since=TODAY)], 5),
        (person("li"), [works(since=TODAY, kind="part_time")], 2),
        (person("li"), [], 2),
        (person("li", "1953-06"), [], 1),
        (person("li", "1953-07"), [], 2),
        (person("li", "1997-07"), [], 1),
        (person("li", "1997-06"), [], 2),
        (person("li", student=("2013-01-01", TODAY)), [], 1),
        (person("li", student=("2013-01-01", "2013-06-29")), [], 2),
        (person("li", student=("2013-07-01",)), [], 2),
        (person("li"), [told(student=("2013-01-01",)), works(since=TODAY)], 5),
        (person("li", "1958-06", "female"), [works(since=TODAY)], 2),
    ],
)
def test_cit1_counts_what_is_due_by_age_work_and_study(who, said, due):
    assert count(given_household(arrived(who), *said), "CIT1", TODAY) == (0, due)


def test_cit1_counts_an_insurance_whoever_pays_it():
    paid = given("SSI-PEN", at="another", scheme="employee", paid_through="2013-06")

    assert count(given_household(works(since="2013-01-01"), *paid), "CIT1", TODAY) == (1, 5)


def test_the_pairs_of_an_employer_count_only_the_employees_scheme_with_that_employer():
    paid = [
        phrase
        for code in INSURANCES[:3]
        for phrase in given(code, at="acme", scheme="employee", paid_through="2013-06")
    ]
    resident = given("SSI-UNE", at="acme", scheme="resident", paid_through="2013-06")
    household = given_household(works(since="2013-01-01"), *paid, *resident)

    result = counted(Present(household, load_policy("2013.1"), day(TODAY), Facts()), "K03B", None)

    assert (result.num, result.den) == (3, 5)


@pytest.mark.parametrize("kind", ["HSG-LOW", "HSG-PUB", "HSG-ECO"])
def test_cit3_takes_any_guaranteed_housing(kind):
    assert count(given_household(needs("HOUSING"), *given(kind)), "CIT3", TODAY) == (1, 1)


def test_cit3_is_not_due_without_a_need():
    assert count(given_household(*given("HSG-PUB")), "CIT3", TODAY) == "not_applicable"


def test_cit4_waits_for_45_working_days_and_takes_a_need_that_was_met_sooner():
    household = given_household(
        *(needs("INS_TRANSFER", on="2013-03-01"), delivered("SSI-TRANSFER", on="2013-03-10")),
        cleared("INS_TRANSFER", "met", "2013-03-11"),
    )

    assert counts(household, "CIT4", "2013-05-05", "2013-05-06", "2014-03-11", "2014-03-12") == [
        *("not_applicable", (1, 1), (1, 1), "not_applicable"),
    ]


def test_cit4_does_not_take_a_transfer_from_before_the_need():
    household = given_household(delivered("SSI-TRANSFER", on="2013-02-28"), needs("INS_TRANSFER", on="2013-03-01"))

    assert count(household, "CIT4", TODAY) == (0, 1)


@pytest.mark.parametrize(
    ("used", "met"),
    [
        (delivered("CUL-USE", None, "2012-06-30"), 1),
        (delivered("CUL-USE", "wang", "2012-06-30"), 1),
        (delivered("CUL-FIT", "wang", "2012-06-30"), 1),
        (delivered("CUL-FIT", "wang", "2012-06-29"), 0),
    ],
)
def test_cit5_takes_culture_or_sport_of_the_household_or_any_member(used, met):
    assert count(given_household(arrived(*ADULTS), used), "CIT5", TODAY) == (met, 1)
