"""Phrases to tell a household's story to the aggregate: who arrived, what they need, what they were given.

A phrase is a command with its date; `given_household` gives the phrases one after the other, `when` gives one more.
Names stand for ids. By default everything happens on 1 March 2013, to "li", and is recorded years later by a
supervisor, so that no rule on dates of recording stands in the way of a story; `by` says it otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from casework.domain.assessment import Assessment, assess
from casework.domain.events.corrections import Change
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.membership import NewMember
from casework.domain.household import Household
from casework.domain.policy import load_policy
from casework.domain.registry import Facts, Feed, FeedClosed, UnitFactReported, feed_id, unit_id
from casework.domain.residence import By
from casework.domain.state import MemberFacts, Span
from casework.errors import CaseworkError

NAMES = UUID("a9bb42f2-7f5b-4b5e-9a54-5a8f7a0c2013")
LATER = By(today=date(2020, 1, 1), supervisor=True)
COMMUNITY, ELSEWHERE = "410105001001", "410102001001"
DAY = "2013-03-01"
GROWN = "1980-03-02"
INSURANCES = ("SSI-PEN", "SSI-MED", "SSI-INJ", "SSI-UNE", "SSI-MAT")


class Phrase(NamedTuple):
    """A command of the household by its name, with its fields."""

    command: str
    fields: dict[str, Any]


def say(command: str, **fields: Any) -> Phrase:
    return Phrase(command, fields)


@cache
def named(name: str) -> UUID:
    """The id that a name stands for."""
    return uuid5(NAMES, name)


def day(text: str) -> date:
    return date.fromisoformat(text)


def maybe(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def someone(name: str | None) -> UUID | None:
    return None if name is None else named(name)


def when(household: Household, *phrases: Phrase, by: By = LATER, **changed: Any) -> list[HouseholdEvent]:
    """Give commands to a household, and say which events they made."""
    for phrase in phrases:
        getattr(household, phrase.command)(by, **phrase.fields | changed)
    return [recorded.event for recorded in household.collect_events()]  # type: ignore[misc]


def given_household(*phrases: Phrase | list[Phrase]) -> Household:
    """A household of "li", a migrant man of 33 who arrived on 1 January 2012, or of those who are said to arrive."""
    told = [phrase for some in phrases for phrase in (some if isinstance(some, list) else [some])]
    household = Household(named("household"))
    if not told or told[0].command != "register_household":
        told.insert(0, arrived())
    when(household, *told)
    return household


def person(name: str, born: str = "1980-03", sex: str = "male", since: str | None = None, **facts: Any) -> NewMember:
    """A migrant, born in a month; facts as `MemberFacts` takes them, dates as text."""
    told = MemberFacts(**{"migrant": True} | {key: _fact(value) for key, value in facts.items()})
    return NewMember(
        person_id=named(name),
        relation="other_relative",
        sex=sex,
        birth_month=born,
        facts=told,
        resident_since=maybe(since),
    )


def _fact(value: Any) -> Any:
    if isinstance(value, tuple):
        return Span(day(value[0]), maybe(value[1] if len(value) > 1 else None))
    return day(value) if isinstance(value, str) and value[:2] in ("19", "20") else value


ADULTS = (person("li"), person("wang", "1982-05", "female"))
MEI, BAO = person("mei", "2005-04"), person("bao", "2009-01")
"""In June 2013 a pupil of 8 and a child of 4."""


def arrived(*people: NewMember, on: str = "2012-01-01", community: str = COMMUNITY) -> Phrase:
    members = people or (person("li"),)
    head = members[0].person_id
    return say("register_household", arrived_on=day(on), community=community, head=head, members=members)


def seen(outcome: str = "present", on: str = DAY) -> Phrase:
    return say("verify_residence", verified_on=day(on), outcome=outcome)


def moved(to: str = ELSEWHERE, on: str = DAY, source: str | None = None) -> Phrase:
    return say("move_household", moved_on=day(on), to_community=to, from_community=source)


def closed(reason: str = "left_city", on: str = DAY) -> Phrase:
    return say("close_household", closed_on=day(on), reason=reason)


def joined(member: NewMember, on: str = DAY) -> Phrase:
    return say("add_member", joined_on=day(on), member=member)


def born(
    name: str = "baby",
    month: str = "2013-03",
    on: str = "2013-03-31",
    mother: str | None = None,
    since: str | None = None,
) -> Phrase:
    return say("record_birth", reported_on=day(on), member=person(name, month, since=since), mother=someone(mother))


def left(name: str, on: str = DAY, reason: str = "moved_out", **more: Any) -> Phrase:
    return say("remove_member", left_on=day(on), person_id=named(name), reason=reason, **more)


def died(name: str, on: str = DAY, head: str | None = None) -> Phrase:
    return say("record_death", died_on=day(on), person_id=named(name), new_head=someone(head))


def headed_by(name: str, on: str = DAY, minor: bool = False, born: str = "1980-03-02") -> Phrase:
    return say("change_head", changed_on=day(on), person_id=named(name), born_on=day(born), minor=minor)


def told(name: str = "li", on: str = DAY, **facts: Any) -> Phrase:
    said = MemberFacts(**{key: _fact(value) for key, value in facts.items()})
    return say("record_member_facts", recorded_on=day(on), person_id=named(name), facts=said)


def works(
    name: str = "li",
    at: str | None = "acme",
    since: str = DAY,
    kind: str = "employee",
    told_on: str | None = None,
    born: str = "1980-03-31",
) -> Phrase:
    """A job, known by its person and employer; its event happens on its first day, or on another."""
    fields = {"employment_id": named(f"{name} at {at}"), "person_id": named(name), "kind": kind, "from_": day(since)}
    unit = None if at is None else unit_id(at)
    return say("start_employment", occurred_on=day(told_on or since), born_on=day(born), unit_id=unit, **fields)


def stopped(name: str = "li", at: str | None = "acme", to: str = DAY, told_on: str | None = None) -> Phrase:
    fields = {"employment_id": named(f"{name} at {at}"), "to": day(to), "reason": "resigned"}
    return say("end_employment", occurred_on=day(told_on or to), **fields)


def needs(need: str, name: str | None = "li", on: str = DAY, result: str = "present", id: str | None = None) -> Phrase:
    who = None if need in ("HOUSING", "LOW_INCOME") else someone(name)
    fields = {"need_id": named(id or need), "need": need, "result": result, "person_id": who}
    return say("record_need", assessed_on=day(on), **fields)


def cleared(need: str, reason: str = "met", on: str = DAY) -> Phrase:
    return say("clear_need", cleared_on=day(on), need_id=named(need), reason=reason)


def requested(
    service: str,
    name: str | None = "li",
    on: str = DAY,
    at: str | None = None,
    id: str | None = None,
    override: str | None = "hardship",
) -> Phrase:
    """An episode, known by its service where no other name is given; eligible or not."""
    who = None if service.startswith(("HSG", "COM", "LIV-DIBAO")) else someone(name)
    unit = None if at is None else unit_id(at)
    fields = {"episode_id": named(id or service), "service": service, "person_id": who, "unit_id": unit}
    return say("request_service", requested_on=day(on), override_reason=override, **fields)


def referred(id: str, to: str = "CIV", on: str = DAY, source: str = "HRSS", referral: str = "referral") -> Phrase:
    fields = {"episode_id": named(id), "referral_id": named(referral), "from_bureau": source, "to_bureau": to}
    return say("refer_service", referred_on=day(on), reason="needs_other_bureau", **fields)


def answered(id: str, answer: str = "accepted", on: str = DAY, referral: str = "referral") -> Phrase:
    fields = {"episode_id": named(id), "referral_id": named(referral), "answer": answer}
    return say("answer_referral", answered_on=day(on), **fields)


def granted(
    id: str,
    on: str = DAY,
    at: str | None = None,
    valid_from: str | None = None,
    valid_to: str | None = None,
    decided_by: str | None = None,
    **evidence: Any,
) -> Phrase:
    term = {"valid_from": maybe(valid_from), "valid_to": maybe(valid_to), "decided_by": decided_by}
    unit = None if at is None else unit_id(at)
    return say("grant_service", granted_on=day(on), episode_id=named(id), unit_id=unit, evidence=evidence, **term)


def given(
    service: str, name: str | None = "li", on: str = DAY, at: str | None = None, id: str | None = None, **terms: Any
) -> list[Phrase]:
    """A service requested and granted on one day, with its evidence."""
    return [requested(service, name, on, at, id), granted(id or service, on, **_evidence_of(service) | terms)]


def _evidence_of(service: str) -> dict[str, Any]:
    """What a grant must show, where a test has nothing else to say."""
    if service in INSURANCES:
        return {"scheme": "employee", "paid_through": "2013-03"}
    shown: dict[str, dict[str, Any]] = {
        "EMP-CONTRACT": {"kind": "open", "signed_on": "2012-01-01"},
        "HLT-REC": {"updated_on": DAY},
        "SSI-UBEN": {"months": 6},
    }
    return shown.get(service, {})


def denied(id: str, reason: str = "documents_missing", on: str = DAY) -> Phrase:
    return say("deny_service", denied_on=day(on), episode_id=named(id), reason=reason)


def started(id: str, on: str = DAY) -> Phrase:
    return say("start_service", started_on=day(on), episode_id=named(id))


def renewed(id: str, on: str = DAY, valid_to: str | None = None, **evidence: Any) -> Phrase:
    fields = {"renewed_on": day(on), "episode_id": named(id), "valid_to": maybe(valid_to), "evidence": evidence}
    return say("renew_service", **fields)


def ended(id: str, on: str = DAY, reason: str = "withdrawn") -> Phrase:
    return say("end_service", ended_on=day(on), episode_id=named(id), reason=reason)


def delivered(service: str, name: str | None = "li", on: str = DAY, id: str | None = None, **evidence: Any) -> Phrase:
    who = None if service.startswith("COM") else someone(name)
    fields = {"episode_id": named(id or f"{service} {name} {on} {evidence}"), "service": service, "person_id": who}
    return say("record_delivery", delivered_on=day(on), evidence=evidence, **fields)


def corrected(
    id: str, path: str, old: Any, new: Any, on: str = DAY, reason: str = "entry_error", corrects: int | None = None
) -> Phrase:
    changes = [Change(path, old, new)]
    fields = {"episode_id": named(id), "changes": changes, "reason": reason, "corrects": corrects}
    return say("correct_service", corrected_on=day(on), **fields)


def voided(id: str, on: str = DAY, reason: str = "never_happened") -> Phrase:
    return say("void_service", voided_on=day(on), episode_id=named(id), reason=reason)


def corrected_facts(
    name: str, path: str, old: Any, new: Any, on: str = DAY, reason: str = "entry_error", corrects: int | None = None
) -> Phrase:
    fields = {"person_id": named(name), "changes": [Change(path, old, new)], "reason": reason, "corrects": corrects}
    return say("correct_member_facts", corrected_on=day(on), **fields)


def voided_entry(version: int, on: str = DAY, reason: str = "never_happened") -> Phrase:
    return say("void_entry", voided_on=day(on), voids=version, reason=reason)


def agreed(
    name: str = "li",
    scope: str = "publication",
    on: str = "2013-03-01",
    until: str | None = None,
    notice: str = "2013-1",
    born: str = GROWN,
    by: str | None = None,
    by_born: str = GROWN,
) -> Phrase:
    return say(
        "give_consent",
        given_on=day(on),
        person_id=named(name),
        scope=scope,
        notice_version=notice,
        born_on=day(born),
        guardian=someone(by),
        guardian_born_on=None if by is None else day(by_born),
        until=None if until is None else day(until),
    )


def asked(on: str = "2013-04-01", name: str = "li", instrument: str = "integration", **answers: Any) -> Phrase:
    told = answers or {"q1": "often", "q2": 4, "q3": True}
    fields = {"instrument": instrument, "version": "2013-1", "answers": told}
    return say("record_survey", surveyed_on=day(on), person_id=named(name), **fields)


def collective(
    employer: str = "acme", start: str = "2012-01-01", to: str | None = None, told_on: str | None = None
) -> Any:
    """An employer's collective contract, for `knowing`."""
    event = UnitFactReported(occurred_on=day(told_on or start), fact="UF-COLL", from_=day(start), to=maybe(to))
    return unit_id(employer), event


