"""What is due to a household on a day: what to offer, decide, answer, renew and arrange, and why.

A pure function of the household present on a day and its assessment. Whether an item is overdue is not told here:
it is, from the day after ``due_on``, on whatever day somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import NamedTuple
from uuid import UUID

import msgspec

from casework.domain import catalogue
from casework.domain.assessment import KNOWN, Assessment
from casework.domain.calendar import (
    add_days,
    add_months,
    birthday,
    next_school_year,
    nth_working_day_after,
    school_entry,
    school_year_start,
)
from casework.domain.catalogue import Service
from casework.domain.clock import Clock
from casework.domain.codes import Coded, Row, read_data
from casework.domain.explanation import SERVICES, missing
from casework.domain.indicators import Count
from casework.domain.present import Job, Member, Present, in_terms, is_in_force
from casework.domain.state import Employment, Episode, last_day, overlaid

REQUEST, GRANT, START, RENEW = "services.request_service", "services.grant", "services.start", "services.renew"
DELIVER, ANSWER = "services.deliver", "services.answer"
"""The commands that close items, as the interface names them."""

PARKED = "parked"
"""The kind of item that a household is which cannot be computed: nothing else is known of it."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """One thing to do: for a member, or for the household; ``record_id`` is the episode or employment it is about.

    ``due_on`` is the last day on which it is done in time; ``bureau`` leads; ``closes`` names the command. Of
    ``services`` all are missing, or any one will do, as the reason says.
    """

    due_on: date
    kind: str
    why: str
    services: tuple[str, ...]
    person_id: UUID | None
    record_id: UUID | None
    area: str
    bureau: str
    closes: str


class Due(NamedTuple):
    """A household's items, what is due first coming first; before ``until`` they stay as they are without an event."""

    items: list[Item]
    until: date | None


class Why(Coded, frozen=True, kw_only=True):
    """Why something is due: a sentence; for which services, of which any one may do."""

    kind: str
    services: tuple[str, ...]
    any: bool = False


class Settings(Row, frozen=True, kw_only=True):
    """What worklists count with, and their words."""

    running_out_days: int
    school_places_from: str
    denied_months: int
    renewed: frozenset[str]
    kinds: tuple[Coded, ...]
    reasons: tuple[Why, ...]

    def places_open(self, year: int) -> date:
        """Return the day from which places of the school year that begins in a year are arranged."""
        return date.fromisoformat(f"{year:04}-{self.school_places_from}")


@cache
def settings() -> Settings:
    """Return the file of worklists."""
    return read_data("worklist.json", Settings)


@cache
def reasons() -> Mapping[str, Why]:
    """Return why something may be due, by code."""
    return {why.code: why for why in settings().reasons}


@cache
def _offered_why() -> Mapping[str, str]:
    return {service: why.code for why in settings().reasons if why.kind == "service_due" for service in why.services}


Key = tuple[str, UUID | None, UUID | None]
"""A service, for whom, and of a contract with which employer."""


class _Look(NamedTuple):
    """One look at a household: on a day that remembers until when the answers hold.

    ``settled`` is what needs no offer: it is under way, arranged, can be renewed, or was denied not long ago.
    """

    h: Present
    clock: Clock
    members: Mapping[UUID, Member]
    settled: set[Key]
    is_closed: bool


def due(h: Present, assessment: Assessment) -> Due:
    """Return what is due to a household on the day of its assessment.

    A household that is not in the programme keeps its requests and referrals; one that is closed has nothing to do,
    unless it settles (RULES C3): then what its bureaus may still decide, renew and deliver.
    """
    clock = Clock(h.day, assessment.next_change_on)
    if assessment.status not in ("assessed", "out_of_scope"):
        return Due([], clock.until)
    clock.also(h.people_clock.until)
    closed_on = h.household.closed_on
    is_closed = closed_on is not None and clock.reached(closed_on)
    look = _Look(h, clock, {member.id: member for member in h.members}, set(), is_closed)
    items = list(_episodes(look, in_scope=assessment.is_assessed))
    if assessment.is_assessed:
        items += _school_places(look)
        items += _offers(look, assessment)
    items.sort(key=_ordered)
    return Due(items, clock.until)


def _ordered(item: Item) -> tuple[date, str, tuple[str, ...], int, int]:
    person, record = item.person_id, item.record_id
    return item.due_on, item.kind, item.services, person.int if person else 0, record.int if record else 0


