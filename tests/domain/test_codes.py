"""Needs, code lists, bureaus and facts of units as DOMAIN 1.11 and 8.2, 8.3 and RULES G8 list them."""

from collections import Counter
from datetime import date

import pytest

from casework.domain import catalogue
from casework.errors import Invalid, Refused


def test_the_ten_needs_belong_to_persons_but_for_housing_and_low_income():
    needs = {need.code: need for need in catalogue.needs()}

    assert list(needs) == [
        "JOB",
        "TRAINING",
        "STARTUP",
        "HOUSING",
        "LOW_INCOME",
        "CHILD_WELFARE",
        "CHRONIC",
        "PSYCH",
        "MATERNAL",
        "INS_TRANSFER",
    ]
    assert {n.code for n in needs.values() if n.beneficiary == "household"} == {"HOUSING", "LOW_INCOME"}
    assert {n.code for n in needs.values() if n.restricted} == {"CHRONIC", "PSYCH"}
    assert {n.code for n in needs.values() if n.min_age == 16} == {"JOB", "TRAINING", "STARTUP"}
    assert needs["CHILD_WELFARE"].max_age == 17


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("correction_reasons", "entry_error changed_circumstances source_correction"),
        ("deny_reasons", "not_eligible documents_missing withdrawn duplicate"),
        ("member_leave_reasons", "moved_out other_household left_city registered_twice"),
        ("employment_end_reasons", "resigned dismissed contract_ended employer_closed deceased"),
        ("referral_reasons", "not_responsible needs_other_bureau"),
        ("override_reasons", "waiting_for_documents hardship order_of_superior"),
        ("household_close_reasons", "left_city gained_local_hukou dissolved registered_in_error"),
        ("service_end_reasons", "completed expired withdrawn ineligible provider_closed moved deceased"),
        ("void_reasons", "duplicate wrong_person never_happened fraud"),
        ("need_results", "present absent"),
        ("need_clear_reasons", "met lapsed mistaken"),
        ("residence_outcomes", "present absent moved unknown"),
        ("employment_kinds", "employee dispatched part_time self_employed platform family"),
        ("household_origins", "arrival split reopened"),
        ("referral_answers", "accepted returned"),
    ],
)
def test_code_lists_are_those_of_the_domain(name, expected):
    assert [row.code for row in catalogue.codes(name)] == expected.split()


def test_no_list_has_a_code_twice_and_every_code_has_both_labels():
    for name, rows in catalogue.code_lists().items():
        assert len({row.code for row in rows}) == len(rows), name
        assert all(row.label["zh"] and row.label["en"] for row in rows)


def test_the_register_has_18_municipal_bureaus_local_governments_zones_and_the_supervising_office():
    kinds = Counter(bureau.kind for bureau in catalogue.bureaus())

    assert kinds == {"municipal": 18, "local": 1, "zone": 1, "supervision": 1}


def test_the_bureaus_of_each_area_are_those_that_the_plan_makes_responsible():
    plan = {
        "EDU": "LOCAL DZ EDUB PLAN LAND HRSS FIN",
        "EMP": "LOCAL DZ PLAN HRSS FIN DRC IIT FTU",
        "SSH": "LOCAL DZ HRSS FIN HSG HLTH",
        "COM": "LOCAL DZ PLAN LAND",
        "LIV": "LOCAL DZ FIN CIV",
        "HLT": "LOCAL DZ FIN HLTH PFP FDA",
        "FPL": "LOCAL DZ PFP",
        "CUL": "LOCAL DZ FIN CRPT SPT SCI CHR CYL",
    }

    for area, codes in plan.items():
        assert [bureau.code for bureau in catalogue.bureaus() if area in bureau.areas] == codes.split()


def test_a_role_has_the_holder_of_the_day_and_divided_duties_theirs():
    bureaus = {bureau.code: bureau for bureau in catalogue.bureaus()}

    assert bureaus["PLAN"].holder(date(2018, 12, 31))["zh"] == "市规划局"
    assert bureaus["PLAN"].holder(date(2019, 1, 1))["zh"] == "市自然资源和规划局"
    assert bureaus["PFP"].holder(date(2016, 1, 1))["zh"] == "市卫生和计划生育委员会"
    assert bureaus["HRSS"].holder(date(2020, 1, 1), "SSI-PEN")["zh"] == "市人力资源和社会保障局"
    assert bureaus["HRSS"].holder(date(2020, 1, 1), "SSI-MAT")["zh"] == "市医疗保障局"


def test_the_fifteen_facts_of_units_have_their_items():
    facts = catalogue.unit_facts()

    assert {code: len(fact.items) for code, fact in facts.items() if fact.items} == {
        "UF-SCHSTD": 6,
        "UF-EMPNET": 6,
        "UF-SSHALL": 6,
        "UF-CHILDSYS": 4,
        "UF-FPST": 2,
        "UF-FREEOPEN": 7,
    }
    assert len(facts) == 15
    assert facts["UF-COLL"].max_months == 36
    assert (facts["UF-COLL"].required_items, facts["UF-EMPNET"].required_items) == (1, 6)


def test_only_the_units_that_carry_a_fact_report_it_with_items_that_it_has():
    catalogue.check_unit_fact("UF-COLL", "employer", ())
    catalogue.check_unit_fact("UF-EMPNET", "township", ("staff", "funds"))
    with pytest.raises(Invalid) as unknown:
        catalogue.check_unit_fact("UF-MOON", "employer", ())
    with pytest.raises(Refused) as of_others:
        catalogue.check_unit_fact("UF-COLL", "school", ())
    with pytest.raises(Invalid) as twice:
        catalogue.check_unit_fact("UF-EMPNET", "township", ("staff", "staff"))
    with pytest.raises(Invalid) as without_items:
        catalogue.check_unit_fact("UF-COLL", "employer", ("staff",))

    codes = [refused.value.code for refused in (unknown, of_others, twice, without_items)]
    assert codes == ["unit-fact-unknown", "unit-fact-of-others", "unit-fact-items", "unit-fact-items"]
