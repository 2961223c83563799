"""The catalogue as DOMAIN 8.3 and 1.11 list it and RULES D and G make it exact."""

from collections import Counter
from datetime import date

import pytest

from casework.domain import catalogue
from casework.domain.catalogue import Service
from casework.errors import Invalid, Refused

ON = date(2013, 10, 1)

CODES = [
    *("EDU-PRE", "EDU-COMP"),
    *("EMP-GUIDE", "EMP-TRAIN", "EMP-START", "EMP-CONTRACT"),
    *("SSI-PEN", "SSI-MED", "SSI-INJ", "SSI-UNE", "SSI-MAT"),
    *("SSI-CARD", "SSI-TRANSFER", "SSI-UBEN", "SSI-COUNTER"),
    *("HSG-LOW", "HSG-PUB", "HSG-ECO"),
    *("COM-HALL", "COM-VISIT"),
    *("LIV-DIBAO", "LIV-CHARITY", "LIV-CHILD"),
    *(
        "HLT-REC",
        "HLT-INFO",
        "HLT-EDU",
        "HLT-VAC",
        "HLT-INF",
        "HLT-CHI",
        "HLT-MAT",
        "HLT-ELD",
        "HLT-CHR",
        "HLT-PSY",
    ),
    *("FPL-FILE", "FPL-OFFER", "FPL-EDU", "FPL-EUG", "FPL-CON", "FPL-REP", "FPL-REW"),
    *("CUL-USE", "CUL-FIT"),
]

VAULT = {
    "EDU-COMP": {"xueji_ref"},
    "EMP-TRAIN": {"certificate_no"},
    "EMP-CONTRACT": {"contract_ref"},
    "SSI-TRANSFER": {"from_place"},
    "HSG-LOW": {"contract_ref"},
    "HSG-PUB": {"contract_ref"},
    "HSG-ECO": {"contract_ref"},
    "COM-HALL": {"matter"},
    "COM-VISIT": {"worker", "outcome"},
    "LIV-DIBAO": {"monthly_amount"},
    "HLT-REC": {"record_ref"},
    "HLT-INF": {"kind", "item"},
    "FPL-OFFER": {"items_offered"},
    "FPL-EDU": {"item"},
    "FPL-EUG": {"item"},
    "FPL-CON": {"item"},
    "FPL-REP": {"item"},
    "FPL-REW": {"item"},
}

REQUIRED = {
    "EMP-CONTRACT": {"kind", "signed_on"},
    "SSI-PEN": {"scheme", "paid_through"},
    "SSI-MED": {"scheme", "paid_through"},
    "SSI-INJ": {"scheme", "paid_through"},
    "SSI-UNE": {"scheme", "paid_through"},
    "SSI-MAT": {"scheme", "paid_through"},
    "SSI-UBEN": {"months"},
    "SSI-COUNTER": {"business"},
    "LIV-CHARITY": {"kind"},
    "HLT-REC": {"updated_on"},
    "HLT-VAC": {"vaccine", "dose"},
}


def service(code: str) -> Service:
    return catalogue.service(code, ON)


def day(text: str) -> date:
    return date.fromisoformat(text)


def fields(*, having: str) -> dict[str, set[str]]:
    named = {
        code: {name for name, field in row.evidence.items() if getattr(field, having)}
        for code, row in catalogue.services(ON).items()
    }
    return {code: names for code, names in named.items() if names}


def test_the_catalogue_has_the_42_services_in_their_order():
    assert list(catalogue.services(ON)) == CODES
    assert len(CODES) == 42


def test_every_area_of_the_plan_is_served():
    areas = Counter(row.area for row in catalogue.services(ON).values())

    assert areas == {"EDU": 2, "EMP": 4, "SSH": 12, "COM": 2, "LIV": 3, "HLT": 10, "FPL": 7, "CUL": 2}


def test_every_code_that_a_service_names_exists():
    needs = {need.code for need in catalogue.needs()}
    bureaus = {bureau.code for bureau in catalogue.bureaus()}
    kinds = {kind.code for kind in catalogue.codes("unit_kinds")}
    areas = {area.code for area in catalogue.codes("areas")}
    aspects = {aspect.code for aspect in catalogue.codes("aspects")}

    for row in catalogue.services(ON).values():
        assert row.area in areas
        assert row.aspect is None or row.aspect in aspects
        assert bureaus.issuperset(row.responsible)
        assert row.eligibility.need is None or row.eligibility.need in needs
        assert row.unit is None or kinds.issuperset(row.unit.kinds)


