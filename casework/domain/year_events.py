"""What is counted by events in an evaluation year: decisions of agencies and bureaus (RULES U10).

An episode counts once, in the household whose it is at the cut: what went on to another household is counted there.
Who decided is told by the metadata of the event that granted or denied, in whatever stream it was told first.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple, cast
from uuid import UUID

import msgspec

from casework.domain import catalogue
from casework.domain.calendar import nth_working_day_after
from casework.domain.evaluation import AgencyCounts, Year
from casework.domain.events.corrections import ServiceCorrected, ServiceVoided
from casework.domain.events.services import (
    ReferralAnswered,
    ServiceDelivered,
    ServiceDenied,
    ServiceGranted,
    ServiceRenewed,
    ServiceRequested,
)
from casework.domain.household import Household
from casework.domain.policy import Policy
from casework.domain.registry import unit_id
from casework.domain.state import Episode, Origin, Referral

REQUESTED, GRANTED, DENIED = (event.type_name for event in (ServiceRequested, ServiceGranted, ServiceDenied))
RENEWED, DELIVERED, ANSWERED = (event.type_name for event in (ServiceRenewed, ServiceDelivered, ReferralAnswered))
CORRECTED, VOIDED = ServiceCorrected.type_name, ServiceVoided.type_name

ACTING = (REQUESTED, GRANTED, DENIED, RENEWED, DELIVERED, ANSWERED)
"""The types of the events of whose metadata it is asked who acted."""

OWN_FAULT = "entry_error"
"""The reason of a correction that is the agency's own fault."""

_PLACE = {name: place for place, name in enumerate(AgencyCounts._fields)}
_bureau_unit = lru_cache(256)(unit_id)


class Acting(msgspec.Struct, frozen=True):
    """Who acted in an event, by its metadata: an agency or community, for a bureau."""

    unit: UUID | None = None
    bureau: str | None = None


NOBODY = Acting()
Told = Callable[[int], Acting]
"""Who acted in the event at a place of the household's entries."""


class Decided(NamedTuple):
    """What a household adds to those who decide: numbers in the order of :class:`AgencyCounts`, by unit.

    ``faulted`` are (unit, episode) pairs, which are distinct over all households.
    """

    counts: dict[UUID, list[int]]
    faulted: set[tuple[UUID, UUID]]


def is_own(household: Household, episode: Episode) -> bool:
    """Whether an episode is the household's at the cut, and did not go on to another; one in error has none."""
    if household.closed_reason == "registered_in_error":
        return False
    if episode.person_id is not None:
        return household.people[episode.person_id].spells[-1].to_household is None
    return household.merged_into is None and not household.has_gone(episode.episode_id)


def origins_of(household: Household) -> list[Origin]:
    """The events of other streams that granted what this household was brought."""
    granted = [episode.terms[0] for episode in household.episodes.values() if episode.terms]
    return [terms.origin for terms in granted if terms.origin is not None]


class Deciding:
    """Counts what was decided in an evaluation year; ``agencies`` are the units that are counted so."""

    def __init__(self, policy: Policy, year: Year, agencies: Container[UUID]) -> None:
        self.year = year
        self.agencies = agencies
        self.answer_days = policy.selection.referral_working_days

    def count(
        self,
        household: Household,
        types: Sequence[str],
        told: Told,
        origins: Mapping[Origin, Acting],
        *,
        is_in_scope: bool,
    ) -> Decided:
        """Count one household: ``types`` are those of its entries, ``origins`` who acted in :func:`origins_of`.

        Only one that is in scope, at a month end of the year, is among those who were served.
        """
        return _Household(self, household, types, told, origins).count(is_in_scope=is_in_scope)

    def units(self, acting: Acting, bureau: str | None) -> set[UUID]:
        """Who is counted for what was done: the agency that acted, and the bureau that it was done for."""
        units = {acting.unit, _bureau_unit(bureau) if bureau is not None else None}
        return {unit for unit in units if unit is not None and unit in self.agencies}


