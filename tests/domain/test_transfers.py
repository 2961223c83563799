"""Requests of other offices: what may be asked and answered, when they lapse, and what worklists say of them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from casework.domain.assessment import assess_present
from casework.domain.events.membership import IdNumberReleased
from casework.domain.events.transfers import TransferAnswered, TransferRequested
from casework.domain.household import Household
from casework.domain.parts import collide
from casework.domain.policy import load_policy
from casework.domain.present import Present
from casework.domain.registry import Facts
from casework.domain.residence import By
from casework.domain.work_items import Item
from casework.domain.worklist import due
from tests.domain.given import (
    COMMUNITY,
    ELSEWHERE,
    Phrase,
    arrived,
    closed,
    day,
    died,
    given_household,
    joined,
    left,
    moved,
    named,
    person,
    refusal,
    say,
    when,
)

FRIDAY = By(today=date(2013, 3, 1))
LAST_DAY = By(today=date(2013, 3, 22))
AFTER = By(today=date(2013, 3, 23))
COUPLE = arrived(person("li"), person("mei", "1982-05", "female"))


ERASED = [
    say("request_erasure", requested_on=day("2013-03-02"), person_id=named("mei"), basis="purpose_fulfilled"),
    say("erase_person", erased_on=day("2013-03-03"), person_id=named("mei"), ledger_entry=1),
]


def asked(name: str = "mei", id: str = "request", to: str = ELSEWHERE, **more: Any) -> Phrase:
    return say("request_transfer", transfer_id=named(id), person_id=named(name), to_community=to, **more)


def accepted(id: str = "request", on: str = "2013-03-01", **more: Any) -> Phrase:
    return say("accept_transfer", transfer_id=named(id), accepted_on=day(on), moved_to=named("new"), **more)


def declined(id: str = "request", on: str = "2013-03-01", reason: str = "still_here", **more: Any) -> Phrase:
    return say("decline_transfer", transfer_id=named(id), declined_on=day(on), reason=reason, **more)


def waiting(*before: Phrase) -> Household:
    """A couple of whom one was asked for on a Friday."""
    household = given_household(COUPLE, *before)
    when(household, asked(), by=FRIDAY)
    return household


def state(household: Household, on: str, id: str = "request") -> str:
    return household.transfer_state(household.transfers[named(id)], day(on))


def items(household: Household, on: str) -> list[Item]:
    present = Present(household, load_policy("2013.1"), day(on), Facts())
    return [item for item in due(present, assess_present(present)).items if item.kind == "transfer"]


def test_a_request_says_until_when_it_is_answered_in_time():
    household = given_household(COUPLE)

    events = when(household, asked(relation="spouse"), by=FRIDAY)

    assert events == [
        TransferRequested(
            occurred_on=date(2013, 3, 1),
            transfer_id=named("request"),
            person_id=named("mei"),
            to_community=ELSEWHERE,
            relation="spouse",
            due_on=date(2013, 3, 22),  # 15 working days
        )
    ]


@pytest.mark.parametrize(
    ("phrase", "rule"),
    [
        (asked("nobody"), "person-unknown"),
        (asked(relation="friend"), "unknown-code"),
        (asked(id="another"), "transfer-waits"),
        (asked(id="another", to=COMMUNITY), None),
        (asked("li", id="another"), None),
    ],
)
def test_what_may_be_asked(phrase: Phrase, rule: str | None):
    assert refusal(waiting(), phrase, by=LAST_DAY) == rule


def test_what_has_lapsed_was_declined_or_is_over_can_be_asked_again():
    lapsed, refused, over = waiting(), waiting(), waiting()
    when(refused, declined(), by=FRIDAY)
    when(over, left("mei", "2013-03-04"))

    assert refusal(lapsed, asked(id="again"), by=AFTER) is None
    assert refusal(refused, asked(id="again"), by=FRIDAY) is None
    assert refusal(over, asked(id="again"), by=LAST_DAY) == "person-not-a-member"


@pytest.mark.parametrize(
    ("happened", "on", "is_then"),
    [
        ([], "2013-03-22", "open"),
        ([], "2013-03-23", "lapsed"),
        ([accepted(late=True)], "2013-03-30", "accepted"),
        ([declined(late=True)], "2013-03-30", "declined"),
        (ERASED, "2013-03-22", "over"),
        ([left("mei", "2013-03-04")], "2013-03-04", "over"),
        ([died("mei", "2013-03-04")], "2013-03-04", "over"),
        ([closed(on="2013-03-04")], "2013-03-04", "over"),
        ([moved(to="410102001002", on="2013-03-04")], "2013-03-04", "open"),
    ],
)
def test_what_a_request_is(happened: list[Phrase], on: str, is_then: str):
    household = waiting()
    for phrase in happened:
        when(household, phrase)

    assert state(household, on) == is_then


@pytest.mark.parametrize("answer", [accepted, declined])
@pytest.mark.parametrize(
    ("happened", "by", "more", "rule"),
    [
        ([], FRIDAY, {}, None),
        ([], LAST_DAY, {}, None),
        ([], AFTER, {}, "transfer-lapsed"),
        ([], AFTER, {"late": True}, None),
        ([accepted(late=True)], FRIDAY, {}, "transfer-answered"),
        ([declined(late=True)], FRIDAY, {}, "transfer-answered"),
        ([closed(on="2013-03-01")], FRIDAY, {}, "household-closed"),
        ([], FRIDAY, {"on": "2013-03-02"}, "date-in-future"),
        ([], FRIDAY, {"id": "no request"}, "not-found"),
    ],
)
def test_who_answers_may_do_it_once_and_in_time(
    answer: Any, happened: list[Phrase], by: By, more: dict[str, Any], rule: str | None
):
    household = waiting()
    for phrase in happened:
        when(household, phrase)

    assert refusal(household, answer(**more), by=by) == rule


def test_who_died_or_left_is_handed_over_by_nobody():
    for phrase in (died("mei", "2013-03-01"), left("mei", "2013-03-01")):
        household = waiting()
        when(household, phrase)
        assert refusal(household, accepted(), by=FRIDAY) == "person-not-a-member"
        assert refusal(household, declined(), by=FRIDAY) is None


def test_an_answer_says_why_not():
    household = waiting()

    [event] = when(household, declined(reason="another_person"), by=FRIDAY)

    assert event == TransferAnswered(
        occurred_on=date(2013, 3, 1), transfer_id=named("request"), answer="declined", reason="another_person"
    )
    assert refusal(waiting(), declined(reason="no_time"), by=FRIDAY) == "unknown-code"


def test_a_request_collides_with_no_edit_of_the_household():
    [event] = when(given_household(COUPLE), asked(), by=FRIDAY)
    [other] = when(given_household(COUPLE), joined(person("bao", "2010-01")))

    assert not collide([other], [event])
    assert collide([event], [event])


def test_a_worklist_names_what_waits_until_its_last_day_or_its_answer():
    household = waiting()

    assert items(household, "2013-02-28") == []
    assert items(household, "2013-03-01") == [
        Item(
            due_on=date(2013, 3, 22),
            kind="transfer",
            why="transfer-asked",
            services=(),
            person_id=named("mei"),
            record_id=named("request"),
            area=None,
            bureau=None,
            closes="transfers.accept",
        )
    ]
    assert len(items(household, "2013-03-22")) == 1
    assert items(household, "2013-03-23") == []
    when(household, declined(on="2013-03-11", late=True))
    assert [len(items(household, on)) for on in ("2013-03-10", "2013-03-11")] == [1, 0]


def test_who_has_gone_is_on_no_worklist():
    household = waiting()
    when(household, left("mei", "2013-03-04"))

    assert [len(items(household, on)) for on in ("2013-03-03", "2013-03-04")] == [1, 0]


def test_an_id_number_is_released_of_a_member_for_a_reason():
    released = say(
        "release_id_number",
        released_on=date(2013, 3, 1),
        person_id=named("li"),
        reason="somebody_elses_number",
        commitment=b"e" * 32,
        profile_commitment=b"p" * 32,
    )
    household = given_household(COUPLE)

    [event] = when(household, released)

    assert isinstance(event, IdNumberReleased)
    assert (
        refusal(given_household(COUPLE), released._replace(fields=released.fields | {"reason": "why"}))
        == "unknown-code"
    )
    when(household, left("mei", "2013-03-01"))
    gone = released._replace(fields=released.fields | {"person_id": named("mei")})
    assert refusal(household, gone) == "person-left"