def test_every_service_needs_a_plan_line_and_labels_in_both_languages():
    for row in catalogue.services(ON).values():
        assert row.plan_lines
        for label in (row.label, *(field.label for field in row.evidence.values())):
            assert label["zh"]
            assert label["en"]
            assert label["zh-CN"] == label["zh"] != label["en"]


def test_only_episodes_last_and_are_exclusive():
    for row in catalogue.services(ON).values():
        assert row.is_delivery == (row.kind != "episode")
        assert (row.validity is None) == row.is_delivery
        assert (row.exclusive is None) == row.is_delivery


def test_deadline_and_grace_are_the_editions_unless_a_service_says_otherwise():
    assert {(row.grace_days, row.max_decision_days) for row in catalogue.services(ON).values()} == {(90, 20)}


def test_restricted_services_are_those_of_rule_g10():
    restricted = {code for code, row in catalogue.services(ON).items() if row.is_restricted}

    assert restricted == {"HLT-INF", "HLT-CHR", "HLT-PSY"} | {code for code in CODES if code.startswith("FPL-")}


def test_vault_fields_are_those_of_rule_g9():
    assert fields(having="vault") == VAULT


def test_text_always_goes_to_the_vault():
    for row in catalogue.services(ON).values():
        assert all(field.vault for field in row.evidence.values() if field.type == "text")


def test_required_is_only_what_a_record_means_nothing_without_and_never_a_vault_field():
    assert fields(having="required") == REQUIRED
    for code, names in REQUIRED.items():
        assert not any(service(code).evidence[name].vault for name in names)


def test_a_unit_must_be_named_where_figures_or_exclusivity_go_by_it():
    assert {code for code in CODES if service(code).needs_unit} == {
        "EDU-PRE",
        "EDU-COMP",
        "EMP-TRAIN",
        "EMP-CONTRACT",
    }


def test_a_unit_has_the_kind_of_its_role():
    kinds = {code: row.unit.kinds for code, row in catalogue.services(ON).items() if row.unit is not None}

    assert kinds["EDU-COMP"] == kinds["EDU-PRE"] == ("school",)
    assert kinds["EMP-CONTRACT"] == kinds["SSI-PEN"] == ("employer",)
    assert kinds["EMP-TRAIN"] == ("training_provider",)
    assert kinds["HSG-ECO"] == ("housing_project",)
    assert "LIV-DIBAO" not in kinds


def test_a_bureau_may_decide_what_it_leads_or_shares_in():
    assert service("EMP-START").responsible == ("HRSS", "IIT", "DRC")
    assert service("COM-VISIT").responsible == ("LOCAL", "DZ")
    assert service("CUL-USE").lead == ("CRPT",)


def test_a_service_outside_the_catalogue_is_unknown_and_one_before_its_time_not_in_force():
    with pytest.raises(Invalid) as unknown:
        catalogue.service("EDU-MOON", ON)
    assert [(error.pointer, error.code) for error in unknown.value.errors] == [("/service", "service-unknown")]
    with pytest.raises(Refused, match="on this date"):
        catalogue.service("EDU-COMP", date(1949, 9, 30))
    assert catalogue.services(date(1949, 9, 30)) == {}


def test_without_a_day_the_newest_editions_are_answered():
    assert catalogue.services() == catalogue.services(ON)


@pytest.mark.parametrize(
    ("code", "youngest", "oldest"),
    [
        ("EDU-PRE", 3, 5),
        ("EDU-COMP", 6, 14),
        ("EMP-GUIDE", 16, None),
        ("SSI-PEN", 16, None),
        ("LIV-CHILD", None, 17),
        ("HLT-VAC", None, 6),
        ("HLT-CHI", None, 6),
        ("HLT-ELD", 65, None),
        ("FPL-FILE", 18, 49),
        ("FPL-REW", 18, 49),
        ("HLT-REC", None, None),
    ],
)
def test_ages_of_eligibility_include_both_ends(code, youngest, oldest):
    rule = service(code).eligibility

    assert rule.asks_age == (youngest is not None or oldest is not None)
    assert [age for age in range(120) if rule.admits_age(age)] == list(
        range(youngest or 0, 120 if oldest is None else oldest + 1)
    )


def test_places_in_school_ask_the_age_at_the_last_31_august():
    assert service("EDU-COMP").eligibility.age_day(day("2014-03-01")) == day("2013-08-31")
    assert service("HLT-ELD").eligibility.age_day(day("2014-03-01")) == day("2014-03-01")


