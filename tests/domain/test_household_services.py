"""Commands on services (DOMAIN 8.2, 19 to 29): what each records, refuses, and does not repeat."""

from datetime import date

import pytest

from casework.domain.events.services import (
    ReferralAnswered,
    ServiceDelivered,
    ServiceDenied,
    ServiceEnded,
    ServiceGranted,
    ServiceReferred,
    ServiceRenewed,
    ServiceRequested,
    ServiceStarted,
)
from casework.domain.residence import By
from tests.domain.given import (
    ADULTS,
    BAO,
    MEI,
    answered,
    arrived,
    cleared,
    day,
    delivered,
    denied,
    ended,
    given,
    given_household,
    granted,
    joined,
    left,
    named,
    needs,
    person,
    referred,
    refusal,
    renewed,
    requested,
    started,
    told,
    unit_id,
    voided,
    when,
    works,
)

HSG = By(today=date(2020, 1, 1), bureau="HSG")
CIV = By(today=date(2020, 1, 1), bureau="CIV")
PAID = {"scheme": "employee", "paid_through": "2013-03"}


def test_a_request_is_recorded_once():
    household = given_household(needs("HOUSING"))

    assert when(household, requested("HSG-PUB", override=None)) == [
        ServiceRequested(occurred_on=day("2013-03-01"), episode_id=named("HSG-PUB"), service="HSG-PUB")
    ]
    assert when(household, requested("HSG-PUB")) == []


def test_a_referral_is_recorded_once():
    household = given_household(requested("HSG-PUB"))

    assert when(household, referred("HSG-PUB", "CIV", source="HSG")) == [
        ServiceReferred(
            occurred_on=day("2013-03-01"),
            episode_id=named("HSG-PUB"),
            referral_id=named("referral"),
            from_bureau="HSG",
            to_bureau="CIV",
            reason="needs_other_bureau",
        )
    ]
    assert when(household, referred("HSG-PUB", "CIV", source="HSG")) == []


def test_a_referral_told_again_after_the_service_ended_changes_nothing():
    household = given_household(*OPEN_REFERRAL, denied("HSG-PUB"))

    assert when(household, OPEN_REFERRAL[-1]) == []


def test_the_bureau_that_was_asked_answers_a_referral_once():
    household = given_household(requested("HSG-PUB"), referred("HSG-PUB", "CIV"))

    assert when(household, answered("HSG-PUB"), by=CIV) == [
        ReferralAnswered(
            occurred_on=day("2013-03-01"),
            episode_id=named("HSG-PUB"),
            referral_id=named("referral"),
            answer="accepted",
        )
    ]
    assert when(household, answered("HSG-PUB"), by=CIV) == []


def test_a_grant_records_what_was_shown_but_not_what_belongs_in_the_vault():
    household = given_household(arrived(*ADULTS, MEI), requested("EDU-COMP", "mei", at="school"))

    grant = granted("EDU-COMP", fee_free=True, grade=2, xueji_ref="G4101052005")
    assert when(household, grant) == [
        ServiceGranted(
            occurred_on=day("2013-03-01"),
            episode_id=named("EDU-COMP"),
            decided_by="EDUB",
            unit_id=unit_id("school"),
            evidence={"fee_free": True, "grade": 2},
        )
    ]
    assert when(household, grant) == []


def test_a_service_that_was_referred_and_answered_may_be_granted():
    household = given_household(requested("HSG-PUB"), referred("HSG-PUB", "CIV"))
    when(household, answered("HSG-PUB"), by=CIV)

    assert refusal(household, granted("HSG-PUB", decided_by="FIN")) is None


def test_a_denial_is_recorded_once():
    household = given_household(requested("HSG-PUB"))

    assert when(household, denied("HSG-PUB")) == [
        ServiceDenied(
            occurred_on=day("2013-03-01"), episode_id=named("HSG-PUB"), decided_by="HSG", reason="documents_missing"
        )
    ]
    assert when(household, denied("HSG-PUB")) == []


def test_a_start_is_recorded_once():
    household = given_household(*given("EMP-TRAIN", at="provider"))

    assert when(household, started("EMP-TRAIN", "2013-03-02")) == [
        ServiceStarted(occurred_on=day("2013-03-02"), episode_id=named("EMP-TRAIN"))
    ]
    assert when(household, started("EMP-TRAIN", "2013-03-03")) == []


