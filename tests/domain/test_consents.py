"""What a person agrees to, takes back, and has erased."""

from __future__ import annotations

from typing import Any

import pytest

from casework.domain.household import Household
from casework.domain.state import Consent
from tests.domain.given import (
    ADULTS,
    LATER,
    MEI,
    Phrase,
    agreed,
    arrived,
    asked,
    closed,
    corrected,
    count,
    day,
    delivered,
    died,
    given,
    given_household,
    granted,
    headed_by,
    joined,
    left,
    named,
    needs,
    person,
    refusal,
    requested,
    say,
    stopped,
    told,
    when,
    works,
)

CHILD = "2005-04-11"
TOO_MANY: dict[str, Any] = {f"q{number}": 1 for number in range(101)}


def took_back(name: str = "li", scope: str = "publication", on: str = "2013-06-01") -> Phrase:
    return say("withdraw_consent", withdrawn_on=day(on), person_id=named(name), scope=scope)


def to_be_erased(name: str = "li", on: str = "2013-07-01", basis: str = "consent_withdrawn") -> Phrase:
    return say("request_erasure", requested_on=day(on), person_id=named(name), basis=basis)


def erased(name: str = "li", on: str = "2013-07-02", entry: int = 1) -> Phrase:
    return say("erase_person", erased_on=day(on), person_id=named(name), ledger_entry=entry)


def consent(household: Household, on: str, scope: str = "publication", name: str = "li") -> Consent | None:
    return household.consent_on(named(name), scope, day(on))


def test_a_consent_holds_from_its_day_to_the_day_before_it_is_taken_back():
    household = given_household(agreed(), took_back())

    days = ("2013-02-28", "2013-03-01", "2013-05-31", "2013-06-01")
    assert [consent(household, on) is not None for on in days] == [False, True, True, False]
    assert consent(household, "2013-03-01", scope="survey") is None
    assert consent(household, "2013-03-01", name="nobody") is None


def test_until_is_the_last_day_on_which_a_consent_holds():
    household = given_household(agreed(until="2013-03-31"))

    assert [consent(household, on) is not None for on in ("2013-03-31", "2013-04-01")] == [True, False]


@pytest.mark.parametrize("late_first", [False, True])
def test_what_was_said_on_the_later_day_counts_whichever_was_recorded_first(late_first: bool):
    said = [took_back(on="2013-06-01"), agreed(on="2013-05-01", notice="2013-2")]

    household = given_household(agreed(), *(said if late_first else reversed(said)))

    held = {on: consent(household, on) for on in ("2013-04-30", "2013-05-01", "2013-06-01")}
    assert [each and each.notice_version for each in held.values()] == ["2013-1", "2013-2", None]


def test_the_same_consent_is_recorded_once_and_one_under_another_notice_anew():
    household = given_household(agreed())

    assert when(household, agreed(on="2013-04-01")) == []
    assert len(when(household, agreed(on="2013-04-01", notice="2013-2"))) == 1
    assert len(when(household, took_back())) == 1
    assert when(household, took_back(on="2013-06-02")) == []
    assert len(when(household, agreed(on="2013-08-01", notice="2013-2"))) == 1


@pytest.mark.parametrize(
    ("phrase", "rule"),
    [
        (agreed("mei", born=CHILD), "guardian-needed"),
        (agreed("mei", born=CHILD, by="mei"), "guardian-not-a-member"),
        (agreed("mei", born=CHILD, by="stranger"), "guardian-not-a-member"),
        (agreed("mei", born=CHILD, by="wang", by_born="1998-01-01"), "guardian-not-adult"),
        (agreed("mei", born=CHILD, by="wang"), None),
        (agreed("mei", born="1999-03-02"), "guardian-needed"),
        (agreed("mei", born="1999-03-01"), None),
        (agreed("mei", born="1999-03-01", by="wang"), "consent-by-other"),
        (agreed("li", by="wang"), "consent-by-other"),
        (agreed("nobody"), "person-unknown"),
        (agreed(on="2011-12-31"), "person-not-a-member"),
        (agreed(scope="advertising"), "unknown-code"),
        (agreed(notice="2013 王"), "field-value"),
        (agreed(until="2013-02-28"), "ends-before-start"),
        (took_back(), "consent-not-given"),
        (to_be_erased(basis="because"), "unknown-code"),
        (erased(), "erasure-not-requested"),
    ],
)
def test_who_may_consent_and_to_what(phrase: Phrase, rule: str | None):
    assert refusal(given_household(arrived(*ADULTS, MEI)), phrase) == rule


def test_consent_is_given_by_members_and_taken_back_and_erasure_asked_for_by_whoever_was_one():
    household = given_household(arrived(*ADULTS), agreed("wang"), left("wang", on="2013-05-01"))

    assert refusal(household, agreed("wang", scope="survey", on="2013-05-01")) == "person-left"
    assert refusal(household, took_back("wang")) is None
    assert refusal(household, closed(on="2013-06-02")) is None
    assert refusal(household, agreed(on="2013-06-03")) == "household-closed"
    assert [refusal(household, phrase) for phrase in (to_be_erased("wang"), to_be_erased(), erased("wang"))] == [
        None
    ] * 3


