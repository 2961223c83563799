"""A household as it stands on one day: who is there, what they do, what is in force (RULES C and D).

Every question takes the clock of whoever asks, so that each indicator learns until when its own answer holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from casework.domain import catalogue
from casework.domain.calendar import (
    add_days,
    add_months,
    birthday,
    born_from,
    born_last,
    evaluation_year_end,
    evaluation_year_start,
)
from casework.domain.clock import Clock, is_over
from casework.domain.household import Household
from casework.domain.needs import LiveNeed, live_need
from casework.domain.policy import Policy
from casework.domain.registry import Facts
from casework.domain.state import Employment, Episode, Person, Terms, last_day, overlaid


class Member(NamedTuple):
    """An active member on the day; ``born`` is the last day of the birth month (RULES A1).

    ``settled_in`` is the day from which what falls due is this city's (RULES B6, C6).
    """

    id: UUID
    person: Person
    born: date
    born_from: date
    resident_since: date
    settled_in: date


class Job(NamedTuple):
    """An employee entry: one for each person and employer (RULES C8)."""

    member: Member
    unit_id: UUID | None
    since: date
    employment: Employment


class Present:
    """One household on one day under one policy."""

    def __init__(self, household: Household, policy: Policy, day: date, facts: Facts) -> None:
        self.household = household
        self.policy = policy
        self.day = day
        self.facts = facts
        self.people_clock = Clock(day)
        self.jobs_clock = Clock(day)
        # Most questions are about what nobody here ever had: these spare them the look-up by person.
        self.services = {service for service, _ in household.episodes_of}
        self.needs = {need for need, _ in household.needs_of}

    def continue_from(self, earlier: Present) -> None:
        """Take over who the members were on an earlier day, and their jobs, where that was asked and still holds."""
        known = earlier.__dict__
        if "members" not in known or is_over(earlier.people_clock.until, self.day):
            return
        self.members, self.people_clock.until = earlier.members, earlier.people_clock.until
        if "jobs" in known and not is_over(earlier.jobs_clock.until, self.day):
            self.jobs, self.jobs_clock.until = earlier.jobs, earlier.jobs_clock.until

    @cached_property
    def members(self) -> list[Member]:
        """All active members; ``people_clock`` tells until when, and until when the household's records are its own."""
        return list(self._active())

    def _active(self) -> Iterator[Member]:
        clock, days = self.people_clock, self.policy.grace.resident_days
        for person in self.household.people.values():
            for spell in person.spells:
                if clock.reached(spell.joined_on) and not (spell.left_on and clock.reached(spell.left_on)):
                    month, since = person.birth_month, spell.resident_since
                    settled_in = add_days(since, days)
                    yield Member(person.person_id, person, born_last(month), born_from(month), since, settled_in)
                    break

    def aged(self, member: Member, least: int, below: int | None, clock: Clock) -> bool:
        """Whether a member has completed ``least`` years and not yet ``below``; 0 holds in the month of birth too."""
        if least and not clock.reached(birthday(member.born, least)):
            return False
        return below is None or not clock.reached(birthday(member.born, below))

    @cached_property
    def jobs(self) -> list[Job]:
        """All employee entries; ``jobs_clock`` tells until when."""
        entries: dict[tuple[UUID, UUID | None], Job] = {}
        members = {member.id: member for member in self.members}
        for employment in self.household.employments.values():
            member = members.get(employment.person_id)
            if member is None or not self._is_employee(employment, member):
                continue
            key = (member.id, employment.unit_id)
            known = entries.get(key)
            if known is None or employment.from_ < known.since:
                entries[key] = Job(member, employment.unit_id, employment.from_, employment)
        return list(entries.values())

    def _is_employee(self, employment: Employment, member: Member) -> bool:
        clock, ages = self.jobs_clock, self.policy.ages
        if employment.kind not in self.policy.employee_kinds:
            return False
        below = ages.retirement(member.person.sex)
        return works(employment, clock) and self.aged(member, ages.adult, below, clock)

    def in_force(self, service: str, person_id: UUID | None, clock: Clock) -> Iterator[Episode]:
        """The episodes in force, the newest grant first (RULES D1)."""
        for episode in self._newest_first(service, person_id):
            if is_in_force(episode, clock):
                yield episode

    def has(self, service: str, person_id: UUID | None, clock: Clock) -> Episode | None:
        """The newest episode in force, if there is one."""
        if service in self.services:
            for episode in self._newest_first(service, person_id):
                if is_in_force(episode, clock):
                    return episode
        return None

    def _newest_first(self, service: str, person_id: UUID | None) -> Sequence[Episode]:
        episodes = self._episodes(service, person_id) if service in self.services else ()
        return episodes if len(episodes) < 2 else sorted(episodes, key=_granted, reverse=True)

    def _episodes(self, service: str, person_id: UUID | None) -> Sequence[Episode]:
        return self.household.episodes_on(service, person_id, self.people_clock)

    def deliveries(self, service: str, person_id: UUID | None) -> list[tuple[date, Episode]]:
        """When a one-off service was given, the latest first (RULES D4)."""
        if service not in self.services:
            return []
        episodes = self._episodes(service, person_id)
        given = [(day, e) for e in episodes if (day := given_on(e)) is not None]
        given.sort(key=_first, reverse=True)
        return given

    def recent(self, service: str, person_id: UUID | None, months: int, clock: Clock) -> Episode | None:
        """The latest delivery, if it is no more than so many months old (RULES B5)."""
        for day, episode in self.deliveries(service, person_id):
            if clock.reached(day):
                return episode if clock.within(add_months(day, months)) else None
        return None

    def need(self, code: str, person_id: UUID | None, clock: Clock) -> LiveNeed | None:
        """The need that is live, of several the latest assessed (RULES D6)."""
        needs = self.household.needs_on(code, person_id, self.people_clock) if code in self.needs else None
        return live_need(needs, self.policy.need_tails.get(code, {}), clock) if needs else None

    def is_student(self, member: Member, clock: Clock) -> bool:
        """Whether the person is a pupil or student on the day."""
        for told in reversed(member.person.told):
            student = told.facts.student
            if student is not None and clock.reached(told.on):
                return clock.reached(student.from_) and (student.to is None or clock.within(student.to))
        return False


