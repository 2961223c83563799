"""Phrases for households that split, are merged, or open again: what both streams are told."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from uuid import UUID

from casework.domain.household import Household
from casework.domain.residence import By
from tests.domain.given import LATER, day, named, someone


def split(
    household: Household,
    *names: str,
    on: str = "2013-06-01",
    new_head: str | None = None,
    episodes: Sequence[str] = (),
    needs: Sequence[str] = (),
    to: str = "split off",
    by: By = LATER,
) -> Household:
    """A new household of some members, the first of whom is its head."""
    ids = {named(name): "head" if name == names[0] else "other_relative" for name in names}
    members, carried = (
        household.leaving_members(ids),
        household.carried_records(map(named, episodes), map(named, needs)),
    )
    community = household.community_on(day(on))
    household.split_household(
        by,
        split_on=day(on),
        new_household=named(to),
        members=list(ids),
        episodes=[named(each) for each in episodes],
        needs=[named(each) for each in needs],
        new_head=someone(new_head),
    )
    new = Household(named(to))
    new.found_by_split(
        split_on=day(on),
        from_household=household.id,
        community=community,
        head=named(names[0]),
        members=members,
        carried=carried,
    )
    return new


def merge(source: Household, target: Household, on: str = "2013-06-01", by: By = LATER) -> None:
    """One household becomes part of another."""
    people = {person.person_id: "other_relative" for person in source.members}
    members, carried = source.leaving_members(people), source.carried_whole()
    source.merge_away(by, merged_on=day(on), to_household=target.id)
    target.merge_in(by, merged_on=day(on), from_household=source.id, members=members, carried=carried)


def unmerge(
    target: Household,
    source: Household,
    on: str = "2013-09-01",
    members: Sequence[str] = (),
    episodes: Sequence[str] = (),
    needs: Sequence[str] = (),
    head: str | None = None,
    new_head: str | None = None,
    by: By = LATER,
) -> None:
    """The merge is undone; who and what came since goes along where it is named."""
    ids: list[UUID] = [named(name) for name in members]
    services, assessed = [named(name) for name in episodes], [named(name) for name in needs]
    back, carried = target.returned(source.id, ids, services, assessed)
    target.unmerge(
        by,
        unmerged_on=day(on),
        to_household=source.id,
        members=ids,
        episodes=services,
        needs=assessed,
        new_head=someone(new_head),
    )
    source.restore(restored_on=day(on), from_household=target.id, members=back, carried=carried, head=someone(head))


def again(household: Household) -> Household:
    """The household, folded from its events as they are stored."""
    from casework.log.codec import EventMapper

    mapper = EventMapper()
    stored = [mapper.to_stored_event(recorded) for recorded in deepcopy(household).collect_events()]
    folded = Household.fold(None, [mapper.to_domain_event(each) for each in stored])  # type: ignore[misc]
    assert folded is not None
    return folded


def state(household: Household) -> dict[str, object]:
    """All that a household remembers."""
    return {name: value for name, value in vars(household).items() if name != "pending"}
