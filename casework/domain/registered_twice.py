"""Two records of one person, made one: the doubled one counts at no date, and what was told of it is the other's."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from casework.domain.events.membership import NewMember
from casework.domain.residence import HouseholdState
from casework.domain.state import Person

REGISTERED_TWICE = "registered_twice"
"""The reason of a departure that was none: the record was of somebody who has another one here."""

Kept = TypeVar("Kept")


def make_one(household: HouseholdState, doubled: UUID, kept: UUID) -> None:
    """Let jobs, needs, services, births, consents and surveys of one record be the other's, at every date.

    It is a correction (RULES B3): there never was a second person. Facts are not carried over: of two that differ
    nobody knows which is right, and those of the record that stays stand.
    """
    gone, stays = household.people[doubled], household.people[kept]
    if kept not in household.carried_in:
        _begin_with(stays, gone)
    _count_no_more(household, doubled, kept)
    for consent in gone.consents:
        stays.say(consent)
    stays.births, gone.births = [*stays.births, *gone.births], []
    stays.surveys, gone.surveys = [*stays.surveys, *gone.surveys], []
    stays.erasure, gone.erasure = stays.erasure or gone.erasure, None
    stays.doubles, gone.consents = [*stays.doubles, doubled, *gone.doubles], []


def known_here(household: HouseholdState, comes: NewMember) -> list[UUID]:
    """Under which of their records somebody left this household who comes for the first time as the one that stays."""
    doubles = comes.carried.doubles if comes.carried is not None else []
    if comes.person_id in household.people:
        return []
    return [each for each in doubles if each in household.people and household.people[each].current is None]


def come_back(household: HouseholdState, doubled: UUID, comes: Person) -> None:
    """Let all that this file tells of a record be of the one that comes: they were here before, under the other."""
    comes.spells += deepcopy(household.people[doubled].spells)
    _count_no_more(household, doubled, comes.person_id)


def _count_no_more(household: HouseholdState, doubled: UUID, kept: UUID) -> None:
    for spell in household.people[doubled].spells:
        spell.left_on = spell.joined_on
    _hand_over(household, doubled, kept)
    for child in household.people.values():
        child.mother = kept if child.mother == doubled else child.mother


def _begin_with(stays: Person, gone: Person) -> None:
    """Who was here under the doubled record before, was here; of who came from elsewhere that one's file tells.

    Until something was told of the one, what was told of the other stands.
    """
    first = min((told.on for told in stays.told), default=date.max)
    for told in gone.told:
        if told.on < first:
            stays.tell(told)
    here, there = stays.current, gone.current
    if here is not None and there is not None:
        here.joined_on = min(here.joined_on, there.joined_on)
        here.resident_since = min(here.resident_since, there.resident_since)


def _hand_over(household: HouseholdState, doubled: UUID, kept: UUID) -> None:
    records: tuple[dict[UUID, Any], ...] = (household.employments, household.needs, household.episodes)
    for record in (record for each in records for record in each.values()):
        if record.person_id == doubled:
            record.person_id = kept
    _file_under(household.needs_of, doubled, kept)
    _file_under(household.episodes_of, doubled, kept)


def _file_under(filed: dict[tuple[str, UUID | None], list[Kept]], doubled: UUID, kept: UUID) -> None:
    for code, person_id in list(filed):
        if person_id == doubled:
            filed.setdefault((code, kept), []).extend(filed.pop((code, doubled)))
