"""What a split, a merge and the way back from one tell both households: all that each stream needs (RULES G4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from casework.domain.household import Household
from casework.domain.residence import By, refuse_if

ANY_RELATION = "other_relative"
"""What people of a merged household are to the head, where nothing is told of it."""


def split(
    household: Household,
    new: Household,
    by: By,
    *,
    split_on: date,
    members: Mapping[UUID, str],
    head: UUID,
    community: str | None = None,
    episodes: Sequence[UUID] = (),
    needs: Sequence[UUID] = (),
    new_head: UUID | None = None,
    commitment: bytes | None = None,
) -> None:
    """Some members, given with their relation to its head, become the new household; by default they live on there."""
    place = community or household.community_on(split_on)
    going, carried = household.leaving_members(members), household.carried_records(episodes, needs)
    household.split_household(
        by,
        split_on=split_on,
        new_household=new.id,
        members=list(members),
        episodes=episodes,
        needs=needs,
        new_head=new_head,
        commitment=commitment,
    )
    new.found_by_split(
        split_on=split_on,
        from_household=household.id,
        community=place,
        head=head,
        members=going,
        carried=carried,
    )


def merge(
    household: Household,
    source: Household,
    by: By,
    *,
    merged_on: date,
    relations: Mapping[UUID, str] | None = None,
    commitment: bytes | None = None,
) -> None:
    """Take in ``source`` whole; relations are those of its people to the head here, where they are told."""
    people = {person.person_id: ANY_RELATION for person in source.members}
    refuse_if(relations and not relations.keys() <= people.keys(), "person-not-a-member")
    going, carried = source.leaving_members(people | dict(relations or {})), source.carried_whole()
    source.merge_away(by, merged_on=merged_on, to_household=household.id)
    household.merge_in(
        by,
        merged_on=merged_on,
        from_household=source.id,
        members=going,
        carried=carried,
        commitment=commitment,
    )


def unmerge(
    household: Household,
    source: Household,
    by: By,
    *,
    unmerged_on: date,
    members: Sequence[UUID] = (),
    episodes: Sequence[UUID] = (),
    needs: Sequence[UUID] = (),
    head: UUID | None = None,
    new_head: UUID | None = None,
    commitment: bytes | None = None,
) -> None:
    """Give ``source`` back what came by its merge, ``head`` being its own and ``new_head`` the one here.

    Who was born since to a mother who goes, goes with her, named or not: as if the two had never been one.
    """
    members = [*members, *(child for child in household.born_since(source.id) if child not in members)]
    back, carried = household.returned(source.id, members, episodes, needs)
    household.unmerge(
        by,
        unmerged_on=unmerged_on,
        to_household=source.id,
        members=members,
        episodes=episodes,
        needs=needs,
        new_head=new_head,
        commitment=commitment,
    )
    source.restore(restored_on=unmerged_on, from_household=household.id, members=back, carried=carried, head=head)
