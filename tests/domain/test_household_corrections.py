"""Saying that a record of a service was wrong (DOMAIN 8.2, 28 and 29): what it records, and when it is refused."""

from typing import Any

import pytest

from casework.domain.events.corrections import ServiceCorrected, ServiceVoided
from tests.domain.given import (
    ADULTS,
    BAO,
    LATER,
    arrived,
    corrected,
    day,
    delivered,
    died,
    ended,
    given,
    given_household,
    named,
    refusal,
    renewed,
    requested,
    started,
    unit_id,
    voided,
    when,
)

CARD = given("SSI-CARD")


def test_a_correction_carries_what_it_undoes():
    household = given_household(*given("SSI-CARD"))

    [event] = when(household, corrected("SSI-CARD", "granted_on", "2013-03-01", "2013-02-01", on="2013-03-05"))

    assert isinstance(event, ServiceCorrected)
    assert (event.changes[0].old, event.changes[0].new, event.corrects) == ("2013-03-01", "2013-02-01", 3)


CORRECTIONS = [
    ("requested_on", "2013-03-01", "2013-02-01"),
    ("granted_on", "2013-03-01", "2013-02-28"),
    ("valid_from", "2013-03-01", "2013-02-01"),
    ("valid_to", "2014-03-01", "2014-02-01"),
    ("started_on", "2013-03-02", "2013-03-01"),
    ("ended_on", "2013-03-09", "2013-03-05"),
    ("unit_id", None, str(unit_id("park"))),
    ("evidence.support_kind", "loan", "subsidy"),
    ("evidence.support_kind", "loan", None),
]


@pytest.mark.parametrize(("path", "old", "new"), CORRECTIONS)
def test_any_date_unit_or_evidence_can_be_corrected_and_corrected_back(path, old, new):
    grant = given("EMP-START", valid_to="2014-03-01", support_kind="loan")
    household = given_household(*grant, started("EMP-START", "2013-03-02"), ended("EMP-START", "2013-03-09"))

    assert refusal(household, corrected("EMP-START", path, old, new)) is None
    assert refusal(household, corrected("EMP-START", path, old, new)) == "old-value-differs"
    assert refusal(household, corrected("EMP-START", path, new, old)) is None


def test_a_void_says_why_and_is_final():
    household = given_household(*given("SSI-CARD"))

    assert when(household, voided("SSI-CARD", reason="fraud")) == [
        ServiceVoided(occurred_on=day("2013-03-01"), episode_id=named("SSI-CARD"), reason="fraud")
    ]
    assert refusal(household, voided("SSI-CARD")) == "voided"
    assert refusal(household, corrected("SSI-CARD", "granted_on", "2013-03-01", "2013-02-01")) == "voided"


@pytest.mark.parametrize(
    ("rule", "story", "phrase"),
    [
        ("episode-unknown", [], corrected("SSI-CARD", "granted_on", None, "2013-03-01")),
        ("correction-path", CARD, corrected("SSI-CARD", "service", "SSI-CARD", "SSI-MED")),
        ("date-in-future", CARD, corrected("SSI-CARD", "granted_on", "2013-03-01", "2020-01-02")),
        ("date-in-future", CARD, corrected("SSI-CARD", "requested_on", "2013-03-01", "2020-01-02")),
        ("unknown-code", CARD, corrected("SSI-CARD", "granted_on", "2013-03-01", "2013-02-01", reason="whim")),
        ("evidence-value", CARD, corrected("SSI-CARD", "evidence.card_state", None, "golden")),
        ("correction-path", CARD, corrected("SSI-CARD", "delivered_on", None, "2013-03-01")),
        ("correction-path", CARD, corrected("SSI-CARD", "ended_on", None, "2013-03-01")),
        ("correction-path", [requested("SSI-CARD")], corrected("SSI-CARD", "valid_to", None, "2014-03-01")),
        ("correction-path", [delivered("CUL-FIT", id="run")], corrected("run", "granted_on", None, "2013-03-01")),
        ("correction-path", given("HSG-PUB"), corrected("HSG-PUB", "evidence.contract_ref", None, "C 7")),
        ("correction-value", CARD, corrected("SSI-CARD", "granted_on", "2013-03-01", None)),
        ("correction-value", CARD, corrected("SSI-CARD", "granted_on", "2013-03-01", "soon")),
        ("correction-value", CARD, corrected("SSI-CARD", "unit_id", None, "the office")),
        ("correction-without-grant", CARD, corrected("SSI-CARD", "evidence.card_state", None, "lost", corrects=99)),
        ("unknown-code", CARD, voided("SSI-CARD", reason="tired")),
        ("episode-unknown", [], voided("SSI-CARD")),
        (
            "correction-without-grant",
            [requested("SSI-CARD")],
            corrected("SSI-CARD", "evidence.card_state", None, "lost"),
        ),
    ],
)
def test_a_correction_or_void_is_refused_by_its_rule(rule, story, phrase):
    assert refusal(given_household(arrived(*ADULTS), *story), phrase) == rule