def test_a_renewal_records_the_new_last_day():
    household = given_household(*given("LIV-DIBAO", on="2013-03-01"))

    assert when(household, renewed("LIV-DIBAO", "2014-02-01", "2015-03-01", standard=500)) == [
        ServiceRenewed(
            occurred_on=day("2014-02-01"),
            episode_id=named("LIV-DIBAO"),
            decided_by="CIV",
            valid_to=day("2015-03-01"),
            evidence={"standard": 500},
        )
    ]


def test_an_insurance_is_renewed_by_what_was_paid():
    household = given_household(*given("SSI-MED", paid_through="2013-03"))

    assert refusal(household, renewed("SSI-MED", "2013-05-01", paid_through="2013-02")) == "renewal-not-later"
    assert refusal(household, renewed("SSI-MED", "2013-05-01", paid_through="2013-05")) is None


@pytest.mark.parametrize(("on", "rule"), [("2014-05-30", None), ("2014-05-31", "lapsed-too-long")])
def test_what_lapsed_90_days_ago_may_still_be_renewed(on, rule):
    household = given_household(*given("LIV-DIBAO", on="2013-03-01"))

    assert refusal(household, renewed("LIV-DIBAO", on, "2015-03-01")) == rule


def test_a_late_renewal_is_compared_with_what_held_on_its_day():
    household = given_household(*given("LIV-DIBAO", on="2013-03-01"), renewed("LIV-DIBAO", "2014-03-01", "2016-03-01"))

    assert refusal(household, renewed("LIV-DIBAO", "2014-02-01", "2015-03-01")) is None


def test_an_end_is_recorded_once():
    household = given_household(*given("SSI-CARD"))

    assert when(household, ended("SSI-CARD", "2013-03-02")) == [
        ServiceEnded(occurred_on=day("2013-03-02"), episode_id=named("SSI-CARD"), reason="withdrawn")
    ]
    assert when(household, ended("SSI-CARD", "2013-03-02")) == []


def test_a_delivery_is_recorded_once():
    household = given_household(arrived(*ADULTS, BAO))
    dose = delivered("HLT-VAC", "bao", id="dose", vaccine="JE", dose=2)

    assert when(household, dose) == [
        ServiceDelivered(
            occurred_on=day("2013-03-01"),
            episode_id=named("dose"),
            service="HLT-VAC",
            person_id=named("bao"),
            evidence={"vaccine": "JE", "dose": 2},
        )
    ]
    assert when(household, dose) == []


def test_another_dose_of_the_same_day_is_another_delivery():
    household = given_household(arrived(*ADULTS, BAO), delivered("HLT-VAC", "bao", vaccine="JE", dose=2))

    assert refusal(household, delivered("HLT-VAC", "bao", id="b", vaccine="JE", dose=2)) == "delivered-already"
    assert refusal(household, delivered("HLT-VAC", "bao", id="c", vaccine="MenAC", dose=1)) is None


def test_a_voided_delivery_may_be_recorded_again():
    first = delivered("CUL-FIT", id="first")

    assert refusal(given_household(first, voided("first")), delivered("CUL-FIT", id="second")) is None


@pytest.mark.parametrize(
    ("service", "name", "story"),
    [
        ("EDU-COMP", "mei", []),
        ("EDU-PRE", "bao", []),
        ("EMP-TRAIN", "li", [needs("TRAINING")]),
        ("EMP-CONTRACT", "li", [works()]),
        ("SSI-INJ", "li", [works(kind="dispatched")]),
        ("SSI-UBEN", "li", given("SSI-UNE", on="2012-06-01")),
        ("LIV-CHILD", "mei", [needs("CHILD_WELFARE", "mei")]),
        ("LIV-DIBAO", None, [needs("LOW_INCOME"), cleared("LOW_INCOME", "met", "2013-03-01")]),
        ("HLT-CHI", "bao", []),
        ("HLT-MAT", "wang", [told("wang", pregnancy=("2013-01-01",))]),
        ("FPL-FILE", "wang", []),
        ("SSI-CARD", "bao", []),
    ],
)
def test_who_meets_the_catalogues_conditions_needs_no_reason(service, name, story):
    household = given_household(arrived(*ADULTS, MEI, BAO), *story)

    assert refusal(household, requested(service, name, at="unit", override=None)) is None