def _item(
    why: str,
    services: tuple[str, ...],
    closes: str,
    due_on: date,
    person_id: UUID | None,
    record_id: UUID | None,
    bureau: str | None = None,
) -> Item:
    kind, area, lead = _told(why, services[0])
    return Item(due_on, kind, why, services, person_id, record_id, area, bureau or lead, closes)


@cache
def _told(why: str, service: str) -> tuple[str, str, str]:
    row = catalogue.services()[service]
    return reasons()[why].kind, row.area, row.lead[0]


def _key(episode: Episode) -> Key:
    return episode.service, episode.person_id, episode.unit_id if episode.service == "EMP-CONTRACT" else None


def _episodes(look: _Look, *, in_scope: bool) -> Iterator[Item]:
    """What waits for an answer, a decision or a start, and what runs out; what needs no offer is noted."""
    members, reached = look.members, look.clock.reached
    for episode in look.h.household.episodes.values():
        if episode.delivered_on is not None or episode.voided:
            continue
        if episode.person_id is not None and episode.person_id not in members:
            continue
        if episode.ended_on is not None and reached(episode.ended_on):
            continue
        if episode.terms and reached(episode.terms[0].on):
            if in_scope:
                yield from _granted(look, episode)
        elif episode.denied_on is not None and reached(episode.denied_on):
            if look.clock.within(add_months(episode.denied_on, settings().denied_months)):
                look.settled.add(_key(episode))
        elif episode.requested_on is not None and reached(episode.requested_on):
            look.settled.add(_key(episode))
            yield from _waiting(look, episode, episode.requested_on)


def _waiting(look: _Look, episode: Episode, requested_on: date) -> Iterator[Item]:
    reached, service, bureau = look.clock.reached, catalogue.services()[episode.service], None
    for referral in episode.referrals:
        if not reached(referral.on):
            continue
        if referral.answered_on is None or not reached(referral.answered_on):
            if not look.is_closed:
                days = look.h.policy.selection.referral_working_days
                by = referral.due_on or nth_working_day_after(referral.on, days)
                what = ("referral-unanswered", (service.code,), ANSWER, by)
                yield _item(*what, episode.person_id, episode.episode_id, referral.to_bureau)
            return
        if referral.answer == "accepted" and referral.to_bureau in service.responsible:
            bureau = referral.to_bureau
    by = nth_working_day_after(requested_on, service.max_decision_days)
    yield _item("request-undecided", (service.code,), GRANT, by, episode.person_id, episode.episode_id, bureau)


def _granted(look: _Look, episode: Episode) -> Iterator[Item]:
    """A grant that has yet to begin, or to be started; one near its last day, or not long after it."""
    if episode.service in settings().renewed:
        yield from _running_out(look, episode)
    if episode.said_from is not None and not look.clock.reached(episode.said_from):
        look.settled.add(_key(episode))
    elif episode.service == "EMP-TRAIN" and not _is_started(look, episode) and is_in_force(episode, look.clock):
        look.settled.add(_key(episode))
        on = episode.said_from or episode.terms[0].on
        yield _item("training-not-started", ("EMP-TRAIN",), START, on, episode.person_id, episode.episode_id)


def _is_started(look: _Look, episode: Episode) -> bool:
    return episode.started_on is not None and look.clock.reached(episode.started_on)


def _running_out(look: _Look, episode: Episode) -> Iterator[Item]:
    """What another grant replaces, or is not theirs any more, is left."""
    clock, terms = look.clock, in_terms(episode.terms, look.clock)
    service = catalogue.services()[episode.service]
    signed_on = service.not_before(overlaid(terms))
    if signed_on is not None and not clock.reached(signed_on):
        look.settled.add(_key(episode))
    ends = last_day(service, episode.said_from, terms)
    if ends is None or ends == date.min or not clock.reached(add_days(ends, -settings().running_out_days)):
        return
    if not clock.within(add_days(ends, service.grace_days)) or not _is_still_theirs(look, episode, service):
        return
    if not _is_replaced(look, episode, service, ends):
        look.settled.add(_key(episode))
        why = "runs-out" if clock.within(ends) else "lapsed"
        yield _item(why, (service.code,), RENEW, ends, episode.person_id, episode.episode_id)


