"""Commands that change two files, the household's own and the one apart, as both are told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final
from uuid import UUID

from casework.domain.household import Household
from casework.domain.residence import By
from casework.domain.two_households import merge, split, unmerge

Regrouped = tuple[Household, Household, list[UUID]]
"""Whose event is told first, whose then, and who went from the one to the other."""


def _split(
    home: Household, apart: Household, by: By, *, split_on: date, person_id: UUID, new_head: UUID | None
) -> Regrouped:
    members = {person_id: "head"}
    split(home, apart, by, split_on=split_on, members=members, head=person_id, new_head=new_head)
    return home, apart, [person_id]


def _merge(home: Household, apart: Household, by: By, *, merged_on: date) -> Regrouped:
    people = [person.person_id for person in apart.members]
    merge(home, apart, by, merged_on=merged_on)
    return apart, home, people


def _unmerge(home: Household, apart: Household, by: By, *, unmerged_on: date) -> Regrouped:
    unmerge(home, apart, by, unmerged_on=unmerged_on)
    return home, apart, [person.person_id for person in apart.members]


REGROUPED: Final[Mapping[str, Callable[..., Regrouped]]] = {
    "split_household": _split,
    "merge_households": _merge,
    "unmerge_households": _unmerge,
}
"""How the commands that change both files are given to both."""