@pytest.mark.parametrize(
    ("service", "name", "story"),
    [
        ("EDU-COMP", "bao", []),
        ("EDU-PRE", "mei", []),
        ("EMP-TRAIN", "li", []),
        ("EMP-TRAIN", "wang", [needs("TRAINING", "li")]),
        ("EMP-TRAIN", "mei", [needs("TRAINING", "mei")]),
        ("EMP-CONTRACT", "li", [works(kind="self_employed")]),
        ("SSI-INJ", "old", [joined(person("old", "1953-02")), works("old", born="1953-02-03")]),
        ("SSI-PEN", "mei", []),
        ("SSI-UBEN", "li", []),
        ("SSI-UBEN", "li", [*given("SSI-UNE", on="2012-06-01"), works(kind="part_time")]),
        ("LIV-DIBAO", None, [needs("LOW_INCOME"), cleared("LOW_INCOME", "mistaken", "2013-03-01")]),
        ("HLT-CHI", "mei", []),
        ("HLT-MAT", "wang", []),
        ("HLT-MAT", "wang", [told("wang", on="2012-03-01", pregnancy=("2012-03-01", "2013-03-01"))]),
        ("HLT-ELD", "li", []),
        ("FPL-FILE", "mei", []),
    ],
)
def test_who_does_not_meet_them_needs_a_reason_to_override(service, name, story):
    household = given_household(arrived(*ADULTS, MEI, BAO), *story)

    assert refusal(household, requested(service, name, at="unit", override=None)) == "not-eligible"
    assert refusal(household, requested(service, name, at="unit", override="hardship")) is None


HELD = given("SSI-PEN", at="acme", scheme="employee", paid_through="2013-03")
RESIDENT = given("SSI-PEN", scheme="resident", paid_through="2013-03")


@pytest.mark.parametrize(
    ("rule", "story", "phrase"),
    [
        ("service-open", [requested("SSI-CARD")], requested("SSI-CARD", id="again")),
        ("service-open", given("SSI-CARD"), requested("SSI-CARD", id="again")),
        (None, given("SSI-CARD"), requested("SSI-CARD", "wang", id="wang's")),
        (None, [*given("SSI-CARD"), ended("SSI-CARD")], requested("SSI-CARD", id="again")),
        (None, [*given("SSI-CARD"), voided("SSI-CARD")], requested("SSI-CARD", id="again")),
        (None, [requested("SSI-CARD"), denied("SSI-CARD")], requested("SSI-CARD", id="again")),
        (None, given("LIV-DIBAO", on="2012-02-28"), requested("LIV-DIBAO", id="again")),
        ("service-open", given("LIV-DIBAO", on="2012-03-01"), requested("LIV-DIBAO", id="again")),
        ("service-open", given("EMP-CONTRACT", at="acme"), requested("EMP-CONTRACT", at="acme", id="again")),
        (None, given("EMP-CONTRACT", at="acme"), requested("EMP-CONTRACT", at="bolt", id="other")),
        ("service-open", HELD, requested("SSI-PEN", at="acme", id="again")),
        (None, HELD, requested("SSI-PEN", at="bolt", id="other")),
        (None, RESIDENT, requested("SSI-PEN", at="acme", id="other")),
        ("service-open", RESIDENT, requested("SSI-PEN", id="again")),
        (None, given("EMP-TRAIN", at="provider"), requested("EMP-TRAIN", at="academy", id="other")),
        (None, [requested("CUL-FIT")], requested("CUL-FIT", id="again")),
    ],
)
def test_an_exclusive_service_is_open_once_for_some_of_them_once_for_each_unit(rule, story, phrase):
    assert refusal(given_household(arrived(*ADULTS), *story), phrase) == rule


OPEN_REFERRAL = [requested("HSG-PUB"), referred("HSG-PUB", "CIV")]
CARD = given("SSI-CARD")