class _Household:
    """One household, and at which place of its entries each thing was told."""

    def __init__(
        self,
        deciding: Deciding,
        household: Household,
        types: Sequence[str],
        told: Told,
        origins: Mapping[Origin, Acting],
    ) -> None:
        self.deciding = deciding
        self.year = deciding.year
        self.household = household
        self.told = told
        self.origins = origins
        self.found = Decided({}, set())
        self.places: dict[str, list[int]] = {}
        for place, kind in enumerate(types):
            if kind in _PLACED:
                self.places.setdefault(kind, []).append(place)

    def count(self, *, is_in_scope: bool) -> Decided:
        """Everything that counts."""
        self.requested = self._by_id(REQUESTED, "episode_id")
        self.decided = self._by_id(GRANTED, "episode_id") | self._by_id(DENIED, "episode_id")
        self.answered = self._by_id(ANSWERED, "referral_id")
        for episode in self.household.episodes.values():
            if episode.delivered_on is None and is_own(self.household, episode):
                self._count_episode(episode)
        self._count_faults()
        if is_in_scope:
            self._count_served()
        return self.found

    def _by_id(self, kind: str, name: str) -> dict[UUID, int]:
        return {getattr(self.household.entries[place], name): place for place in self.places.get(kind, ())}

    def _count_episode(self, episode: Episode) -> None:
        year, decided_on = self.year, episode.denied_on or episode.granted_on
        if decided_on is None or decided_on > year.last:
            if not episode.voided and not (episode.ended_on and episode.ended_on <= year.last):
                self._count_undecided(episode)
        else:
            if year.includes(decided_on):
                self._count_decision(episode, decided_on)
            if year.includes(episode.ended_on) and not episode.voided:
                direct = ("ended_direct",) if len(episode.referrals) < 2 else ()
                self._add(self._deciders(episode), "ended", *direct)
        if episode.referrals and not episode.voided:
            for referral in episode.referrals:
                self._count_referral(referral)

    def _count_decision(self, episode: Episode, decided_on: date) -> None:
        names = ["episodes"]
        if not episode.voided:
            names.append("decided")
            if decided_on <= _due_on(episode):
                names.append("decided_in_time")
        self._add(self._deciders(episode), *names)

    def _count_undecided(self, episode: Episode) -> None:
        """What was asked for and is late on the last day, with whom it lies."""
        if episode.requested_on is not None and _due_on(episode) < self.year.last:
            place = self.requested.get(episode.episode_id)
            acting = NOBODY if place is None else self.told(place)
            self._add(self.deciding.units(acting, _lies_with(episode)), "overdue")

    def _count_referral(self, referral: Referral) -> None:
        """An answer counts for the bureau that was asked and for the agency that gave it."""
        year = self.year
        if not year.includes(referral.on):
            return
        limit = nth_working_day_after(referral.on, self.deciding.answer_days)
        answered_on = referral.answered_on if referral.answered_on and referral.answered_on <= year.last else None
        if answered_on is None and limit >= year.last:
            return
        place = self.answered.get(referral.referral_id) if answered_on else None
        units = self.deciding.units(NOBODY if place is None else self.told(place), referral.to_bureau)
        in_time = ("answered_in_time",) if answered_on is not None and answered_on <= limit else ()
        self._add(units, "referrals_due", *in_time)

    def _count_faults(self) -> None:
        """Episodes that were corrected as entered wrongly, or voided, count where that was told."""
        for kind in (CORRECTED, VOIDED):
            for place in self.places.get(kind, ()):
                event = cast("ServiceCorrected | ServiceVoided", self.household.entries[place])
                is_fault = kind == VOIDED or event.reason == OWN_FAULT
                episode = self.household.episodes[event.episode_id]
                if is_fault and self.year.includes(event.occurred_on) and episode.delivered_on is None:
                    self.found.faulted.update((unit, episode.episode_id) for unit in self._deciders(episode))

    def _count_served(self) -> None:
        """Whoever granted, renewed or delivered something to the household in the year served it."""
        units: set[UUID] = set()
        for kind in (GRANTED, RENEWED, DELIVERED):
            for place in self.places.get(kind, ()):
                event: Any = self.household.entries[place]
                if self.year.includes(event.occurred_on) and not self.household.episodes[event.episode_id].voided:
                    acting = self.told(place)
                    units |= self.deciding.units(acting, getattr(event, "decided_by", acting.bureau))
        self._add(units, "served")

    def _deciders(self, episode: Episode) -> set[UUID]:
        place = self.decided.get(episode.episode_id)
        if place is not None:
            acting = self.told(place)
        else:
            origin = episode.terms[0].origin if episode.terms else None
            acting = self.origins.get(origin, NOBODY) if origin else NOBODY
        return self.deciding.units(acting, episode.decided_by)

    def _add(self, units: set[UUID], *names: str) -> None:
        for unit in units:
            counts = self.found.counts.setdefault(unit, [0] * len(_PLACE))
            for name in names:
                counts[_PLACE[name]] += 1


_PLACED = frozenset((*ACTING, CORRECTED, VOIDED))


def _due_on(episode: Episode) -> date:
    """The last day on which a decision is in time; without a request there is none that it could miss."""
    if episode.requested_on is None:
        return date.max
    service = catalogue.services()[episode.service]
    return nth_working_day_after(episode.requested_on, service.max_decision_days)


def _lies_with(episode: Episode) -> str:
    """The bureau that is to decide: whom it was referred to, unless they returned it, else the service's first."""
    for referral in reversed(episode.referrals):
        if referral.answer != "returned":
            return referral.to_bureau
    return catalogue.services()[episode.service].lead[0]