def works(employment: Employment, clock: Clock) -> bool:
    """Whether a job has begun and not ended; its last day is inside (RULES B4)."""
    if not (clock.reached(employment.on) and clock.reached(employment.from_)):
        return False
    if employment.ended_on is None or employment.to is None or not clock.reached(employment.ended_on):
        return True
    return clock.within(employment.to)


def is_in_force(episode: Episode, clock: Clock) -> bool:
    """Whether an episode is granted, begun, not lapsed, ended or voided (RULES D1)."""
    terms = episode.terms
    if episode.voided or not terms or episode.delivered_on is not None or not clock.reached(terms[0].on):
        return False
    begins = episode.said_from
    if begins is not None and not clock.reached(begins):
        return False
    if episode.ended_on is not None and clock.reached(episode.ended_on):
        return False
    said = in_terms(terms, clock)
    service = catalogue.services()[episode.service]
    ends = last_day(service, begins, said)
    if ends is not None and not clock.within(ends):
        return False
    if service.validity is None or not service.validity.not_before:
        return True
    signed_on = service.not_before(overlaid(said))
    return signed_on is None or clock.reached(signed_on)


def in_terms(terms: Sequence[Terms], clock: Clock) -> Sequence[Terms]:
    """The grant and those renewals whose day has come."""
    return terms if len(terms) == 1 else [t for t in terms if clock.reached(t.on)]


def evidence_of(episode: Episode, clock: Clock) -> dict[str, object]:
    """An episode's evidence on the day."""
    return dict(overlaid(in_terms(episode.terms, clock)))


def given_on(episode: Episode) -> date | None:
    """The day on which a one-off service was given, if it was (RULES D4)."""
    if episode.voided:
        return None
    completed = episode.ended_reason == "completed" and bool(episode.terms)
    return episode.delivered_on or (episode.ended_on if completed else None)


def is_migrant(person: Person, clock: Clock) -> bool:
    """Whether the recorded flag says migrant on the day (RULES C2)."""
    return _migrant_ended(person, clock) is None


def is_settled(person: Person, clock: Clock) -> bool:
    """Whether the flag ended in the evaluation year of the day, after its first day (RULES C3)."""
    ended = _migrant_ended(person, clock)
    if ended is None or ended == date.min or ended == evaluation_year_start(ended):
        return False
    return clock.within(evaluation_year_end(ended))


def _migrant_ended(person: Person, clock: Clock) -> date | None:
    """The first day without the flag: None while it stands, ``date.min`` where it never did.

    It ends on a day told beforehand, unless another is told; whoever is told to be a migrant after it is one again.
    """
    ended: date | None = date.min
    until: date | None = None
    for told in person.told:
        facts = told.facts
        if facts.migrant is None and facts.migrant_until is None:
            continue
        if not clock.reached(told.on):
            break
        passed = until if until is not None and until <= told.on else None
        if facts.migrant:
            ended, until = None, until if passed is None else None
        elif facts.migrant is False and ended is None:
            ended = passed or told.on
        until = facts.migrant_until or until
    return until if ended is None and until is not None and clock.reached(until) else ended


def _first(delivery: tuple[date, Episode]) -> date:
    return delivery[0]


def _granted(episode: Episode) -> tuple[date, int]:
    return (episode.terms[0].on, episode.terms[0].version) if episode.terms else (date.min, 0)
