"""What became of people in training and of pupils in an evaluation year (RULES U11, A5; DOMAIN 8.6, K08)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from uuid import UUID

from casework.domain import catalogue
from casework.domain.calendar import add_days
from casework.domain.clock import Clock
from casework.domain.evaluation import ProviderCounts, SchoolCounts, Year
from casework.domain.household import Household
from casework.domain.needs import live_need
from casework.domain.policy import Policy
from casework.domain.present import evidence_of, in_terms, is_in_force, works
from casework.domain.state import Episode, last_day
from casework.domain.year_events import is_own

TRAINING, SCHOOLING = "EMP-TRAIN", ("EDU-PRE", "EDU-COMP")

BITS = {name: 1 << place for place, name in enumerate(ProviderCounts._fields)}
"""What somebody is to a provider, as bits that may come together from several episodes."""

_PLACE = {name: place for place, name in enumerate(SchoolCounts._fields)}

Trained = dict[tuple[UUID, UUID], int]
"""The :data:`BITS` of each provider and person."""


class Training:
    """Tells what people were to training providers in an evaluation year."""

    def __init__(self, policy: Policy, year: Year) -> None:
        self.year = year
        self.tails = policy.need_tails.get("TRAINING", {})
        self.days = policy.selection.employed_within_days
        self.cohort = Year.ending(add_days(year.last, -self.days))

    def count(self, household: Household) -> Trained:
        """Return what each of the household's people was to each provider; nothing where they were not there."""
        found: Trained = {}
        for episode in _of_service(household, TRAINING):
            if episode.unit_id is not None and episode.person_id is not None:
                bits = sum({BITS[name] for name in self._is(household, episode)})
                if bits:
                    key = (episode.unit_id, episode.person_id)
                    found[key] = found.get(key, 0) | bits
        return found

    def _is(self, household: Household, episode: Episode) -> Iterator[str]:
        completed = episode.ended_on if episode.ended_reason == "completed" else None
        began = episode.started_on
        if began is not None and self.year.includes(began):
            yield from self._enrolled(household, episode, began)
        if self.year.includes(completed):
            yield "completers"
            if evidence_of(episode, Clock(self.year.last)).get("certified") is True:
                yield "certified"
        if completed is not None and began is not None and self.cohort.includes(completed):
            yield from self._sought_work(household, episode, began, completed)

    def _enrolled(self, household: Household, episode: Episode, began: date) -> Iterator[str]:
        """Who began in the year; whoever is still in training is neither a completer nor the contrary."""
        yield "trainees"
        needs = household.needs_of.get(("TRAINING", episode.person_id), ())
        if live_need(needs, self.tails, Clock(began)) is not None:
            yield "with_need"
        if episode.ended_on is not None and episode.ended_on <= self.year.last:
            yield "enrolled"
            if episode.ended_reason == "completed":
                yield "completed"
        elif self._has_lapsed(episode):
            yield "enrolled"

    def _has_lapsed(self, episode: Episode) -> bool:
        clock = Clock(self.year.last)
        service = catalogue.services()[episode.service]
        ends = last_day(service, episode.valid_from, in_terms(episode.terms, clock)) if episode.terms else None
        return ends is not None and not clock.within(ends)

    def _sought_work(self, household: Household, episode: Episode, began: date, completed: date) -> Iterator[str]:
        jobs = [job for job in household.employments.values() if job.person_id == episode.person_id]
        if not any(works(job, Clock(began)) for job in jobs):
            yield "unemployed_at_entry"
            until = add_days(completed, self.days)
            if any(completed <= job.from_ <= until for job in jobs):
                yield "employed"


def count_schools(household: Household, year: Year) -> dict[UUID, list[int]]:
    """Return a household's children by school, in the order of :class:`SchoolCounts`.

    Whoever is no member any more on the last day of the year moved away, and is not asked about.
    """
    found: dict[UUID, list[int]] = {}
    before, now = Clock(add_days(year.first, -1)), Clock(year.last)
    episodes = [each for service in SCHOOLING for each in _of_service(household, service)]
    asked = [each for each in episodes if year.includes(each.requested_on)]
    pupils = {
        (school, child)
        for school, child in _children(each for each in episodes if is_in_force(each, before))
        if household.people[child].stays_on(year.last)
    }
    named = {
        "applicants": _children(asked),
        "admitted": _children(each for each in asked if each.granted_on),
        "pupils_a_year_ago": pupils,
        "kept": pupils & _children(each for each in episodes if is_in_force(each, now)),
    }
    for name, children in named.items():
        for school, _ in children:
            found.setdefault(school, [0] * len(_PLACE))[_PLACE[name]] += 1
    return found


def _children(episodes: Iterable[Episode]) -> set[tuple[UUID, UUID]]:
    """The schools and children of episodes, each pair once."""
    return {(e.unit_id, e.person_id) for e in episodes if e.unit_id is not None and e.person_id is not None}


def _of_service(household: Household, service: str) -> Iterator[Episode]:
    """The household's own episodes of a service, but for those that count at no date."""
    for (of, _), episodes in household.episodes_of.items():
        if of == service:
            yield from (e for e in episodes if not e.voided and is_own(household, e))