def _is_still_theirs(look: _Look, episode: Episode, service: Service) -> bool:
    """Whether somebody still works for whom the service binds them to, and is of an age to have it."""
    scheme = overlaid(in_terms(episode.terms, look.clock)).get("scheme")
    is_bound = service.code == "EMP-CONTRACT" or (scheme == "employee" and episode.unit_id is not None)
    theirs = (episode.person_id, episode.unit_id)
    if is_bound and not any((job.member.id, job.unit_id) == theirs for job in _jobs(look)):
        return False
    ages, member = service.eligibility, look.members.get(episode.person_id) if episode.person_id else None
    below = None if ages.max_age is None else ages.max_age + 1
    return member is None or look.h.aged(member, ages.min_age or 0, below, look.clock)


def _jobs(look: _Look) -> Sequence[Job]:
    jobs = look.h.jobs
    look.clock.also(look.h.jobs_clock.until)
    return jobs


def _is_replaced(look: _Look, episode: Episode, service: Service, ends: date) -> bool:
    for other in look.h.household.episodes_of.get((episode.service, episode.person_id), ()):
        if other is not episode and _key(other) == _key(episode) and is_in_force(other, look.clock):
            later = last_day(service, other.said_from, in_terms(other.terms, look.clock))
            if later is None or (later, other.episode_id) > (ends, episode.episode_id):
                return True
    return False


def _school_places(look: _Look) -> Iterator[Item]:
    """Children who will be of preschool or school age in the next school year, and have no place for it yet."""
    ages, clock = look.h.policy.ages, look.clock
    for child in look.members.values():
        first, last = school_entry(child.born, ages.preschool_from), school_entry(child.born, ages.compulsory_below)
        if not clock.reached(settings().places_open(first.year)) or clock.reached(date(last.year - 1, 9, 1)):
            continue
        begins = next_school_year(clock.day)
        if not clock.reached(settings().places_open(begins.year)):
            continue
        clock.reached(begins)  # from then on the next one is another
        service = "EDU-COMP" if school_entry(child.born, ages.compulsory_from) <= begins else "EDU-PRE"
        if not _has_place(look, child, service, begins):
            yield from _place(look, child, service, add_days(begins, -1))


def _place(look: _Look, child: Member, service: str, due_on: date) -> Iterator[Item]:
    running = look.h.has(service, child.id, look.clock)
    if running is None and ((service, child.id, None) in look.settled or look.is_closed):
        return
    why = "school-place-next-year" if service == "EDU-COMP" else "preschool-place-next-year"
    record = running.episode_id if running is not None else None
    yield _item(why, (service,), RENEW if running else REQUEST, due_on, child.id, record)


def _has_place(look: _Look, child: Member, service: str, begins: date) -> bool:
    """Whether a place is granted that holds on the first day of the next school year; a school's does for both."""
    for code in {service, "EDU-COMP"}:
        row = catalogue.services()[code]
        for episode in look.h.household.episodes_of.get((code, child.id), ()):
            if _is_granted(look, episode):
                terms = in_terms(episode.terms, look.clock)
                ends = last_day(row, episode.said_from, terms)
                if (episode.said_from or terms[0].on) <= begins and (ends is None or begins <= ends):
                    return True
    return False


def _is_granted(look: _Look, episode: Episode) -> bool:
    reached = look.clock.reached
    if episode.voided or episode.delivered_on is not None or not episode.terms or not reached(episode.terms[0].on):
        return False
    return episode.ended_on is None or not reached(episode.ended_on)


def _offers(look: _Look, assessment: Assessment) -> Iterator[Item]:
    """What the counts that are not met lack, and nobody sees to yet."""
    for code, result in assessment.indicators.items():
        if result.state == KNOWN and result.num < result.den:
            unmet = [count for count in result.counts if not count.met]
            if code == "CIT1":
                yield from _insurances(look, unmet)
            else:
                for count in unmet:
                    yield from _offer(look, code, count)


def _insurances(look: _Look, unmet: Sequence[Count]) -> Iterator[Item]:
    """One item for each member: an office enrols somebody in all that are due at once."""
    lacking: dict[UUID, list[str]] = {}
    for count in unmet:
        if count.person_id is not None and (str(count.what), count.person_id, None) not in look.settled:
            lacking.setdefault(count.person_id, []).append(str(count.what))
    for person_id, services in lacking.items():
        if not look.is_closed:
            member = look.members[person_id]
            due_on = max(_insured_from(look, member, services), min(_lapsed(look, each, member) for each in services))
            yield _item("insurance-missing", tuple(services), REQUEST, due_on, person_id, None)


