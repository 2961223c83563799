"""A second file beside a household's own: who splits off into it, or comes out of it by a merge and goes again."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import msgspec

from casework.domain.events.membership import NewMember
from casework.population import rates
from casework.population.family import Member
from casework.population.life import Life
from casework.population.steps import Step, Thread
from casework.privacy.persons import Entry


def splits_off(life: Life, person: Member, on: date, new_head: UUID | None) -> Thread:
    """A grown-up member has a file of their own from now on."""
    life.office.has_apart = True
    arguments = {"split_on": on, "person_id": person.id, "new_head": new_head}
    yield Step(on, "split_household", arguments)
    seen_on = life.chance.after(on, 20, 300)
    yield _seen(seen_on)


def comes_by_merge(life: Life, person: Member, told: tuple[NewMember, Entry]) -> Thread:
    """Somebody who has a file of their own moves in: the files are merged, sometimes by mistake."""
    life.office.has_apart = True
    merged_on, chance = person.comes_on, life.chance
    yield _registered_apart(life, person, told, chance.between(life.family.opened_on, merged_on - timedelta(15)))
    yield _seen(merged_on - timedelta(chance.whole(1, 14)))
    yield Step(merged_on, "merge_households", {"merged_on": merged_on})


def goes_apart_again(life: Life, merged_on: date) -> Thread:
    """The merge was a mistake."""
    on = life.chance.after(merged_on, 5, 60)
    yield Step(on, "unmerge_households", {"unmerged_on": on})


def is_merged(life: Life) -> bool:
    """Say whether a newcomer has a file of their own."""
    return not life.office.has_apart and life.chance.happens(rates.MERGED)


def _registered_apart(life: Life, person: Member, told: tuple[NewMember, Entry], on: date) -> Step:
    member, entry = told
    arguments = {
        "arrived_on": on,
        "community": life.family.community(on),
        "head": person.id,
        "members": [msgspec.structs.replace(member, relation="head")],
        "origin_division": person.home,
    }
    return Step(on, "register_household", arguments, beside=entry.beside(), is_apart=True)


def _seen(on: date) -> Step:
    arguments = {"verified_on": on, "outcome": "present", "method": "visit"}
    return Step(on, "verify_residence", arguments, is_apart=True)
