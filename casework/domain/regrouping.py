"""Households that split, are merged, or open again: commands 5 to 7 of DOMAIN 8.2, and the way back from a merge.

A split and a merge write two streams. The methods come in pairs: one household says what goes, the other takes it in,
and each event holds whole what its own stream needs (RULES G4). To undo a merge is a correction (RULES B3): the merge
counts at no date, and what was changed of people and records since is told where they belong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import date
from uuid import UUID

from casework.domain import catalogue
from casework.domain.checks import check_codes
from casework.domain.events.membership import MemberLeft, NewMember, ReturnedMember
from casework.domain.events.regrouping import (
    HouseholdMergedAway,
    HouseholdMergedIn,
    HouseholdRestored,
    HouseholdSplit,
    HouseholdUnmerged,
)
from casework.domain.events.residence import HouseholdRegistered, HouseholdReopened
from casework.domain.registered_twice import known_here
from casework.domain.residence import By, refuse_if
from casework.domain.state import NOTHING_CARRIED, Carried, Episode, Spell, TakenIn, last_day
from casework.domain.voiding import VoidingCommands
from casework.errors import Refused


class RegroupingCommands(VoidingCommands):
    """Reopen, split, merge, unmerge."""

    def reopen_household(self, by: By, *, reopened_on: date, community: str, commitment: bytes | None = None) -> None:
        """Open a closed file again, for those who were members; residence in the city begins anew (RULES C4, C5)."""
        self.check_not_merged()
        if self.closed_on is None:
            raise Refused("household-open")
        self._check_date(by, reopened_on)
        refuse_if(reopened_on < self.closed_on, "reopened-before-closing")
        refuse_if(reopened_on < self.residences[-1][0], "move-before-last-move")
        refuse_if(not self.members, "household-without-members")
        members = tuple(person.person_id for person in self.members)
        self.record(
            HouseholdReopened(occurred_on=reopened_on, community=community, members=members, commitment=commitment)
        )

    def split_household(
        self,
        by: By,
        *,
        split_on: date,
        new_household: UUID,
        members: Sequence[UUID],
        episodes: Sequence[UUID] = (),
        needs: Sequence[UUID] = (),
        new_head: UUID | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """Some members become a household of their own, with all that is theirs and those records of the household."""
        self._check_open()
        self._check_date(by, split_on)
        refuse_if(split_on < self.open_since, "before-arrival")
        self._check_going(members, split_on)
        refuse_if(len(members) == len(self.members), "nobody-stays")
        self._check_head_without(members, new_head)
        self._check_of_household(episodes, needs)
        self.record(
            HouseholdSplit(
                occurred_on=split_on,
                new_household=new_household,
                members=tuple(members),
                episodes=tuple(episodes),
                needs=tuple(needs),
                new_head=new_head,
                commitment=commitment,
            )
        )

    def found_by_split(
        self,
        *,
        split_on: date,
        from_household: UUID,
        community: str,
        head: UUID,
        members: Sequence[NewMember],
        carried: Carried,
    ) -> None:
        """Open the file of those who left another household by a split, with what its stream carried over."""
        refuse_if(self.version > 0, "household-exists")
        refuse_if(head not in [member.person_id for member in members], "head-not-a-member")
        self.record(
            HouseholdRegistered(
                occurred_on=split_on,
                community=community,
                head=head,
                members=tuple(members),
                origin="split",
                from_household=from_household,
                carried=carried if carried != NOTHING_CARRIED else None,
            )
        )

    def merge_away(self, by: By, *, merged_on: date, to_household: UUID) -> None:
        """The household becomes part of another; nothing happens to it afterwards."""
        self._check_open()
        self._check_date(by, merged_on)
        refuse_if(to_household == self.id, "merge-with-itself")
        refuse_if(merged_on < self.open_since, "before-arrival")
        members = [person.person_id for person in self.members]
        self._check_going(members, merged_on)
        self.record(HouseholdMergedAway(occurred_on=merged_on, to_household=to_household, members=tuple(members)))

    def merge_in(
        self,
        by: By,
        *,
        merged_on: date,
        from_household: UUID,
        members: Sequence[NewMember],
        carried: Carried,
        commitment: bytes | None = None,
    ) -> None:
        """Take in another household whole; both episodes of an exclusive service stay, and are named for decision."""
        self._check_open()
        self._check_date(by, merged_on)
        refuse_if(merged_on < self.open_since, "before-arrival")
        refuse_if(any(self._is_active(m.person_id, merged_on) for m in members), "person-already-a-member")
        self._check_records(carried)
        for member in members:
            if member.carried is not None:
                self._check_records(member.carried, known_here(self, member))
        twice = [e.episode_id for e in carried.episodes if self._stands_beside(e, merged_on)]
        self.record(
            HouseholdMergedIn(
                occurred_on=merged_on,
                from_household=from_household,
                members=tuple(members),
                carried=carried,
                duplicates=tuple(twice),
                commitment=commitment,
            )
        )

    def unmerge(
        self,
        by: By,
        *,
        unmerged_on: date,
        to_household: UUID,
        members: Sequence[UUID] = (),
        episodes: Sequence[UUID] = (),
        needs: Sequence[UUID] = (),
        new_head: UUID | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """Give back what came by a merge; ``members``, ``episodes`` and ``needs`` came since, and go along."""
        self._check_open()
        self._check_date(by, unmerged_on)
        taken = self._taken_in(to_household)
        refuse_if(unmerged_on < taken.on, "unmerged-before-merge")
        going = [*taken.people, *members]
        self._check_can_go_back(to_household, taken, members)
        self._check_of_household(episodes, needs)
        staying = {person.person_id for person in self.members} - set(going)
        refuse_if(not staying or not self._active_of(going), "unmerge-leaves-nobody")
        self._check_head_without(going, new_head)
        self.record(
            HouseholdUnmerged(
                occurred_on=unmerged_on,
                to_household=to_household,
                members=tuple(going),
                records=(*taken.records, *episodes, *needs),
                new_head=new_head,
                commitment=commitment,
            )
        )

    def restore(
        self,
        *,
        restored_on: date,
        from_household: UUID,
        members: Sequence[ReturnedMember],
        carried: Carried,
        head: UUID | None = None,
    ) -> None:
        """Take back what is this household's from the one that it was merged into."""
        refuse_if(self.merged_into != from_household, "not-merged")
        back = {each.member.person_id for each in members if each.spells[-1].left_on is None}
        leads = head or self.head
        if leads not in back:
            raise Refused("new-head-needed" if head is None else "head-not-a-member")
        self.record(
            HouseholdRestored(
                occurred_on=restored_on,
                from_household=from_household,
                members=tuple(members),
                carried=carried,
                head=leads,
            )
        )

    def leaving_members(self, relations: Mapping[UUID, str]) -> list[NewMember]:
        """What another household is told of some people, who are to its head as is said."""
        check_codes(**{f"relation_{n}": ("relations", each) for n, each in enumerate(relations.values())})
        return [self.leaving_member(person_id, relation) for person_id, relation in relations.items()]

    def carried_records(self, episodes: Iterable[UUID], needs: Iterable[UUID]) -> Carried:
        """What another household is told of some episodes and needs of this household."""
        told = [self._need(each) for each in needs], [self._episode(each) for each in episodes]
        return self._with_origins(Carried([], [], [], *told))

    def carried_whole(self) -> Carried:
        """What another household is told of all records of this household that are nobody's alone."""
        needs = [n for n in self.needs.values() if n.person_id is None and not self.has_gone(n.need_id)]
        episodes = [e for e in self.episodes.values() if e.person_id is None and not self.has_gone(e.episode_id)]
        return self._with_origins(Carried([], [], [], needs, episodes))

    def returned(
        self, to_household: UUID, members: Sequence[UUID], episodes: Sequence[UUID], needs: Sequence[UUID]
    ) -> tuple[list[ReturnedMember], Carried]:
        """What a household is told that was merged into this one, and of whom and what goes along with it."""
        taken = self._taken_in(to_household)
        back = [
            ReturnedMember(
                member=self.leaving_member(person_id, self.person(person_id).relation),
                spells=tuple(deepcopy(self.spells_since(to_household, person_id))),
            )
            for person_id in (*taken.people, *members)
        ]
        assessed = [self.needs[each] for each in taken.records if each in self.needs]
        records = [self.episodes[each] for each in taken.records if each in self.episodes]
        assessed += [self._need(each) for each in needs]
        records += [self._episode(each) for each in episodes]
        return back, self._with_origins(Carried([], [], [], assessed, records))

    def born_since(self, merged: UUID) -> list[UUID]:
        """The members born since another household was merged into this one, of mothers who came by the merge."""
        taken = self._taken_in(merged)
        mothers = set(self._active_of(taken.people))
        return [
            child.person_id
            for child in self.members
            if child.mother in mothers
            and child.person_id not in taken.people
            and any(spell.left_on is None for spell in self.spells_since(merged, child.person_id))
        ]

    def spells_since(self, merged: UUID, person_id: UUID) -> list[Spell]:
        """A person's times in this household since another was merged into it."""
        taken, spells = self.taken_in[merged], self.person(person_id).spells
        first = taken.people.get(person_id)
        return spells[first:] if first is not None else [spell for spell in spells if spell.joined_on >= taken.on]

    def exclusive_twice(self, person_id: UUID, on: date) -> bool:
        """Whether a person has an exclusive service more than once, as two records made one may."""
        theirs = [episode for episode in self.episodes.values() if episode.person_id == person_id]
        return any(self._stands_beside(episode, on) for episode in theirs)

    def _taken_in(self, other: UUID) -> TakenIn:
        taken = self.taken_in.get(other)
        if taken is None or taken.is_given_back:
            raise Refused("not-merged")
        return taken

    def _check_can_go_back(self, other: UUID, taken: TakenIn, members: Sequence[UUID]) -> None:
        """Refuse where something of it went on to a third household, or never came since."""
        refuse_if(any(self.person(each).spells[-1].to_household for each in taken.people), "merged-people-elsewhere")
        refuse_if(any(self.has_gone(each) for each in taken.records), "merged-records-elsewhere")
        made_one = self._made_one_since(other)
        refuse_if(any(not taken.people.keys().isdisjoint(each) for each in made_one), "merged-people-one")
        refuse_if(len({*taken.people, *members}) < len(taken.people) + len(members), "member-twice")
        for person_id in members:
            since = self.spells_since(other, person_id)
            refuse_if(not since or since[-1].left_on is not None, "person-not-a-member")

    def _made_one_since(self, merged: UUID) -> Iterator[tuple[UUID, UUID]]:
        """The two records of each person that were made one here since another household was merged into this one."""
        for version, event in reversed([*enumerate(self.entries, 1)]):
            if isinstance(event, HouseholdMergedIn) and event.from_household == merged:
                return
            if isinstance(event, MemberLeft) and event.same_as is not None and version not in self.voided_entries:
                yield event.person_id, event.same_as

    def _check_of_household(self, episodes: Sequence[UUID], needs: Sequence[UUID]) -> None:
        """Refuse to name what goes with a person anyway."""
        for episode_id in episodes:
            refuse_if(self._episode(episode_id).person_id is not None, "episode-of-person")
        for need_id in needs:
            refuse_if(self._need(need_id).person_id is not None, "need-of-person")

    def _active_of(self, people: Iterable[UUID]) -> list[UUID]:
        return [person_id for person_id in people if self.person(person_id).current is not None]

    def _check_going(self, members: Sequence[UUID], on: date) -> None:
        refuse_if(not members, "household-without-members")
        refuse_if(len(set(members)) < len(members), "member-twice")
        for person_id in members:
            self._check_parting(person_id, on)

    def _stands_beside(self, episode: Episode, on: date) -> bool:
        """Whether an episode that comes with a merge is one too many of an exclusive service (RULES G11)."""
        service = catalogue.services()[episode.service]
        ends = last_day(service, episode.valid_from, episode.terms) if episode.terms else None
        if episode.is_over or (ends is not None and ends < on):
            return False
        key = service.exclusive_key(episode.unit_id, episode.evidence())
        return self._open_beside(service, episode.person_id, key, on, episode)
