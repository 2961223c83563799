"""Two records of one person, made one: the doubled one counts at no date, and what was told of it is the other's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from msgspec.structs import replace

from casework.domain.events.membership import NewMember
from casework.domain.residence import HouseholdState
from casework.domain.state import Person, Spell

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
    """Under which of their records somebody left this household who comes, and was found elsewhere to be one person."""
    doubles = comes.carried.doubles if comes.carried is not None else []
    known = {each for person in household.people.values() for each in person.doubles}
    here = [household.people[each] for each in doubles if each in household.people and each not in known]
    return [each.person_id for each in here if each.current is None]


def come_back(household: HouseholdState, doubled: UUID, comes: Person) -> None:
    """Let all that this file tells of a record be of the one that comes: they were here before, under the other.

    Where they were here under both at one time, they were here once.
    """
    for spell in household.people[doubled].spells:
        comes.spells += _beside(spell, comes.spells)
    _count_no_more(household, doubled, comes.person_id)


def _beside(spell: Spell, others: Sequence[Spell]) -> list[Spell]:
    """What of a time that is over lies in none of some others."""
    parts = [spell]
    for other in others:
        ends = other.left_on or date.max
        before = [replace(part, left_on=min(part.left_on or ends, other.joined_on)) for part in parts]
        after = [replace(part, joined_on=max(part.joined_on, ends)) for part in parts]
        parts = [part for part in (*before, *after) if part.left_on is None or part.joined_on < part.left_on]
    return [replace(part) for part in parts]


def _count_no_more(household: HouseholdState, doubled: UUID, kept: UUID) -> None:
    for spell in household.people[doubled].spells:
        spell.left_on = spell.joined_on
    _hand_over(household, doubled, kept)
    for child in household.people.values():
        child.mother = kept if child.mother == doubled else child.mother


def _begin_with(stays: Person, gone: Person) -> None:
    """Who was here under the doubled record before, was here; of who came from elsewhere that one's file tells.

    Until something was told of the one, what was told of the other stands. A time that the one had here before, and
    that has ended, is not told twice.
    """
    first = min((told.on for told in stays.told), default=date.max)
    for told in gone.told:
        if told.on < first:
            stays.tell(told)
    here, there = stays.current, gone.current
    if here is not None and there is not None:
        earlier = [spell for spell in stays.spells if spell is not here]
        back = max((spell.left_on for spell in earlier if spell.left_on is not None), default=date.min)
        here.joined_on = min(here.joined_on, max(there.joined_on, back))
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
