"""Evidence of a service: what is accepted, in which form, and what goes to the vault (RULES D5, G9)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.domain import catalogue
from casework.domain.catalogue import Service
from casework.errors import Invalid, problems


def service(code: str) -> Service:
    return catalogue.service(code, date(2013, 10, 1))


def refusals(code: str, evidence: dict[str, object]) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        service(code).check_evidence(evidence)
    assert refused.value.code == "evidence-invalid"
    return {(error.pointer, error.code) for error in refused.value.errors}


def test_evidence_is_brought_into_its_stored_form():
    contract = {"kind": "fixed", "signed_on": date(2013, 9, 1), "to": "2014-08-31", "contract_ref": "  Z-17 "}

    assert service("EMP-CONTRACT").check_evidence(contract) == {
        "kind": "fixed",
        "signed_on": "2013-09-01",
        "to": "2014-08-31",
        "contract_ref": "Z-17",
    }


def test_numbers_codes_and_lists_have_one_form():
    assert service("EDU-COMP").check_evidence({"grade": 3.0}) == {"grade": 3}
    assert service("HSG-LOW").check_evidence({"area_m2": 45.25}) == {"area_m2": 45.25}
    assert service("EMP-TRAIN").check_evidence({"trade": "welder"}) == {"trade": "welder"}
    assert service("LIV-CHILD").check_evidence({"components": ("rescue", "care", "rescue")}) == {
        "components": ["care", "rescue"]
    }


def test_nothing_is_inferred_from_evidence_that_is_absent():
    assert service("EDU-COMP").check_evidence({}) == {}
    assert service("EDU-COMP").check_evidence({"fee_free": None}) == {}


@pytest.mark.parametrize(
    ("code", "evidence", "expected"),
    [
        ("EMP-CONTRACT", {}, {
            ("/evidence/kind", "evidence-missing"), ("/evidence/signed_on", "evidence-missing")}),
        ("HLT-VAC", {"vaccine": "BCG", "dose": None}, {("/evidence/dose", "evidence-missing")}),
        ("SSI-CARD", {"school": "x"}, {("/evidence", "evidence-unknown")}),
        ("SSI-CARD", {"x/~ y": 1}, {("/evidence", "evidence-unknown")}),
        ("EDU-COMP", {"fee_free": 1}, {("/evidence/fee_free", "evidence-type")}),
        ("EDU-COMP", {"grade": True}, {("/evidence/grade", "evidence-type")}),
        ("EDU-COMP", {"grade": 10, "ownership": "church"}, {
            ("/evidence/grade", "evidence-value"), ("/evidence/ownership", "evidence-value")}),
    ],
)  # fmt: skip
def test_every_fault_of_the_evidence_is_named_at_once(code, evidence, expected):
    assert refusals(code, evidence) == expected


@pytest.mark.parametrize(
    ("code", "name", "value"),
    [
        ("EMP-CONTRACT", "to", "2013-02-30"),
        ("EMP-CONTRACT", "to", "20130201"),
        ("EMP-CONTRACT", "to", "2013-W05-1"),
        ("EMP-CONTRACT", "to", "2200-01-01"),
        ("EMP-CONTRACT", "to", date(1899, 12, 31)),
        ("SSI-PEN", "paid_through", "2013-13"),
        ("SSI-PEN", "paid_through", "2013-06-01"),
        ("SSI-PEN", "paid_through", "1899-12"),
        ("EMP-TRAIN", "trade", "welder 13812345678"),
        ("EMP-TRAIN", "trade", "id-410105199001010017"),
        ("EMP-TRAIN", "trade", "焊工"),
        ("EMP-TRAIN", "trade", ""),
        ("EMP-TRAIN", "hours", 0),
        ("EMP-TRAIN", "hours", 2.5),
        ("HSG-LOW", "area_m2", 45.125),
        ("HSG-LOW", "area_m2", float("nan")),
        ("HSG-LOW", "area_m2", float("inf")),
        ("HSG-LOW", "area_m2", 10**400),
        ("LIV-CHILD", "components", ["care", 1]),
        ("LIV-CHILD", "components", ["care"] * 41),
        ("LIV-CHILD", "components", ["charm"]),
        ("COM-HALL", "matter", "  "),
        ("COM-HALL", "matter", "x" * 501),
        ("COM-HALL", "matter", "a\x00b"),
        ("COM-HALL", "matter", "a\ud800b"),
    ],
)
def test_values_that_cannot_be_are_refused(code, name, value):
    assert (f"/evidence/{name}", "evidence-value") in refusals(code, {name: value})


def test_a_renewal_lays_over_only_what_it_names_and_may_withdraw_what_is_not_required():
    assert service("SSI-PEN").check_overlay({"paid_through": "2013-12"}) == {"paid_through": "2013-12"}
    assert service("EMP-CONTRACT").check_overlay({"to": None}) == {"to": None}
    with pytest.raises(Invalid) as refused:
        service("EMP-CONTRACT").check_overlay({"kind": None})
    assert refused.value.errors[0].code == "evidence-missing"


def test_what_may_name_a_person_is_split_off_for_the_vault():
    pupil = service("EDU-COMP")
    evidence = pupil.check_evidence({"grade": 2, "fee_free": True, "xueji_ref": "G410105"})

    assert pupil.split_evidence(evidence) == ({"grade": 2, "fee_free": True}, {"xueji_ref": "G410105"})


@given(st.dictionaries(st.sampled_from(["grade", "fee_free", "ownership", "year", "components"]), st.from_type(object)))
def test_whatever_comes_as_evidence_is_accepted_or_refused_and_checking_again_changes_nothing(evidence):
    for code in ("EDU-COMP", "EDU-PRE", "LIV-CHILD"):
        try:
            clean = service(code).check_evidence(evidence)
        except Invalid:
            continue
        assert service(code).check_evidence(clean) == clean


def test_every_fault_has_its_sentence_in_both_languages():
    for code in ("missing", "unknown", "type", "value"):
        assert set(problems()[f"evidence-{code}"].detail) == {"zh", "en"}