def knowing(*contracts: Any, **months: Iterable[str]) -> Facts:
    """What the registry says: contracts, and the months closed by feeds, such as `EDUB_EDU=["2013-01"]`."""
    by_employer: dict[UUID, tuple[UnitFactReported, ...]] = {}
    for employer, event in contracts:
        by_employer[employer] = (*by_employer.get(employer, ()), event)
    return Facts(by_employer, {name.replace("_", "/"): _feed(name, closed) for name, closed in months.items()})


def _feed(name: str, months: Iterable[str]) -> Feed:
    bureau, area = name.split("_")
    feed = Feed(feed_id(bureau, area))
    for month in months:
        feed.apply(FeedClosed(occurred_on=day(DAY), bureau=bureau, area=area, month=month))
    return feed


def assessed(household: Household, on: str, facts: Facts | None = None) -> Assessment:
    return assess(household, load_policy("2013.1"), day(on), facts or Facts())


def count(household: Household, code: str, on: str, facts: Facts | None = None) -> tuple[int, int] | str:
    """An indicator's numerator and denominator, or `not_applicable`, `unknown`, or why nothing is assessed."""
    assessment = assessed(household, on, facts)
    if not assessment.is_assessed:
        return assessment.status
    result = assessment.indicators[code]
    return (result.num, result.den) if result.state == "known" else result.state


def refusal(household: Household, phrase: Phrase, by: By = LATER) -> str | None:
    """By which rule a command is refused; None where it is not, and then it has been carried out."""
    try:
        when(household, phrase, by=by)
    except CaseworkError as error:
        return error.errors[0].code if error.errors else error.code
    return None
