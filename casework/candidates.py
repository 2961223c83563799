"""What households' files say of people who are candidates of a round: asked when deciding, and kept in no event."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from uuid import UUID

from casework.command import CommandPath
from casework.domain.calendar import age_on, next_day
from casework.domain.divisions import CITY
from casework.domain.household import Household
from casework.domain.registry import unit_id
from casework.domain.rounds.checking import PersonAsked
from casework.domain.rounds.nominating import Consented, is_of_area
from casework.domain.state import Employment, Origin, Person
from casework.log import reading

SCOPE = "publication"
"""The consent without which nobody is a candidate."""


class Candidates(CommandPath):
    """People are other streams: what their files say is asked when deciding, and not at the commit."""

    def consented(self, person_id: UUID) -> Consented | None:
        """Return the person with the event of the consent that holds today; None where there is none."""
        home = self._home(person_id)
        consent = home.consent_on(person_id, SCOPE, self.today) if home is not None else None
        if home is None or consent is None:
            return None
        said = consent.origin or Origin(home.id, consent.version)
        with self.pool.connection() as db:
            [event] = reading.timeline(db, said.stream_id, after_version=said.version - 1, limit=1)
        return Consented(person_id, event.meta.event_id)

    def consenting(self, person_ids: Iterable[UUID]) -> set[UUID]:
        """Return who of some people agrees to publication today."""
        homes = {person_id: self._home(person_id) for person_id in person_ids}
        return {each for each, home in homes.items() if home and home.consent_on(each, SCOPE, self.today) is not None}

    def public_names(self, person_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return the names of who of some people agrees to publication today: nobody else's is read."""
        people = self.consenting(person_ids)
        if not people:
            return {}
        with self.pool.connection() as db:
            profiles = self.persons.profiles(db, people)
        return {person_id: profile.name for person_id, profile in profiles.items() if profile.name}

    def _asked(self, person_id: UUID) -> PersonAsked | None:
        """What the conditions of a candidate ask of a person; None of somebody who is nobody's member, or erased."""
        home = self._home(person_id)
        with self.pool.connection() as db:
            profile = self.persons.profile(db, person_id)
        if home is None or profile is None:
            return None
        return PersonAsked(
            age=age_on(profile.born_on, self.today),
            local_hukou=_is_local(home.person(person_id), self.today),
            work_days=_days(_jobs(home, person_id), self.today),
            consents=home.consent_on(person_id, SCOPE, self.today) is not None,
        )

    def _near(self, person_id: UUID | None) -> Collection[UUID]:
        """The units that a person belongs to: the community where they live, and where they work."""
        home = self._home(person_id) if person_id is not None else None
        if person_id is None or home is None:
            return ()
        return {unit_id(home.community_on(self.today)), *self._workplaces(person_id)}

    def _areas(self, units: Iterable[UUID]) -> set[UUID]:
        """The districts and zones that some units are, or stand below today."""
        registry = self.registry()
        near = {each for unit in units for each in (unit, *registry.ancestors(unit, self.today))}
        return {each for each in near if (unit := registry.units.get(each)) and is_of_area(unit)}

    def _workplaces(self, person_id: UUID) -> Collection[UUID]:
        """The units that a person works at."""
        home = self._home(person_id)
        jobs = _jobs(home, person_id) if home is not None else []
        return {job.unit_id for job in jobs if job.unit_id and (job.to is None or self.today <= job.to)}

    def _home(self, person_id: UUID) -> Household | None:
        with self.pool.connection() as db:
            holder = self.persons.holders(db, [person_id]).get(person_id)
        return self.household(holder) if holder is not None else None


def _jobs(home: Household, person_id: UUID) -> list[Employment]:
    return [job for job in home.employments.values() if job.person_id == person_id]


def _is_local(person: Person, on: date) -> bool:
    """Whether a person's hukou is the city's, by what was told last; where no division was told, by the flag."""
    told = [each.facts for each in person.told if each.on <= on]
    divisions = [facts.hukou_division for facts in told if facts.hukou_division is not None]
    if divisions:
        return divisions[-1].startswith(CITY)
    flags = [facts.migrant for facts in told if facts.migrant is not None]
    return not (flags and flags[-1])


def _days(jobs: Iterable[Employment], today: date) -> int:
    """The days up to today on which somebody had a job, each counted once."""
    days, counted_to = 0, date.min
    for job in sorted(jobs, key=lambda each: each.from_):
        begin, end = max(job.from_, counted_to), next_day(min(job.to or today, today))
        if begin < end:
            days += (end - begin).days
            counted_to = end
    return days