def test_a_correction_that_would_break_a_rule_is_refused():
    household = given_household(*given("EMP-START", valid_to="2014-03-01"), started("EMP-START", "2013-03-02"))
    dose: dict[str, Any] = {"vaccine": "JE", "dose": 2}
    vaccinated = given_household(
        *(arrived(*ADULTS, BAO), delivered("HLT-VAC", "bao", id="first", **dose)),
        delivered("HLT-VAC", "bao", "2013-03-02", id="second", **dose),
    )

    assert (
        refusal(household, corrected("EMP-START", "granted_on", "2013-03-01", "2013-03-03")) == "started-before-granted"
    )
    assert refusal(household, corrected("EMP-START", "valid_to", "2014-03-01", "2013-02-28")) == "valid-to-before-from"
    assert refusal(vaccinated, corrected("second", "delivered_on", "2013-03-02", "2013-03-01")) == "delivered-already"
    assert refusal(vaccinated, corrected("second", "evidence.dose", 2, None)) == "evidence-missing"


def test_a_correction_leaves_one_open_episode_of_an_exclusive_service():
    twice = [*given("SSI-CARD", id="first"), ended("first", on="2013-03-05"), *given("SSI-CARD", on="2013-03-06")]
    reopened = corrected("first", "ended_on", "2013-03-05", None, on="2013-03-07")

    assert refusal(given_household(*twice), reopened) == "service-open"
    assert refusal(given_household(*twice, ended("SSI-CARD", on="2013-03-07")), reopened) is None


def test_a_grant_stays_before_its_renewals():
    told = [*given("LIV-DIBAO", valid_to="2013-12-31"), renewed("LIV-DIBAO", "2013-06-01", "2014-12-31")]
    household = given_household(*told)
    same, later = (corrected("LIV-DIBAO", "granted_on", "2013-03-01", f"2013-06-0{day}") for day in (1, 2))

    assert refusal(household, later) == "renewed-before-granted"
    assert refusal(household, same) is None


def test_a_death_told_late_hinders_no_correction_of_what_has_no_part_in_it():
    household = given_household(
        arrived(*ADULTS), *given("SSI-CARD", on="2013-03-01"), died("li", on="2013-02-20", head="wang")
    )
    card = corrected("SSI-CARD", "evidence.card_state", None, "active")

    assert refusal(household, card) is None
    assert refusal(household, corrected("SSI-CARD", "granted_on", "2013-03-01", "2013-02-25")) == "ended-before-started"
    assert refusal(household, corrected("SSI-CARD", "granted_on", "2013-03-01", "2013-02-20")) is None


def test_a_unit_that_must_be_named_cannot_be_taken_away():
    household = given_household(*given("EMP-TRAIN", at="provider"))

    assert refusal(household, corrected("EMP-TRAIN", "unit_id", str(unit_id("provider")), None)) == "unit-needed"


def test_a_correction_may_name_the_grant_or_renewal_that_was_wrong():
    household = given_household(
        *given("SSI-MED", on="2013-03-01", scheme="resident", paid_through="2013-03"),
        renewed("SSI-MED", "2013-06-01", paid_through="2013-06"),
    )

    when(household, corrected("SSI-MED", "evidence.paid_through", "2013-03", "2013-02", corrects=3))

    assert [terms.evidence["paid_through"] for terms in household.episodes[named("SSI-MED")].terms] == [
        *("2013-02", "2013-06"),
    ]


def test_changes_of_different_records_are_corrected_one_at_a_time():
    household = given_household(*given("LIV-DIBAO", standard=500), renewed("LIV-DIBAO", "2014-02-01", "2015-03-01"))
    one, other = (corrected("LIV-DIBAO", *change).fields["changes"] for change in CHANGES)

    both = corrected("LIV-DIBAO", *CHANGES[0])
    assert refusal(household, both._replace(fields=both.fields | {"changes": [*one, *other]})) == "corrects-several"


CHANGES = [("evidence.standard", 500, 450), ("valid_to", "2015-03-01", "2015-02-01")]


def test_a_correction_without_changes_is_none():
    empty = corrected("SSI-CARD", "granted_on", "2013-03-01", "2013-02-01")

    assert refusal(given_household(*CARD), empty._replace(fields=empty.fields | {"changes": []}), by=LATER) == (
        "nothing-recorded"
    )
