"""What is due to a household on a day: what to offer, decide, answer, renew and arrange, and why.

A pure function of the household present on a day and its assessment. Whether an item is overdue is not told here:
it is, from the day after ``due_on``, on whatever day somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple
from uuid import UUID

from casework.domain import catalogue
from casework.domain.assessment import Assessment
from casework.domain.calendar import add_days, add_months, next_school_year, nth_working_day_after, school_entry
from casework.domain.catalogue import Service
from casework.domain.clock import Clock
from casework.domain.present import Member, Present, in_terms, is_in_force
from casework.domain.state import Episode, last_day, overlaid
from casework.domain.work_items import (
    ACCEPT,
    ANSWER,
    ASKED_FOR,
    ERASE,
    GRANT,
    RENEW,
    REQUEST,
    START,
    TO_ERASE,
    Item,
    Look,
    is_granted,
    item,
    jobs,
    key_of,
    reasons,
    settings,
)
from casework.domain.work_offers import offers


class Due(NamedTuple):
    """A household's items, what is due first coming first; before ``until`` they stay as they are without an event."""

    items: list[Item]
    until: date | None


def due(h: Present, assessment: Assessment) -> Due:
    """Return what is due to a household on the day of its assessment.

    A household that is not in the programme keeps its requests and referrals; one that is closed has nothing to do,
    unless it settles (RULES C3): then what its bureaus may still decide, renew and deliver. Who asked to be erased is
    due wherever their file is.
    """
    clock = Clock(h.day, assessment.next_change_on)
    items = list(_erasures(h, clock))
    if assessment.status in ("assessed", "out_of_scope"):
        items += _of_members(h, assessment, clock)
    items.sort(key=_ordered)
    return Due(items, clock.until)


def _of_members(h: Present, assessment: Assessment, clock: Clock) -> list[Item]:
    clock.also(h.people_clock.until)
    closed_on = h.household.closed_on
    is_closed = closed_on is not None and clock.reached(closed_on)
    look = Look(h, clock, {member.id: member for member in h.members}, set(), is_closed)
    items = list(_episodes(look, in_scope=assessment.is_assessed))
    items += _transfers(look)
    if assessment.is_assessed:
        items += _school_places(look)
        items += offers(look, assessment)
    erased = _erased(look)
    return [each for each in items if each.person_id not in erased]


def _erasures(h: Present, clock: Clock) -> Iterator[Item]:
    """Who asked to be erased and was not yet, also where they left or the file is closed."""
    for person in h.household.people.values():
        asked = person.erasure
        if asked is None or person.spells[-1].to_household is not None or not clock.reached(asked.requested_on):
            continue
        if asked.erased_on is None or not clock.reached(asked.erased_on):
            by = nth_working_day_after(asked.requested_on, settings().erasure_working_days)
            yield Item(by, reasons()[TO_ERASE].kind, TO_ERASE, (), person.person_id, None, None, None, ERASE)


def _erased(look: Look) -> set[UUID]:
    """The members of whom nothing is due any more: no command on them is accepted, though they are counted."""
    erasures = ((person_id, look.h.household.people[person_id].erasure) for person_id in look.members)
    return {
        person_id
        for person_id, asked in erasures
        if asked is not None and asked.erased_on is not None and look.clock.reached(asked.erased_on)
    }


def _ordered(item: Item) -> tuple[date, str, tuple[str, ...], int, int]:
    person, record = item.person_id, item.record_id
    return item.due_on, item.kind, item.services, person.int if person else 0, record.int if record else 0


def _episodes(look: Look, *, in_scope: bool) -> Iterator[Item]:
    """What waits for an answer, a decision or a start, and what runs out; what needs no offer is noted."""
    members, reached = look.members, look.clock.reached
    for episode in look.h.household.episodes.values():
        if episode.delivered_on is not None or episode.voided:
            continue
        if episode.person_id is not None and episode.person_id not in members:
            continue
        if episode.person_id is None and not look.h.household.is_own(episode.episode_id, look.clock):
            continue
        if episode.ended_on is not None and reached(episode.ended_on):
            continue
        if episode.terms and reached(episode.terms[0].on):
            if in_scope:
                yield from _granted(look, episode)
        elif episode.denied_on is not None and reached(episode.denied_on):
            if look.clock.within(add_months(episode.denied_on, settings().denied_months)):
                look.settled.add(key_of(episode))
        elif episode.requested_on is not None and reached(episode.requested_on):
            look.settled.add(key_of(episode))
            yield from _waiting(look, episode, episode.requested_on)


def _waiting(look: Look, episode: Episode, requested_on: date) -> Iterator[Item]:
    reached, service, bureau = look.clock.reached, catalogue.services()[episode.service], None
    for referral in episode.referrals:
        if not reached(referral.on):
            continue
        if referral.answered_on is None or not reached(referral.answered_on):
            if not look.is_closed:
                days = look.h.policy.selection.referral_working_days
                by = referral.due_on or nth_working_day_after(referral.on, days)
                what = ("referral-unanswered", (service.code,), ANSWER, by)
                yield item(*what, episode.person_id, episode.episode_id, referral.to_bureau)
            return
        if referral.answer == "accepted" and referral.to_bureau in service.responsible:
            bureau = referral.to_bureau
    by = nth_working_day_after(requested_on, service.max_decision_days)
    yield item("request-undecided", (service.code,), GRANT, by, episode.person_id, episode.episode_id, bureau)