@pytest.mark.parametrize(
    ("rule", "story", "phrase"),
    [
        ("service-unknown", [], requested("XYZ")),
        ("service-not-active", [], requested("SSI-CARD", on="1949-09-30")),
        ("person-needed", [], requested("SSI-CARD", None)),
        ("person-unknown", [], requested("SSI-CARD", "stranger")),
        ("person-left", [left("wang", "2013-03-01")], requested("SSI-CARD", "wang")),
        ("unknown-code", [], requested("SSI-CARD", override="why not")),
        ("episode-unknown", [], referred("SSI-CARD")),
        ("referral-open", OPEN_REFERRAL, referred("HSG-PUB", "FIN", referral="second")),
        ("referral-to-itself", [requested("HSG-PUB")], referred("HSG-PUB", "HSG", source="HSG")),
        ("unknown-code", [requested("HSG-PUB")], referred("HSG-PUB", "NASA")),
        ("denied", [requested("SSI-CARD"), denied("SSI-CARD")], referred("SSI-CARD")),
        ("episode-ended", [*CARD, ended("SSI-CARD")], referred("SSI-CARD")),
        ("referral-unknown", [requested("HSG-PUB")], answered("HSG-PUB")),
        ("referral-not-yours", OPEN_REFERRAL, answered("HSG-PUB")),
        ("referral-open", OPEN_REFERRAL, granted("HSG-PUB")),
        ("episode-unknown", [], granted("SSI-CARD")),
        ("denied", [requested("SSI-CARD"), denied("SSI-CARD")], granted("SSI-CARD")),
        ("voided", [requested("SSI-CARD"), voided("SSI-CARD")], granted("SSI-CARD")),
        ("episode-ended", [*CARD, ended("SSI-CARD")], granted("SSI-CARD")),
        ("evidence-missing", [requested("SSI-MED")], granted("SSI-MED", scheme="employee")),
        ("evidence-unknown", [requested("SSI-CARD")], granted("SSI-CARD", colour="red")),
        ("evidence-type", [requested("SSI-MED")], granted("SSI-MED", scheme=1, paid_through="2013-03")),
        ("evidence-value", [requested("SSI-MED")], granted("SSI-MED", scheme="club", paid_through="2013-03")),
        ("unit-needed", [requested("EMP-TRAIN")], granted("EMP-TRAIN")),
        ("valid-to-computed", [requested("SSI-MED")], granted("SSI-MED", valid_to="2013-07-01", **PAID)),
        ("valid-to-before-from", [requested("SSI-CARD")], granted("SSI-CARD", valid_to="2013-02-28")),
        ("bureau-not-responsible", [requested("SSI-CARD")], granted("SSI-CARD", decided_by="HSG")),
        ("already-granted", CARD, denied("SSI-CARD")),
        ("unknown-code", [requested("SSI-CARD")], denied("SSI-CARD", "mood")),
        ("not-granted", [requested("SSI-CARD")], started("SSI-CARD")),
        ("started-before-granted", CARD, started("SSI-CARD", "2013-02-28")),
        ("not-granted", [requested("SSI-CARD")], renewed("SSI-CARD")),
        ("renewed-before-granted", CARD, renewed("SSI-CARD", "2013-02-28")),
        ("renewal-of-open-ended", CARD, renewed("SSI-CARD", valid_to="2014-01-01")),
        ("renewal-not-later", given("LIV-DIBAO"), renewed("LIV-DIBAO", valid_to="2014-03-01")),
        ("not-granted", [requested("SSI-CARD")], ended("SSI-CARD")),
        ("ended-before-started", [*CARD, started("SSI-CARD", "2013-03-05")], ended("SSI-CARD", "2013-03-04")),
        ("unknown-code", CARD, ended("SSI-CARD", reason="enough")),
        ("episode-ended", [*CARD, ended("SSI-CARD")], ended("SSI-CARD", "2013-04-01")),
        ("not-a-delivery", [], delivered("SSI-CARD")),
        ("person-needed", [], delivered("HLT-CHI", None)),
        ("evidence-missing", [], delivered("HLT-VAC", vaccine="JE")),
    ],
)
def test_a_command_on_services_is_refused_by_its_rule(rule, story, phrase):
    assert refusal(given_household(arrived(*ADULTS), *story), phrase) == rule


def test_a_service_for_households_is_not_a_persons():
    visit = delivered("COM-VISIT")

    assert (
        refusal(given_household(), visit._replace(fields=visit.fields | {"person_id": named("li")}))
        == "household-service"
    )


def test_another_answer_to_a_referral_is_refused_and_so_is_one_before_it_was_asked():
    household = given_household(requested("HSG-PUB"), referred("HSG-PUB", "CIV"))

    assert refusal(household, answered("HSG-PUB", on="2013-02-28"), by=CIV) == "answered-before-referred"
    assert refusal(household, answered("HSG-PUB", "returned"), by=CIV) is None
    assert refusal(household, answered("HSG-PUB", "accepted"), by=CIV) == "referral-answered"


def test_who_works_at_a_bureau_decides_for_that_one_alone():
    household = given_household(requested("HSG-PUB"))

    other = granted("HSG-PUB", decided_by="FIN")
    assert refusal(household, other, by=HSG._replace(own_bureau_only=True)) == "bureau-not-yours"
    assert refusal(household, other, by=HSG) is None
