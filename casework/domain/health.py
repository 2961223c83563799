"""Which public-health services are due to a member on a day (RULES E, the table of COM2).

A milestone exists for a member when its deadline has come and lies 30 days or more after they came to the city:
what fell due elsewhere is not this city's miss. Several doses of one service make one pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from casework.domain.calendar import add_days, add_months, birthday, born_from, born_last, next_day
from casework.domain.clock import Clock
from casework.domain.policy import Dose
from casework.domain.present import Member, Present
from casework.domain.state import Episode, Span, overlaid


class Due(NamedTuple):
    """One service due to one member: by when, given or not, and by which delivery."""

    member: Member
    service: str
    due_on: date
    met: bool
    behind: Episode | None = None


class Milestone(NamedTuple):
    """A visit's window: from which day it counts, and by when it is due."""

    opens: date
    deadline: date


def due_services(h: Present, clock: Clock) -> Iterator[Due]:
    """Every pair that is due on the day."""
    for member in h.members:
        if h.aged(member, 0, h.policy.health.child_below, clock):
            yield from _vaccination(h, member, clock)
            yield from _child_visits(h, member, clock)
        yield from _maternal_visits(h, member, clock)
        yield from _elder_check(h, member, clock)
        for need, service in _FOLLOWED_UP:
            if need in h.needs:
                yield from _follow_up(h, member, need, service, clock)


_FOLLOWED_UP = (("CHRONIC", "HLT-CHR"), ("PSYCH", "HLT-PSY"))


def _exists(member: Member, deadline: date, clock: Clock) -> bool:
    return deadline >= member.settled_in and clock.reached(deadline)


def _vaccination(h: Present, member: Member, clock: Clock) -> Iterator[Due]:
    due = _doses(h, member, clock)
    if due:
        given = _given_doses(h, member, clock)
        missing = next((deadline for deadline, dose in due if (dose.vaccine, dose.dose) not in given), None)
        last, dose = due[-1]
        yield Due(member, "HLT-VAC", missing or last, missing is None, given.get((dose.vaccine, dose.dose)))


def missing_doses(h: Present, member: Member, clock: Clock) -> list[Dose]:
    """Return the doses that are due to a child on the day and were not given."""
    given = _given_doses(h, member, clock)
    return [dose for _, dose in _doses(h, member, clock) if (dose.vaccine, dose.dose) not in given]


def _doses(h: Present, member: Member, clock: Clock) -> list[tuple[date, Dose]]:
    return [
        (deadline, dose)
        for milestone in h.policy.health.vaccinations
        if _exists(member, deadline := add_months(member.born, milestone.deadline_months), clock)
        for dose in milestone.doses
    ]


def _given_doses(h: Present, member: Member, clock: Clock) -> dict[tuple[object, object], Episode]:
    return {
        (evidence.get("vaccine"), evidence.get("dose")): episode
        for day, episode in h.deliveries("HLT-VAC", member.id)
        if (evidence := overlaid(episode.terms)) is not None and clock.reached(day)
    }


def _child_visits(h: Present, member: Member, clock: Clock) -> Iterator[Due]:
    existing = [
        Milestone(add_months(member.born_from, m.opens_months), deadline)
        for m in h.policy.health.child_visits
        if _exists(member, deadline := add_months(member.born, m.deadline_months), clock)
    ]
    yield from _visits(h, member, "HLT-CHI", existing, clock)


def _visits(h: Present, member: Member, service: str, existing: Sequence[Milestone], clock: Clock) -> Iterator[Due]:
    """One pair, met by any visit since the last milestone's window opened."""
    if existing:
        last = max(existing, key=lambda m: m.deadline)
        visit = _since(h, service, member, last.opens, clock)
        yield Due(member, service, last.deadline, visit is not None, visit)


def _since(h: Present, service: str, member: Member, opens: date, clock: Clock) -> Episode | None:
    given = [e for day, e in h.deliveries(service, member.id) if day >= opens and clock.reached(day)]
    return given[-1] if given else None


def _maternal_visits(h: Present, member: Member, clock: Clock) -> Iterator[Due]:
    if not member.person.births and all(told.facts.pregnancy is None for told in member.person.told):
        return
    milestones = [*_antenatal(h, member, clock), *_postnatal(h, member, clock)]
    existing = [m for m in milestones if _exists(member, m.deadline, clock)]
    yield from _visits(h, member, "HLT-MAT", existing, clock)


def _antenatal(h: Present, member: Member, clock: Clock) -> Iterator[Milestone]:
    pregnancy = _pregnancy(member, clock)
    if pregnancy is None:
        return
    begun = pregnancy.from_
    ends = pregnancy.to or add_days(begun, h.policy.health.pregnancy_days)
    if clock.reached(begun) and not clock.reached(ends):
        for visit in h.policy.health.antenatal:
            if add_days(begun, visit.deadline_days) < ends:
                yield Milestone(add_days(begun, visit.opens_days), add_days(begun, visit.deadline_days))


def _pregnancy(member: Member, clock: Clock) -> Span | None:
    for told in reversed(member.person.told):
        if told.facts.pregnancy is not None and clock.reached(told.on):
            return told.facts.pregnancy
    return None


def _postnatal(h: Present, member: Member, clock: Clock) -> Iterator[Milestone]:
    for birth in member.person.births:
        born = born_last(birth.birth_month)
        if clock.reached(birth.reported_on) and clock.within(add_days(born, h.policy.health.postnatal_days)):
            opening = born_from(birth.birth_month)
            for visit in h.policy.health.postnatal:
                yield Milestone(add_days(opening, visit.opens_days), add_days(born, visit.deadline_days))


def _elder_check(h: Present, member: Member, clock: Clock) -> Iterator[Due]:
    health = h.policy.health
    begins = _checked_from(member.born, member.resident_since, health.elder_from, health.elder_months)
    if clock.reached(begins):
        check = h.recent("HLT-ELD", member.id, health.elder_months, clock)
        yield Due(member, "HLT-ELD", begins, check is not None, check)


@lru_cache(1 << 16)
def _checked_from(born: date, resident_since: date, years: int, months: int) -> date:
    return next_day(add_months(max(birthday(born, years), resident_since), months))


def _follow_up(h: Present, member: Member, need: str, service: str, clock: Clock) -> Iterator[Due]:
    live = h.need(need, member.id, clock)
    if live is not None:
        months = h.policy.health.follow_up_months
        begun = max(live.need.assessed_on, member.resident_since)
        begins = next_day(add_months(begun, months))
        if clock.reached(begins):
            visit = h.recent(service, member.id, months, clock)
            yield Due(member, service, begins, visit is not None, visit)