def test_needs_employment_insurance_and_pregnancy_are_asked_where_the_plan_says_so():
    rules = {code: service(code).eligibility for code in CODES}

    assert {code: rule.need for code, rule in rules.items() if rule.need} == {
        "EMP-TRAIN": "TRAINING",
        "EMP-START": "STARTUP",
        "SSI-TRANSFER": "INS_TRANSFER",
        "HSG-LOW": "HOUSING",
        "HSG-PUB": "HOUSING",
        "HSG-ECO": "HOUSING",
        "LIV-DIBAO": "LOW_INCOME",
        "LIV-CHILD": "CHILD_WELFARE",
        "HLT-CHR": "CHRONIC",
        "HLT-PSY": "PSYCH",
    }
    assert {code for code, rule in rules.items() if rule.employment == "employee"} == {
        "EMP-CONTRACT",
        "SSI-INJ",
        "SSI-UNE",
        "SSI-MAT",
    }
    assert (rules["SSI-UBEN"].employment, rules["SSI-UBEN"].insured) == ("unemployed", "SSI-UNE")
    assert [code for code, rule in rules.items() if rule.pregnancy] == ["HLT-MAT"]


def test_beneficiaries_are_persons_households_or_either():
    of_household = {code for code in CODES if service(code).beneficiary == "household"}
    either = {code for code in CODES if service(code).beneficiary == "either"}

    assert of_household == {
        "HSG-LOW", "HSG-PUB", "HSG-ECO", "COM-HALL", "COM-VISIT", "LIV-DIBAO", "HLT-INFO", "HLT-EDU",
    }  # fmt: skip
    assert either == {"LIV-CHARITY", "CUL-USE"}


@pytest.mark.parametrize(
    ("code", "valid_from", "evidence", "last"),
    [
        ("EDU-COMP", "2013-09-01", {}, "2014-08-31"),
        ("EDU-PRE", "2014-08-31", {}, "2014-08-31"),
        ("EMP-START", "2013-10-15", {}, "2015-10-15"),
        ("LIV-DIBAO", "2012-02-29", {}, "2013-02-28"),
        ("LIV-CHILD", "2013-10-15", {}, "2014-10-15"),
        ("FPL-FILE", "2013-10-15", {}, "2015-10-15"),
        ("EMP-CONTRACT", "2013-10-15", {"to": "2014-12-31"}, "2014-12-31"),
        ("EMP-CONTRACT", "2013-10-15", {}, None),
        ("EMP-CONTRACT", "2013-10-15", {"to": None}, None),
        ("EMP-TRAIN", "2013-10-15", {}, None),
        ("HSG-PUB", "2013-10-15", {}, None),
        ("SSI-CARD", "2013-10-15", {}, None),
        ("HLT-REC", "2013-10-15", {"updated_on": "2013-01-31"}, "2015-01-31"),
        ("HLT-REC", "2013-10-15", {}, "0001-01-01"),
        ("SSI-PEN", "2010-01-01", {"paid_through": "2013-06"}, "2013-09-30"),
        ("SSI-MED", "2010-01-01", {"paid_through": "2013-11"}, "2014-02-28"),
        ("SSI-MED", "2010-01-01", {}, "0001-01-01"),
        ("SSI-UBEN", "2013-10-31", {"months": 4}, "2014-02-28"),
        ("SSI-UBEN", "2013-10-31", {}, "0001-01-01"),
        ("HLT-VAC", "2013-10-15", {}, None),
    ],
)
def test_default_terms(code, valid_from, evidence, last):
    assert service(code).valid_to(day(valid_from), evidence) == (last and day(last))


def test_only_the_term_of_an_insurance_follows_from_its_evidence_alone():
    fixed = {code for code in CODES if (validity := service(code).validity) and validity.is_fixed}

    assert fixed == {"SSI-PEN", "SSI-MED", "SSI-INJ", "SSI-UNE", "SSI-MAT"}


def test_a_contract_does_not_count_before_it_was_signed():
    assert service("EMP-CONTRACT").not_before({"signed_on": "2013-10-15"}) == day("2013-10-15")
    assert service("EMP-CONTRACT").not_before({}) is None
    assert service("HLT-REC").not_before({"updated_on": "2013-10-15"}) is None


@pytest.mark.parametrize(
    ("code", "evidence", "key"),
    [
        ("EDU-COMP", {}, ("EDU-COMP", None)),
        ("EMP-CONTRACT", {}, ("EMP-CONTRACT", "u1")),
        ("EMP-TRAIN", {}, ("EMP-TRAIN", "u1")),
        ("SSI-PEN", {"scheme": "employee"}, ("SSI-PEN", "u1")),
        ("SSI-PEN", {"scheme": "resident"}, ("SSI-PEN", None)),
        ("SSI-PEN", {}, ("SSI-PEN", "u1")),
        ("CUL-USE", {}, None),
    ],
)
def test_episodes_exclude_each_other_in_all_or_by_unit(code, evidence, key):
    assert service(code).exclusive_key("u1", evidence) == key
