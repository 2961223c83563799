"""When a service or a need counts: one case for each row of RULES D."""

import pytest

from tests.domain.given import (
    MEI,
    arrived,
    cleared,
    corrected,
    count,
    delivered,
    denied,
    ended,
    given,
    given_household,
    needs,
    person,
    referred,
    renewed,
    requested,
    started,
    voided,
    works,
)

TODAY = "2013-06-30"


def met(household, code, *days):
    """Whether all is met, day by day."""
    answers = [count(household, code, on) for on in days]
    return [answer[0] == answer[1] for answer in answers if not isinstance(answer, str)]


def test_d1_granting_suffices():
    household = given_household(*given("SSI-CARD", on="2013-03-01"))

    assert met(household, "CIT2", "2013-02-28", "2013-03-01") == [False, True]


@pytest.mark.parametrize(
    "told", [[], [referred("SSI-CARD")], [denied("SSI-CARD")]], ids=["requested", "referred", "denied"]
)
def test_d1_what_is_not_granted_is_not_in_force(told):
    assert count(given_household(requested("SSI-CARD"), *told), "CIT2", TODAY) == (0, 1)


def test_d1_a_service_holds_from_its_first_to_its_last_day():
    term = {"valid_from": "2013-04-01", "valid_to": "2013-05-31"}
    household = given_household(*given("SSI-CARD", on="2013-03-01", **term))

    days = ("2013-03-31", "2013-04-01", "2013-05-31", "2013-06-01")
    assert met(household, "CIT2", *days) == [False, True, True, False]


def test_d1_a_service_begun_before_its_grant_counts_from_the_grant():
    household = given_household(*given("SSI-CARD", on="2013-03-01", valid_from="2013-01-01"))

    assert met(household, "CIT2", "2013-02-28", "2013-03-01") == [False, True]


def test_d1_what_was_ended_or_voided_is_not_in_force():
    finished = given_household(*given("SSI-CARD"), ended("SSI-CARD", "2013-06-30"))
    mistaken = given_household(*given("SSI-CARD"), voided("SSI-CARD", "2013-06-30"))

    assert met(finished, "CIT2", "2013-06-29", "2013-06-30") == [True, False]
    assert met(mistaken, "CIT2", "2013-06-29", "2013-06-30") == [False, False]


def test_d1_the_latest_renewal_up_to_the_day_replaces_the_last_day_and_overlays_the_evidence():
    place = given("EDU-COMP", "mei", on="2012-09-01", at="school", fee_free=True, mixed_class=True, ownership="private")
    household = given_household(
        *(arrived(person("li"), MEI), *place, renewed("EDU-COMP", "2013-08-20", "2014-08-31", ownership="public"))
    )

    assert [count(household, "SCH3", on) for on in ("2013-08-19", "2013-08-20")] == [(0, 1), (1, 1)]
    assert met(household, "SCH1", "2014-08-31", "2014-09-01") == [True, False]


@pytest.mark.parametrize(
    ("service", "need", "code", "last", "first_without"),
    [
        ("EMP-START", "STARTUP", "WRK4", "2015-03-01", "2015-03-02"),
        ("LIV-DIBAO", "LOW_INCOME", "COM4", "2014-03-01", "2014-03-02"),
        ("LIV-CHILD", "CHILD_WELFARE", "COM4", "2014-03-01", "2014-03-02"),
        ("EDU-COMP", None, "SCH1", "2013-08-31", "2013-09-01"),
        ("EDU-PRE", None, "SCH2", "2013-08-31", "2013-09-01"),
    ],
)
def test_d2_without_another_word_a_service_lasts_as_the_catalogue_says(service, need, code, last, first_without):
    child = person("child", "2005-04" if code == "SCH1" else "2009-08")
    grown = service in ("EMP-START",)
    said = [needs(need, "li" if grown else "child")] if need else []
    place = {"at": "school"} if service.startswith("EDU") else {}
    household = given_household(
        arrived(person("li"), child), *said, *given(service, "li" if grown else "child", **place)
    )

    assert met(household, code, last, first_without) == [True, False]


def test_d2_a_family_planning_file_and_a_health_record_last_24_months():
    household = given_household(
        *(*given("FPL-FILE"), delivered("FPL-OFFER", on="2014-12-01"), *given("HLT-REC", updated_on="2013-02-28"))
    )

    assert met(household, "COM3", "2015-03-01", "2015-03-02") == [True, False]
    assert met(household, "COM1", "2015-02-28", "2015-03-01") == [True, False]


@pytest.mark.parametrize(("to", "expected"), [("2013-06-30", [True, False]), (None, [True, True])])
def test_d2_a_contract_lasts_to_the_day_of_its_evidence_or_without_end(to, expected):
    said = {"kind": "fixed", "signed_on": "2013-01-01"} | ({"to": to} if to else {})
    household = given_household(works(since="2013-01-01"), *given("EMP-CONTRACT", at="acme", **said))

    assert met(household, "WRK1", "2013-06-30", "2013-07-01") == expected


def test_d2_a_contract_does_not_count_before_it_was_signed():
    household = given_household(
        works(since="2013-01-01"), *given("EMP-CONTRACT", at="acme", kind="open", signed_on="2013-06-30")
    )

    assert met(household, "WRK1", "2013-06-29", "2013-06-30") == [False, True]


def test_d3_an_insurance_covers_to_the_end_of_the_third_month_after_what_is_paid():
    household = given_household(
        arrived(person("li", "2000-01")), *given("SSI-MED", paid_through="2013-06", scheme="resident")
    )

    assert met(household, "CIT1", "2013-09-30", "2013-10-01") == [True, False]


