"""Who belongs to the household: commands 8 to 13 of DOMAIN 8.2."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import date
from typing import TypeAlias
from uuid import UUID

from casework.domain.calendar import age_on
from casework.domain.checks import check_code, check_codes, check_facts, check_member
from casework.domain.events.membership import (
    HeadChanged,
    IdNumberReleased,
    MemberBorn,
    MemberDied,
    MemberFactsRecorded,
    MemberJoined,
    MemberLeft,
    NewMember,
)
from casework.domain.policy import policy_of
from casework.domain.registered_twice import REGISTERED_TWICE, known_here
from casework.domain.residence import By, ResidenceCommands, refuse_if
from casework.domain.state import Carried, Employment, Episode, MemberFacts, Need, Origin, Person
from casework.errors import Refused

Record: TypeAlias = Episode | Need | Employment
"""What a household remembers under an id, of a person or of itself."""


class MembershipCommands(ResidenceCommands):
    """Join, be born, leave, die; who is head; what is known of a member."""

    def person(self, person_id: UUID) -> Person:
        """Return somebody who is or was a member."""
        person = self.people.get(person_id)
        if person is None:
            raise Refused("person-unknown")
        return person

    def is_doubled(self, person_id: UUID) -> bool:
        """Whether a record was found to be a second one of somebody who is or was a member."""
        return any(person_id in person.doubles for person in self.people.values())

    def _member(self, person_id: UUID, on: date) -> Person:
        """Return a member of whom something of that day can be told."""
        person = self.person(person_id)
        self._check_not_erased(person_id)
        refuse_if(not person.not_left_by(on), "person-left")
        self._check_still_ours(person_id)
        return person

    def add_member(
        self,
        by: By,
        *,
        joined_on: date,
        member: NewMember,
    ) -> None:
        """A person joins; that they are active nowhere else is claimed in the append (RULES G13)."""
        self._check_open()
        self._check_date(by, joined_on, backdated=False)
        self._check_new(member, joined_on)
        refuse_if(member.resident_since and member.resident_since > joined_on, "resident-since-later")
        self.record(MemberJoined(occurred_on=joined_on, member=member))

    def record_birth(self, by: By, *, reported_on: date, member: NewMember, mother: UUID | None = None) -> None:
        """A child of the household was born."""
        self._check_open()
        self._check_date(by, reported_on)
        self._check_new(member, reported_on)
        refuse_if(member.resident_since not in (None, reported_on), "resident-since-of-newborn")
        refuse_if(mother is not None and not self._is_active(mother, reported_on), "mother-not-a-member")
        self._check_not_erased(mother)
        self.record(MemberBorn(occurred_on=reported_on, member=member, mother=mother))

    def remove_member(
        self,
        by: By,
        *,
        left_on: date,
        person_id: UUID,
        reason: str,
        to_household: UUID | None = None,
        new_head: UUID | None = None,
        same_as: UUID | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """A person leaves; the last one cannot, the household is closed instead.

        Who was registered twice leaves as the record that another member's is the ``same_as``, and heads as that one.
        """
        self._check_open()
        self._check_date(by, left_on)
        check_codes(reason=("member_leave_reasons", reason))
        refuse_if(to_household == self.id, "move-to-same-household")
        self._check_parting(person_id, left_on)
        refuse_if(len(self.members) == 1, "last-member")
        self._check_same(person_id, reason, same_as, to_household)
        new_head = new_head or (same_as if self.head == person_id else None)
        self._check_new_head(person_id, new_head)
        self.record(
            MemberLeft(
                occurred_on=left_on,
                person_id=person_id,
                reason=reason,
                to_household=to_household,
                new_head=new_head,
                same_as=same_as,
                commitment=commitment,
            )
        )

    def record_death(self, by: By, *, died_on: date, person_id: UUID, new_head: UUID | None = None) -> None:
        """A member died; what was theirs alone ends."""
        self._check_open()
        self._check_date(by, died_on)
        self._check_not_erased(person_id)
        self._check_parting(person_id, died_on)
        self._check_new_head(person_id, new_head)
        self.record(MemberDied(occurred_on=died_on, person_id=person_id, new_head=new_head))

    def change_head(self, by: By, *, changed_on: date, person_id: UUID, born_on: date, minor: bool = False) -> None:
        """Another member speaks for the household: an adult, by the vault's date, or a minor who is said to be one."""
        self._check_open()
        self._check_date(by, changed_on)
        refuse_if(not self._is_active(person_id, changed_on), "person-not-a-member")
        self._check_not_erased(person_id)
        if self.head == person_id:
            return
        is_minor = age_on(born_on, changed_on) < policy_of(changed_on).ages.adult
        refuse_if(is_minor and not minor, "head-is-minor")
        self.record(HeadChanged(occurred_on=changed_on, person_id=person_id, minor=minor))

    def record_member_facts(
        self,
        by: By,
        *,
        recorded_on: date,
        person_id: UUID,
        facts: MemberFacts,
        commitment: bytes | None = None,
    ) -> None:
        """Keep facts that hold from a day."""
        self._check_open()
        self._check_date(by, recorded_on, backdated=False)
        self._member(person_id, recorded_on)
        check_facts(facts)
        refuse_if(facts == MemberFacts() and commitment is None, "nothing-recorded")
        self.record(
            MemberFactsRecorded(occurred_on=recorded_on, person_id=person_id, facts=facts, commitment=commitment)
        )

    def release_id_number(
        self,
        by: By,
        *,
        released_on: date,
        person_id: UUID,
        reason: str,
        commitment: bytes,
        profile_commitment: bytes,
    ) -> None:
        """Say that a member's ID number is not theirs; that nothing is claimed by it any more is for the append."""
        self._check_open()
        self._check_date(by, released_on)
        self._member(person_id, released_on)
        check_code("reason", "id_number_release_reasons", reason)
        self.record(
            IdNumberReleased(
                occurred_on=released_on,
                person_id=person_id,
                reason=reason,
                commitment=commitment,
                profile_commitment=profile_commitment,
            )
        )

    def receive_member(self, by: By, *, joined_on: date, member: NewMember) -> None:
        """Take in a person from another household, with all that its stream carried over."""
        self._check_open()
        refuse_if(self._is_active(member.person_id, joined_on), "person-already-a-member")
        if member.carried is not None:
            self._check_records(member.carried, known_here(self, member))
        self.record(MemberJoined(occurred_on=joined_on, member=member))

    def leaving_member(self, person_id: UUID, relation: str) -> NewMember:
        """What another household is told of a member who moves there; a fold never reads another stream."""
        person = self.person(person_id)
        spell = person.current
        return NewMember(
            person_id=person_id,
            relation=relation,
            sex=person.sex,
            birth_month=person.birth_month,
            resident_since=spell.resident_since if spell else None,
            from_household=self.id,
            carried=self._carried(person),
        )

    def _carried(self, person: Person) -> Carried:
        mine = person.person_id
        return self._with_origins(
            Carried(
                told=person.told,
                births=person.births,
                employments=[e for e in self.employments.values() if e.person_id == mine],
                needs=[n for n in self.needs.values() if n.person_id == mine],
                episodes=[e for e in self.episodes.values() if e.person_id == mine],
                consents=person.consents,
                erasure=person.erasure,
                surveys=person.surveys,
                mother=person.mother,
                doubles=person.doubles,
            )
        )

    def _check_records(self, carried: Carried, doubles: Sequence[UUID] = ()) -> None:
        """Refuse to take over a record under an id that another one has here: nothing is written over.

        What is known here of ``doubles`` is of whoever comes.
        """
        episodes, needs, jobs = self.episodes, self.needs, self.employments
        for e in carried.episodes:
            refuse_if(self._is_another(e.episode_id, e, episodes.get(e.episode_id), doubles), "record-twice")
        for n in carried.needs:
            refuse_if(self._is_another(n.need_id, n, needs.get(n.need_id), doubles), "record-twice")
        for job in carried.employments:
            refuse_if(self._is_another(job.employment_id, job, jobs.get(job.employment_id), doubles), "record-twice")

    def _is_another(self, record_id: UUID, brought: Record, known: Record | None, doubles: Sequence[UUID]) -> bool:
        """Whether a record is not the one that is known by its id, and that had gone from here."""
        if known is None:
            return False
        gone = known.person_id is not None or self.has_gone(record_id)
        return known.person_id not in (brought.person_id, *doubles) or not gone

    def _with_origins(self, carried: Carried) -> Carried:
        """A copy in which every record says which event told it first."""
        carried = deepcopy(carried)
        for record in carried.versioned():
            record.origin = record.origin or Origin(self.id, record.version)
        return carried

    def _is_active(self, person_id: UUID, on: date) -> bool:
        person = self.people.get(person_id)
        return person is not None and person.stays_on(on)

    def _check_still_here(self, record_id: UUID) -> None:
        """What moved to another household with a split or a merge is told there."""
        refuse_if(self.has_gone(record_id), "record-moved")

    def _check_still_ours(self, person_id: UUID | None) -> None:
        """What moved with a person to another household is told there (RULES G4)."""
        moved = person_id is not None and self.people[person_id].spells[-1].to_household
        refuse_if(moved, "moved-with-person")
        self._check_not_erased(person_id)

    def _check_not_erased(self, person_id: UUID | None) -> None:
        """Of whom the name is gone, nothing more is told; they stay and go with their household."""
        person = self.people.get(person_id) if person_id is not None else None
        refuse_if(person is not None and person.is_erased, "person-erased")

    def _check_new(self, member: NewMember, on: date) -> None:
        check_member(member, on)
        self._check_not_erased(member.person_id)
        known = self.people.get(member.person_id)
        refuse_if(known is not None and known.not_left_by(on), "person-already-a-member")
        refuse_if(self.is_doubled(member.person_id), "record-doubled")

    def _check_parting(self, person_id: UUID, on: date) -> None:
        spell = self.person(person_id).current
        refuse_if(spell is None, "person-not-a-member")
        refuse_if(spell and spell.joined_on > on, "left-before-joining")

    def _check_same(self, person_id: UUID, reason: str, same_as: UUID | None, to_household: UUID | None) -> None:
        refuse_if((reason == REGISTERED_TWICE) != (same_as is not None), "same-as-needed")
        if same_as is None:
            return
        doubled, kept = self.person(person_id), self.people.get(same_as)
        refuse_if(to_household is not None, "same-as-needed")
        if kept is None or kept is doubled or kept.current is None:
            raise Refused("same-as-not-a-member")
        for each in (person_id, same_as):
            self._check_not_erased(each)
        refuse_if((doubled.sex, doubled.birth_month) != (kept.sex, kept.birth_month), "same-as-differs")

    def _check_new_head(self, leaving: UUID, new_head: UUID | None) -> None:
        self._check_head_without([leaving], new_head)

    def _check_head_without(self, leaving: Sequence[UUID], new_head: UUID | None) -> None:
        staying = {person.person_id for person in self.members}.difference(leaving)
        refuse_if(new_head is not None and new_head not in staying, "head-not-a-member")
        self._check_not_erased(new_head)
        refuse_if(new_head is None and self.head in leaving and staying, "new-head-needed")
