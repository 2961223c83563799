"""What to offer: the services that counts which are not met lack, and by when they are due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from uuid import UUID

from casework.domain import catalogue
from casework.domain.assessment import KNOWN, Assessment
from casework.domain.calendar import (
    add_days,
    add_months,
    birthday,
    next_school_year,
    nth_working_day_after,
    school_year_start,
)
from casework.domain.explanation import SERVICES, missing
from casework.domain.indicators import Count
from casework.domain.present import Member, in_terms
from casework.domain.state import Employment, last_day
from casework.domain.work_items import DELIVER, RENEW, REQUEST, Item, Look, is_granted, item, jobs, settings


@cache
def _offered_why() -> Mapping[str, str]:
    return {service: why.code for why in settings().reasons if why.kind == "service_due" for service in why.services}


def offers(look: Look, assessment: Assessment) -> Iterator[Item]:
    """What the counts that are not met lack, and nobody sees to yet."""
    for code, result in assessment.indicators.items():
        if result.state == KNOWN and result.num < result.den:
            unmet = [count for count in result.counts if not count.met]
            if code == "CIT1":
                yield from _insurances(look, unmet)
            else:
                for count in unmet:
                    yield from _offer(look, code, count)


def _insurances(look: Look, unmet: Sequence[Count]) -> Iterator[Item]:
    """One item for each member: an office enrols somebody in all that are due at once."""
    lacking: dict[UUID, list[str]] = {}
    for count in unmet:
        if count.person_id is not None and (str(count.what), count.person_id, None) not in look.settled:
            lacking.setdefault(count.person_id, []).append(str(count.what))
    for person_id, services in lacking.items():
        if not look.is_closed:
            member = look.members[person_id]
            due_on = max(_insured_from(look, member, services), min(_lapsed(look, each, member) for each in services))
            yield item("insurance-missing", tuple(services), REQUEST, due_on, person_id, None)


def _offer(look: Look, code: str, count: Count) -> Iterator[Item]:
    person_id, employer = count.person_id, count.unit_id if code == "WRK1" else None
    if code == "WRK1" and (employer is None or ("EMP-CONTRACT", person_id, None) in look.settled):
        return  # nobody has named the employer, or the contract was asked for without naming them
    for services in _lacking(look, code, count):
        if not look.settled.isdisjoint([(service, person_id, employer) for service in services]):
            continue
        due_on = _due_on(look, code, count, services)
        if due_on is not None:
            record = count.behind.employment_id if isinstance(count.behind, Employment) else None
            closes, renewed = _closing(look, services[0], person_id)
            if closes != REQUEST or not look.is_closed:
                yield item(_offered_why()[services[0]], services, closes, due_on, person_id, renewed or record)


def _lacking(look: Look, code: str, count: Count) -> Sequence[tuple[str, ...]]:
    """The services that are missing, of each any one of some."""
    if code in SERVICES:
        return (SERVICES[code],)
    return [each.codes for each in missing(code, count, look.h.day, look.h.policy) if each.kind == "service"]


def _closing(look: Look, service: str, person_id: UUID | None) -> tuple[str, UUID | None]:
    """The command that closes an offer: a place that has just run out can be renewed; which episode that is."""
    row = catalogue.services()[service]
    if row.kind != "episode":
        return DELIVER, None
    if service.startswith("EDU-"):
        for episode in look.h.household.episodes_on(service, person_id, look.clock):
            if is_granted(look, episode):
                ends = last_day(row, episode.said_from, in_terms(episode.terms, look.clock))
                if ends is not None and look.clock.within(add_days(ends, row.grace_days)):
                    return RENEW, episode.episode_id
    return REQUEST, None


def _due_on(look: Look, code: str, count: Count, services: Sequence[str]) -> date | None:
    """By when it should have been given; None where it was, and cannot count any more."""
    h, clock = look.h, look.clock
    if count.due_on is not None:
        return _again(look, count, services)
    if count.what in h.needs:
        return _of_need(look, code, str(count.what), count.person_id, services[0])
    if count.person_id is None:
        return max(add_days(h.household.arrived_on, h.policy.grace.resident_days), _last(look, services))
    member = look.members[count.person_id]
    match code:
        case "SCH1" | "SCH2":
            clock.reached(next_school_year(h.day))
            return max(school_year_start(h.day), member.settled_in if code == "SCH1" else member.resident_since)
        case "WRK1":
            since = min([job.since for job in jobs(look) if (job.member.id, job.unit_id) == (member.id, count.unit_id)])
            return add_days(since, h.policy.grace.job_days)
        case "COM3" if services[0] == "FPL-OFFER" and h.recent(
            "FPL-OFFER", member.id, h.policy.windows.offer_months, clock
        ):
            return None  # only the file is missing
        case "COM3":
            of_age = birthday(member.born, h.policy.ages.family_planning_from)
            return max(member.settled_in, of_age, _lapsed(look, services[0], member))
    return max(member.settled_in, _lapsed(look, services[0], member))


def _again(look: Look, count: Count, services: Sequence[str]) -> date:
    """A deadline, or the day until which the last visit sufficed, where visits are repeated by the month."""
    health = look.h.policy.health
    months = {"HLT-ELD": health.elder_months, "HLT-CHR": health.follow_up_months, "HLT-PSY": health.follow_up_months}
    assert count.due_on is not None
    every = months.get(services[0])
    given = [on for on, _ in look.h.deliveries(services[0], count.person_id) if look.clock.reached(on)] if every else []
    return max(count.due_on, add_months(given[0], every)) if given and every else count.due_on


def _of_need(look: Look, code: str, need: str, person_id: UUID | None, service: str) -> date | None:
    live = look.h.need(need, person_id, look.clock)
    if live is None or live.lapsed:
        return None
    begun, policy = live.need.assessed_on, look.h.policy
    if code == "CIT4":
        return nth_working_day_after(begun, policy.grace.transfer_working_days)
    if code == "WRK3":
        guided = any(begun <= on and look.clock.reached(on) for on, _ in look.h.deliveries(service, person_id))
        return None if guided else add_months(begun, policy.windows.guide_months)
    return nth_working_day_after(begun, catalogue.services()[service].max_decision_days)


def _insured_from(look: Look, member: Member, services: Sequence[str]) -> date:
    """From when somebody who is not new in the city, or in a job, is owed insurances."""
    policy = look.h.policy
    begun = [job.since for job in jobs(look) if job.member.id == member.id]
    if begun:
        return max(member.settled_in, add_days(min(begun), policy.grace.job_days))
    if set(services) <= set(policy.insurances.medical_only):
        return member.settled_in
    return max(member.settled_in, birthday(member.born, policy.ages.adult))


def _lapsed(look: Look, service: str, member: Member) -> date:
    """Until when the service was last given."""
    row, found = catalogue.services()[service], [date.min]
    for episode in look.h.household.episodes_of.get((service, member.id), ()):
        if row.is_delivery or episode.voided or not episode.terms or not look.clock.reached(episode.terms[0].on):
            continue
        ends = last_day(row, episode.said_from, in_terms(episode.terms, look.clock))
        ended = episode.ended_on if episode.ended_on is not None and look.clock.reached(episode.ended_on) else None
        last = min(ends or date.max, ended or date.max)
        found += [last] if last <= look.h.day else []
    if service == "FPL-OFFER":
        months = look.h.policy.windows.offer_months
        found += [add_months(on, months) for on, _ in look.h.deliveries(service, member.id) if look.clock.reached(on)]
    return max(found)


def _last(look: Look, services: Sequence[str]) -> date:
    """Until when the household's last contact, or its last use, sufficed."""
    windows, household = look.h.policy.windows, look.h.household
    contact = "COM-VISIT" in services
    months = windows.contact_months if contact else windows.culture_months
    given = [
        on
        for beneficiary in (None, *look.members)
        for service in services
        for on, _ in look.h.deliveries(service, beneficiary)
    ]
    if contact:
        given += [on for on, outcome in household.verified if outcome == "present"]
    return add_months(max([on for on in given if look.clock.reached(on)], default=date.min), months)