def test_d3_an_insurance_is_granted_and_not_ended_too():
    paid = given("SSI-MED", on="2013-03-01", paid_through="2013-06", scheme="resident")
    household = given_household(arrived(person("li", "2000-01")), *paid, ended("SSI-MED", "2013-06-30"))

    assert met(household, "CIT1", "2013-02-28", "2013-06-29", "2013-06-30") == [False, True, False]


@pytest.mark.parametrize(("service", "covers"), [("SSI-PEN", True), ("SSI-MED", True), ("SSI-INJ", False)])
def test_d3_the_residents_scheme_counts_for_pension_and_medical_insurance(service, covers):
    household = given_household(works(since="2013-01-01"), *given(service, scheme="resident", paid_through="2013-06"))

    assert count(household, "CIT1", TODAY) == (int(covers), 5)


def test_d4_a_one_off_service_counts_on_the_day_it_was_given_or_completed():
    asked = [*given("CUL-FIT", on="2012-01-01"), ended("CUL-FIT", "2013-02-01", "completed")]
    household = given_household(*asked, delivered("COM-VISIT", on="2013-03-01"))

    assert met(household, "CIT5", "2013-01-31", "2013-02-01", "2014-02-01", "2014-02-02") == [False, True, True, False]
    assert met(household, "COM5", "2013-02-28", "2013-03-01") == [False, True]


def test_d4_a_one_off_service_that_was_not_completed_was_not_given():
    assert count(given_household(*given("CUL-FIT"), ended("CUL-FIT", reason="withdrawn")), "CIT5", TODAY) == (0, 1)


def test_d5_evidence_that_is_absent_is_not_true():
    place = given("EDU-COMP", "mei", at="school", fee_free=True, ownership="public")

    assert count(given_household(arrived(person("li"), MEI), *place), "SCH3", TODAY) == (0, 1)


@pytest.mark.parametrize(
    ("reason", "days"),
    [
        ("met", {"2013-02-28": (0, 1), "2013-03-01": (0, 1), "2014-03-01": (0, 1), "2014-03-02": "not_applicable"}),
        ("lapsed", {"2013-02-28": (0, 1), "2013-03-01": (0, 1), "2013-09-01": (0, 1), "2013-09-02": "not_applicable"}),
        ("mistaken", {"2013-02-28": (0, 1), "2013-03-01": "not_applicable"}),
    ],
)
def test_d6_a_need_that_was_cleared_stays_live_for_its_tail(reason, days):
    household = given_household(needs("HOUSING", on="2012-06-01"), cleared("HOUSING", reason, "2013-03-01"))

    assert {on: count(household, "CIT3", on) for on in days} == days


def test_d6_a_need_that_was_met_needs_a_service_and_one_that_lapsed_has_none():
    housed = [needs("HOUSING", on="2012-06-01"), *given("HSG-PUB", on="2012-06-01")]

    satisfied = given_household(*housed, cleared("HOUSING", "met", "2013-03-01"))
    lapsed = given_household(*housed, cleared("HOUSING", "lapsed", "2013-03-01"))

    assert met(satisfied, "CIT3", "2013-02-28", "2013-03-01") == [True, True]
    assert met(lapsed, "CIT3", "2013-02-28", "2013-03-01") == [True, False]


@pytest.mark.parametrize(("need", "service"), [("CHRONIC", "HLT-CHR"), ("PSYCH", "HLT-PSY")])
@pytest.mark.parametrize("reason", ["met", "lapsed", "mistaken"])
def test_d6_needs_of_care_have_no_tail(need, service, reason):
    household = given_household(needs(need, on="2012-06-01"), cleared(need, reason, "2013-03-01"))

    assert [count(household, "COM2", on) for on in ("2013-02-28", "2013-03-01")] == [(0, 1), "not_applicable"]


def test_d6_of_several_live_needs_of_one_kind_the_latest_assessed_counts_once():
    household = given_household(
        *(needs("JOB", on="2012-06-01"), delivered("EMP-GUIDE", on="2012-07-01"), cleared("JOB", "met", "2013-03-01")),
        needs("JOB", on="2013-05-01", id="JOB again"),
    )

    assert [count(household, "WRK3", on) for on in ("2013-04-30", "2013-05-01")] == [(1, 1), (0, 1)]


def test_d7_a_need_found_absent_counts_nowhere_but_in_coverage():
    household = given_household(needs("HOUSING", result="absent"))

    assert count(household, "CIT3", TODAY) == "not_applicable"


def test_a_correction_of_the_last_day_holds_for_the_grant_or_renewal_that_said_it():
    given_twice = [
        *given("LIV-DIBAO", on="2013-01-01", valid_to="2013-04-30"),
        renewed("LIV-DIBAO", "2013-04-01", "2013-12-31"),
    ]
    household = given_household(
        *(needs("LOW_INCOME", on="2013-01-01"), *given_twice),
        corrected("LIV-DIBAO", "valid_to", "2013-12-31", "2013-05-31", on="2013-12-01"),
    )

    assert met(household, "COM4", "2013-03-31", "2013-05-31", "2013-06-01") == [True, True, False]


def test_a_service_that_was_started_late_counts_as_training_from_then():
    household = given_household(
        needs("TRAINING"), *given("EMP-TRAIN", at="provider"), started("EMP-TRAIN", "2013-04-01")
    )

    assert met(household, "WRK2", "2013-03-31", "2013-04-01") == [False, True]
