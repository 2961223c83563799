"""Commands that make two households of one, or one of two, and the one that opens a file again.

Both households are written to in one append, and the claims on their people go from one to the other in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

from casework.command import CommandPath, Decided
from casework.domain.household import Household
from casework.domain.residence import By, refuse_if
from casework.domain.two_households import merge, split, unmerge
from casework.errors import NotFound
from casework.log.append import Beside, Claim
from casework.outcome import Context, Outcome
from casework.privacy.persons import sealed_fields, together


class RegroupingPath(CommandPath):
    """Reopen, split, merge, unmerge; who gives one of the last three has access to both households."""

    def reopen_household(
        self,
        household_id: UUID,
        context: Context,
        *,
        reopened_on: date,
        community: str | None = None,
        remark: str | None = None,
    ) -> Outcome:
        """Open a closed file again; the claims refuse it where one of its people is active elsewhere."""

        def decide(household: Household, by: By) -> Decided:
            place = community or household.community
            people = [person.person_id for person in household.members]
            secret, commitment = self._remark(household, remark)
            household.reopen_household(by, reopened_on=reopened_on, community=place, commitment=commitment)
            self._check_community(place, reopened_on)
            return Decided(together([Beside(claims=self._claims(people, household_id)), secret]))

        return self._change(household_id, context, decide)

    def split_household(
        self,
        household_id: UUID,
        context: Context,
        *,
        split_on: date,
        members: Mapping[UUID, str],
        head: UUID,
        new_household: UUID | None = None,
        community: str | None = None,
        episodes: Sequence[UUID] = (),
        needs: Sequence[UUID] = (),
        new_head: UUID | None = None,
        remark: str | None = None,
    ) -> Outcome:
        """Make a household of some members, given with their relation to its head; by default they live on there."""
        new_id = new_household or context.made("new_household")

        def decide(household: Household, by: By) -> Decided:
            refuse_if(self._is_taken(new_id), "household-exists")
            secret, commitment = self._remark(household, remark)
            new = Household(new_id)
            split(
                household,
                new,
                by,
                split_on=split_on,
                members=members,
                head=head,
                community=community,
                episodes=episodes,
                needs=needs,
                new_head=new_head,
                commitment=commitment,
            )
            self._check_community(new.community, split_on)
            return Decided(together([self._handed_over(members, new_id), secret]), others=(new,))

        return self._change(household_id, context, decide)

    def merge_households(
        self,
        household_id: UUID,
        context: Context,
        *,
        merged_on: date,
        from_household: UUID,
        relations: Mapping[UUID, str] | None = None,
        remark: str | None = None,
    ) -> Outcome:
        """Take another household in whole; relations are those of its people to the head here, where they are told."""

        def decide(household: Household, by: By) -> Decided:
            source = self._other(from_household, context)
            people = [person.person_id for person in source.members]
            secret, commitment = self._remark(household, remark)
            merge(household, source, by, merged_on=merged_on, relations=relations, commitment=commitment)
            beside = together([self._handed_over(people, household_id), secret])
            return Decided(beside, others=(source,), warnings=_twice(household, from_household))

        return self._change(household_id, context, decide, warn=lambda household: _twice(household, from_household))

    def unmerge_households(
        self,
        household_id: UUID,
        context: Context,
        *,
        unmerged_on: date,
        to_household: UUID,
        members: Sequence[UUID] = (),
        episodes: Sequence[UUID] = (),
        needs: Sequence[UUID] = (),
        head: UUID | None = None,
        new_head: UUID | None = None,
        remark: str | None = None,
    ) -> Outcome:
        """Give a household back what came by its merge, ``head`` being its own and ``new_head`` the one here."""

        def decide(household: Household, by: By) -> Decided:
            source = self._other(to_household, context)
            secret, commitment = self._remark(household, remark)
            unmerge(
                household,
                source,
                by,
                unmerged_on=unmerged_on,
                members=members,
                episodes=episodes,
                needs=needs,
                head=head,
                new_head=new_head,
                commitment=commitment,
            )
            people = [person.person_id for person in source.members]
            return Decided(together([self._handed_over(people, to_household), secret]), others=(source,))

        return self._change(household_id, context, decide)

    def _other(self, household_id: UUID, context: Context) -> Household:
        """The other household of a command, where the caller may know of it."""
        other = self.household(household_id)
        self._check_access(other, context)
        return other

    def _is_taken(self, household_id: UUID) -> bool:
        try:
            return self.household(household_id).version > 0
        except NotFound:
            return False

    def _remark(self, household: Household, remark: str | None) -> tuple[Beside, bytes | None]:
        """A remark about the whole household, sealed, and what the event commits to."""
        row = sealed_fields(self.persons.vault, household.id, {"remark": remark} if remark else {})
        return (Beside([row]), row.commitment) if row else (Beside(), None)

    def _claims(self, people: Iterable[UUID], household_id: UUID) -> list[Claim]:
        """What a household holds of some people who are active in it; who was erased claims nothing."""
        ids = list(people)
        with self.pool.connection() as db:
            profiles = self.persons.profiles(db, ids)
        claims = (self.persons.claims(each, profiles[each].id_number) for each in ids if each in profiles)
        return [claim._replace(stream_id=household_id) for each in claims for claim in each]

    def _handed_over(self, people: Iterable[UUID], to_household: UUID) -> Beside:
        """The claims of people who go to another household: released here, taken there, in one append."""
        ids = list(people)
        return Beside(claims=self._claims(ids, to_household), released=ids)


def _twice(household: Household, merged: UUID) -> tuple[str, ...]:
    """What a merge warns of: exclusive services of the household as a whole that both had."""
    taken = household.taken_in.get(merged)
    return ("service-duplicate",) if taken is not None and taken.duplicates else ()