def test_erasure_is_asked_for_once_and_done_once():
    household = given_household(arrived(*ADULTS))

    assert [len(when(household, each)) for each in (to_be_erased(), to_be_erased(), erased(), erased(entry=2))] == [
        1,
        0,
        1,
        0,
    ]
    assert refusal(household, to_be_erased()) == "person-erased"
    assert refusal(given_household(to_be_erased()), erased(on="2013-06-30")) == "erased-before-requested"


def test_of_whoever_is_erased_nothing_more_is_told_and_the_others_go_on():
    household = given_household(
        arrived(*ADULTS),
        *(agreed(), works(), needs("JOB"), requested("SSI-CARD"), *given("EMP-TRAIN", at="centre")),
        *(to_be_erased(), erased()),
    )
    later = "2013-08-01"

    refused = [
        *(told(on=later, education="college"), works(at="other", since=later), stopped(to=later)),
        *(needs("TRAINING", on=later), say("clear_need", cleared_on=day(later), need_id=named("JOB"), reason="met")),
        *(granted("SSI-CARD", on=later), delivered("EMP-GUIDE", on=later), requested("EMP-START", on=later)),
        *(corrected("EMP-TRAIN", "granted_on", "2013-03-01", "2013-03-02"), died("li", on=later, head="wang")),
        *(headed_by("li", on=later), joined(person("li"), on=later)),
        *(agreed(on=later), took_back(on=later), to_be_erased(on=later), asked(on=later)),
        left("wang", on=later, new_head=named("li")),
    ]

    assert {refusal(household, phrase) for phrase in refused} == {"person-erased"}
    assert consent(household, later) is None
    assert refusal(household, headed_by("wang", on=later)) is None
    assert refusal(household, delivered("EMP-GUIDE", "wang", on=later)) is None
    assert refusal(household, left("li", on=later, new_head=named("wang"))) is None
    assert refusal(household, closed(on=later)) is None


def test_answers_are_kept_of_whoever_agreed_to_surveys_once():
    household = given_household(agreed(scope="survey"), agreed(scope="publication"))

    assert [len(when(household, asked())) for _ in range(2)] == [1, 0]
    assert refusal(household, asked(q1="never")) == "survey-told"
    assert refusal(household, asked(q1="never", on="2013-04-02")) is None


@pytest.mark.parametrize(
    ("phrase", "rule"),
    [
        (asked(on="2013-02-28"), "consent-missing"),
        (asked(name="wang"), "consent-missing"),
        (asked(on="2013-07-01"), "consent-missing"),
        (asked(q1="张三"), "field-value"),
        (asked(q1="far too many words for a code"), "field-value"),
        (asked(q1=4.5), "field-value"),
        (asked(q1=10**7), "field-value"),
        (asked(谁=1), "field-value"),
        (asked(instrument="问卷"), "field-value"),
        (asked(**TOO_MANY), "field-value"),
    ],
)
def test_no_survey_without_consent_and_no_answer_in_words(phrase: Phrase, rule: str):
    household = given_household(
        arrived(*ADULTS), agreed(scope="survey"), took_back(scope="survey", on="2013-07-01"), agreed("wang")
    )

    assert refusal(household, phrase) == rule


def test_an_erasure_changes_no_figure():
    story = (arrived(*ADULTS), works(), *given("SSI-CARD"), needs("JOB"), delivered("EMP-GUIDE"))
    household, other = (given_household(*story, *more) for more in ((), (to_be_erased(), erased())))

    codes = ("WRK1", "WRK3", "CIT1", "CIT2", "COM1")
    for on in ("2013-06-30", "2013-07-02", "2013-09-01"):
        assert {code: count(household, code, on) for code in codes} == {code: count(other, code, on) for code in codes}


def test_names_are_held_of_those_who_did_not_move_on_and_were_not_erased():
    household = given_household(arrived(*ADULTS, MEI), to_be_erased("wang"), erased("wang"))

    assert household.still_named() == [named("li"), named("mei")]
    when(household, left("mei", reason="other_household", to_household=named("target")))
    assert household.still_named() == [named("li")]


def test_consents_answers_and_a_wish_to_be_erased_move_with_the_person():
    source = given_household(
        arrived(*ADULTS),
        *(agreed("wang", until="2014-02-28"), took_back("wang")),
        *(agreed("wang", scope="survey"), asked(name="wang"), to_be_erased("wang")),
    )
    target = Household(named("target"))
    when(target, arrived(person("zhao"), on="2013-01-01"))
    member = source.leaving_member(named("wang"), "spouse")
    when(source, left("wang", "2013-08-01", "other_household", to_household=target.id))

    target.receive_member(LATER, joined_on=day("2013-08-01"), member=member)

    held = [home.consent_on(named("wang"), "publication", day("2013-05-01")) for home in (source, target)]
    assert [each and each.until for each in held] == [day("2014-02-28")] * 2
    assert held[1] is not None
    assert held[1].origin == (source.id, 2)
    assert [survey.origin for survey in target.people[named("wang")].surveys] == [(source.id, 5)]
    assert refusal(source, erased("wang", on="2013-08-02")) == "moved-with-person"
    assert refusal(target, took_back("wang", on="2013-08-02")) is None
    assert refusal(target, erased("wang", on="2013-08-02")) is None
    assert source.people[named("wang")].erasure != target.people[named("wang")].erasure