def _offer(look: _Look, code: str, count: Count) -> Iterator[Item]:
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
                yield _item(_offered_why()[services[0]], services, closes, due_on, person_id, renewed or record)


def _lacking(look: _Look, code: str, count: Count) -> Sequence[tuple[str, ...]]:
    """The services that are missing, of each any one of some."""
    if code in SERVICES:
        return (SERVICES[code],)
    return [each.codes for each in missing(code, count, look.h.day, look.h.policy) if each.kind == "service"]


def _closing(look: _Look, service: str, person_id: UUID | None) -> tuple[str, UUID | None]:
    """The command that closes an offer: a place that has just run out can be renewed; which episode that is."""
    row = catalogue.services()[service]
    if row.kind != "episode":
        return DELIVER, None
    if service.startswith("EDU-"):
        for episode in look.h.household.episodes_of.get((service, person_id), ()):
            if _is_granted(look, episode):
                ends = last_day(row, episode.said_from, in_terms(episode.terms, look.clock))
                if ends is not None and look.clock.within(add_days(ends, row.grace_days)):
                    return RENEW, episode.episode_id
    return REQUEST, None


def _due_on(look: _Look, code: str, count: Count, services: Sequence[str]) -> date | None:
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
            since = min(
                [job.since for job in _jobs(look) if (job.member.id, job.unit_id) == (member.id, count.unit_id)]
            )
            return add_days(since, h.policy.grace.job_days)
        case "COM3" if services[0] == "FPL-OFFER" and h.recent(
            "FPL-OFFER", member.id, h.policy.windows.offer_months, clock
        ):
            return None  # only the file is missing
        case "COM3":
            of_age = birthday(member.born, h.policy.ages.family_planning_from)
            return max(member.settled_in, of_age, _lapsed(look, services[0], member))
    return max(member.settled_in, _lapsed(look, services[0], member))


def _again(look: _Look, count: Count, services: Sequence[str]) -> date:
    """A deadline, or the day until which the last visit sufficed, where visits are repeated by the month."""
    health = look.h.policy.health
    months = {"HLT-ELD": health.elder_months, "HLT-CHR": health.follow_up_months, "HLT-PSY": health.follow_up_months}
    assert count.due_on is not None
    every = months.get(services[0])
    given = [on for on, _ in look.h.deliveries(services[0], count.person_id) if look.clock.reached(on)] if every else []
    return max(count.due_on, add_months(given[0], every)) if given and every else count.due_on


def _of_need(look: _Look, code: str, need: str, person_id: UUID | None, service: str) -> date | None:
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


def _insured_from(look: _Look, member: Member, services: Sequence[str]) -> date:
    """From when somebody who is not new in the city, or in a job, is owed insurances."""
    policy = look.h.policy
    jobs = [job.since for job in _jobs(look) if job.member.id == member.id]
    if jobs:
        return max(member.settled_in, add_days(min(jobs), policy.grace.job_days))
    if set(services) <= set(policy.insurances.medical_only):
        return member.settled_in
    return max(member.settled_in, birthday(member.born, policy.ages.adult))


def _lapsed(look: _Look, service: str, member: Member) -> date:
    """Until when the service was last given."""
    row, found = catalogue.services()[service], [date.min]
    for episode in look.h.household.episodes_of.get((service, member.id), ()):
        if row.is_delivery or episode.voided or not episode.terms or not look.clock.reached(episode.terms[0].on):
            continue
        ends = last_day(row, episode.said_from, in_terms(episode.terms, look.clock))
        ended = episode.ended_on if episode.ended_on is not None and look.clock.reached(episode.ended_on) else None
        found += [on for on in (ends, ended) if on is not None and on <= look.h.day]
    if service == "FPL-OFFER":
        months = look.h.policy.windows.offer_months
        found += [add_months(on, months) for on, _ in look.h.deliveries(service, member.id) if look.clock.reached(on)]
    return max(found)


def _last(look: _Look, services: Sequence[str]) -> date:
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