def _granted(look: Look, episode: Episode) -> Iterator[Item]:
    """A grant that has yet to begin, or to be started; one near its last day, or not long after it."""
    if episode.service in settings().renewed:
        yield from _running_out(look, episode)
    if episode.said_from is not None and not look.clock.reached(episode.said_from):
        look.settled.add(key_of(episode))
    elif episode.service == "EMP-TRAIN" and not _is_started(look, episode) and is_in_force(episode, look.clock):
        look.settled.add(key_of(episode))
        on = episode.said_from or episode.terms[0].on
        yield item("training-not-started", ("EMP-TRAIN",), START, on, episode.person_id, episode.episode_id)


def _is_started(look: Look, episode: Episode) -> bool:
    return episode.started_on is not None and look.clock.reached(episode.started_on)


def _running_out(look: Look, episode: Episode) -> Iterator[Item]:
    """What another grant replaces, or is not theirs any more, is left."""
    clock, terms = look.clock, in_terms(episode.terms, look.clock)
    service = catalogue.services()[episode.service]
    signed_on = service.not_before(overlaid(terms))
    if signed_on is not None and not clock.reached(signed_on):
        look.settled.add(key_of(episode))
    ends = last_day(service, episode.said_from, terms)
    if ends is None or ends == date.min or not clock.reached(add_days(ends, -settings().running_out_days)):
        return
    if not clock.within(add_days(ends, service.grace_days)) or not _is_still_theirs(look, episode, service):
        return
    if not _is_replaced(look, episode, service, ends):
        look.settled.add(key_of(episode))
        why = "runs-out" if clock.within(ends) else "lapsed"
        yield item(why, (service.code,), RENEW, ends, episode.person_id, episode.episode_id)


def _is_still_theirs(look: Look, episode: Episode, service: Service) -> bool:
    """Whether somebody still works for whom the service binds them to, and is of an age to have it."""
    scheme = overlaid(in_terms(episode.terms, look.clock)).get("scheme")
    is_bound = service.code == "EMP-CONTRACT" or (scheme == "employee" and episode.unit_id is not None)
    theirs = (episode.person_id, episode.unit_id)
    if is_bound and not any((job.member.id, job.unit_id) == theirs for job in jobs(look)):
        return False
    ages, member = service.eligibility, look.members.get(episode.person_id) if episode.person_id else None
    below = None if ages.max_age is None else ages.max_age + 1
    return member is None or look.h.aged(member, ages.min_age or 0, below, look.clock)


def _is_replaced(look: Look, episode: Episode, service: Service, ends: date) -> bool:
    """By another grant that ends later, or by what was asked for anew and is yet to be decided."""
    for other in look.h.household.episodes_on(episode.service, episode.person_id, look.clock):
        if other is episode or key_of(other) != key_of(episode):
            continue
        if is_in_force(other, look.clock):
            later = last_day(service, other.said_from, in_terms(other.terms, look.clock))
            if later is None or (later, other.episode_id) > (ends, episode.episode_id):
                return True
        elif _is_undecided(other, look.clock):
            return True
    return False


def _is_undecided(episode: Episode, clock: Clock) -> bool:
    if episode.voided or episode.delivered_on is not None or episode.requested_on is None:
        return False
    decided = [*(terms.on for terms in episode.terms[:1]), episode.denied_on, episode.ended_on]
    return clock.reached(episode.requested_on) and not any(on is not None and clock.reached(on) for on in decided)


def _transfers(look: Look) -> Iterator[Item]:
    """Requests of other offices that this one may still answer."""
    for transfer in () if look.is_closed else look.h.household.transfers.values():
        asked = look.clock.reached(transfer.asked_on)
        is_answered = transfer.answered_on is not None and look.clock.reached(transfer.answered_on)
        if asked and not is_answered and transfer.person_id in look.members and look.clock.within(transfer.due_on):
            kind, record = reasons()[ASKED_FOR].kind, transfer.transfer_id
            yield Item(transfer.due_on, kind, ASKED_FOR, (), transfer.person_id, record, None, None, ACCEPT)


def _school_places(look: Look) -> Iterator[Item]:
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


def _place(look: Look, child: Member, service: str, due_on: date) -> Iterator[Item]:
    running = look.h.has(service, child.id, look.clock)
    if running is None and ((service, child.id, None) in look.settled or look.is_closed):
        return
    why = "school-place-next-year" if service == "EDU-COMP" else "preschool-place-next-year"
    record = running.episode_id if running is not None else None
    yield item(why, (service,), RENEW if running else REQUEST, due_on, child.id, record)


def _has_place(look: Look, child: Member, service: str, begins: date) -> bool:
    """Whether a place is granted that holds on the first day of the next school year; a school's does for both."""
    for code in {service, "EDU-COMP"}:
        row = catalogue.services()[code]
        for episode in look.h.household.episodes_of.get((code, child.id), ()):
            if is_granted(look, episode):
                terms = in_terms(episode.terms, look.clock)
                ends = last_day(row, episode.said_from, terms)
                if (episode.said_from or terms[0].on) <= begins and (ends is None or begins <= ends):
                    return True
    return False
