"""Commands that change two files, the household's own and the one apart, as both are told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final
from uuid import UUID

from casework.domain.household import Household
from casework.domain.residence import By

Regrouped = tuple[Household, Household, list[UUID]]
"""Whose event is told first, whose then, and who went from the one to the other."""


def _split(
    home: Household, apart: Household, by: By, *, split_on: date, person_id: UUID, new_head: UUID | None
) -> Regrouped:
    members, community = home.leaving_members({person_id: "head"}), home.community_on(split_on)
    home.split_household(by, split_on=split_on, new_household=apart.id, members=[person_id], new_head=new_head)
    apart.found_by_split(
        split_on=split_on,
        from_household=home.id,
        community=community,
        head=person_id,
        members=members,
        carried=home.carried_records((), ()),
    )
    return home, apart, [person_id]


def _merge(home: Household, apart: Household, by: By, *, merged_on: date) -> Regrouped:
    people = {person.person_id: "other_relative" for person in apart.members}
    members, carried = apart.leaving_members(people), apart.carried_whole()
    home.merge_in(by, merged_on=merged_on, from_household=apart.id, members=members, carried=carried)
    apart.merge_away(by, merged_on=merged_on, to_household=home.id)
    return apart, home, list(people)


def _unmerge(home: Household, apart: Household, by: By, *, unmerged_on: date) -> Regrouped:
    back, carried = home.returned(apart.id, (), (), ())
    home.unmerge(by, unmerged_on=unmerged_on, to_household=apart.id)
    apart.restore(restored_on=unmerged_on, from_household=home.id, members=back, carried=carried)
    return home, apart, [person.person_id for person in apart.members]


REGROUPED: Final[Mapping[str, Callable[..., Regrouped]]] = {
    "split_household": _split,
    "merge_households": _merge,
    "unmerge_households": _unmerge,
}
"""How the commands that change both files are given to both."""
