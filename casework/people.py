"""The commands about people: who joins, is born, leaves or dies, what is told of them, what they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg_pool import PoolTimeout

from casework.command import Decided
from casework.domain.calendar import month_of
from casework.domain.events.corrections import Change
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.membership import MemberLeft, NewMember
from casework.domain.fact_corrections import IN_THE_VAULT, OF_BIRTH
from casework.domain.household import Household
from casework.domain.residence import By, refuse_if
from casework.domain.state import Person
from casework.errors import CaseworkError, NotFound, Refused
from casework.log.append import Beside
from casework.outcome import Context, Outcome
from casework.privacy.persons import Profile, together
from casework.regrouping import RegroupingPath

TOLD_MORE = ("name", "id_number", "phone", "address")
"""What one of two records of a person may have, and the other lack; their dates of birth lie in one month."""


class PeoplePath(RegroupingPath):
    """Members, and what the vault has of them."""

    def add_member(
        self, household_id: UUID, context: Context, *, member: NewMember, profile: Profile, **fields: Any
    ) -> Outcome:
        """A person joins; the claim refuses whoever is active in another household."""
        new, decided = self._entered(context, member, profile)

        def decide(household: Household, by: By) -> Decided:
            self._check_same_people([(member, profile)])
            household.add_member(by, member=new, **fields)
            return decided

        outcome = self._change(household_id, context, decide, warn=lambda household: decided.warnings)
        return self._compared(outcome, [(member, profile)])

    def record_birth(
        self, household_id: UUID, context: Context, *, member: NewMember, profile: Profile, **fields: Any
    ) -> Outcome:
        """A child of the household was born."""
        new, decided = self._entered(context, member, profile)

        def decide(household: Household, by: By) -> Decided:
            refuse_if(profile.born_on > fields["reported_on"], "born-later")
            household.record_birth(by, member=new, **fields)
            return decided

        outcome = self._change(household_id, context, decide, warn=lambda household: decided.warnings)
        return self._compared(outcome, [(member, profile)])

    def remove_member(
        self,
        household_id: UUID,
        context: Context,
        *,
        person_id: UUID,
        to_household: UUID | None = None,
        relation: str = "other_relative",
        same_as: UUID | None = None,
        **fields: Any,
    ) -> Outcome:
        """A person leaves, perhaps into another household, which takes over what is theirs in the same append.

        Or they were registered twice, and ``same_as`` is the record that stays.
        """

        def decide(household: Household, by: By) -> Decided:
            if same_as is not None:
                return self._made_one(household, by, person_id, same_as, to_household=to_household, **fields)
            target = self.household(to_household) if to_household is not None else None
            moving = household.leaving_member(person_id, relation) if target is not None else None
            household.remove_member(by, person_id=person_id, to_household=to_household, **fields)
            if target is None or moving is None:
                return Decided(Beside(released=[person_id]))
            self._check_access(target, context)
            target.receive_member(by, joined_on=fields["left_on"], member=moving)
            return Decided(self._handed_over([person_id], target.id), others=(target,))

        def warn(household: Household) -> tuple[str, ...]:
            return _twice(household, same_as, fields["left_on"]) if same_as is not None else ()

        outcome = self._change(household_id, context, decide, warn=warn)
        if same_as is not None:
            self._settle(person_id, same_as, context)
        return outcome

    def _settle(self, one: UUID, other: UUID, context: Context) -> None:
        """Ask no reviewer about two records that were made one; where the database is away, one is asked."""
        with suppress(psycopg.OperationalError, PoolTimeout), self.pool.connection() as db:
            self.duplicates.settle(db, (one, other), by=context.actor)

    def _made_one(self, household: Household, by: By, person_id: UUID, same_as: UUID, **fields: Any) -> Decided:
        """What the vault has of the doubled record alone goes to the one that stays, its ID number with its claim."""
        with self.pool.connection() as db:
            refuse_if(self.duplicates.are_two(db, person_id, same_as), "same-as-another")
        profiles, beside = self._profiles([person_id, same_as]), Beside(released=[person_id])
        doubled, kept, commitment = profiles.get(person_id), profiles.get(same_as), None
        if doubled is not None and kept is not None:
            told = {name: getattr(kept, name) or getattr(doubled, name) for name in TOLD_MORE}
            more = self.persons.changed(kept, told)
            if more != kept:
                entry = self.persons.enter(same_as, more, today=by.today)
                beside, commitment = entry.beside()._replace(released=[person_id, same_as]), entry.row.commitment
        household.remove_member(by, person_id=person_id, same_as=same_as, commitment=commitment, **fields)
        return Decided(beside, warnings=_twice(household, same_as, fields["left_on"]))

    def _told_of_one_alone(self, household: Household, event: HouseholdEvent, by: By) -> tuple[Beside, bytes | None]:
        """Take from a record what a doubled one had told it, and nobody told otherwise since; what is committed to.

        Nothing, where the event told no profile, or what it told is not there any more. Who has left claims nothing.
        """
        if not isinstance(event, MemberLeft) or event.same_as is None or event.commitment is None:
            return Beside(), None
        with self.pool.connection() as db:
            rows = [row for row in self.persons.vault.revisions(db, event.same_as) if row.kind == "person"]
        place = next((place for place, row in enumerate(rows) if row.commitment == event.commitment), 0)
        doubled = self._profiles([event.person_id]).get(event.person_id)
        if not place or doubled is None:
            return Beside(), None
        before, now = (msgspec.convert(row.fields, Profile) for row in (rows[place - 1], rows[-1]))
        more = {name: getattr(doubled, name) for name in TOLD_MORE if getattr(before, name) is None}
        told = {name: value for name, value in more.items() if value is not None}
        back = {name: None for name, value in told.items() if getattr(now, name) == value}
        entry = self.persons.enter(event.same_as, self.persons.changed(now, back), today=by.today)
        claims = entry.claims if household.person(event.same_as).current is not None else []
        forget = partial(self.persons.forget_told, person_id=event.same_as, told=told)
        beside = Beside([entry.row], entry.search_keys, claims, released=[event.same_as], forget=forget)
        return beside, entry.row.commitment

    def record_death(self, household_id: UUID, context: Context, *, person_id: UUID, **fields: Any) -> Outcome:
        """A member died."""

        def decide(household: Household, by: By) -> Decided:
            household.record_death(by, person_id=person_id, **fields)
            return Decided(Beside(released=[person_id]))

        return self._change(household_id, context, decide)

    def record_member_facts(
        self,
        household_id: UUID,
        context: Context,
        *,
        person_id: UUID,
        profile: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Outcome:
        """Facts of a member; ``profile`` holds those that name the person and go to the vault.

        Those are told where the person is active now: they are the person's wherever they live, and so are the claims.
        """

        def decide(household: Household, by: By) -> Decided:
            if not profile:
                household.record_member_facts(by, person_id=person_id, **fields)
                return Decided()
            person = household.person(person_id)
            refuse_if(person.current is None, "profile-of-former-member")
            self._check_birth_month(person, profile)
            changed = self.persons.changed(self._profile(person_id), profile)
            entry = self.persons.enter(person_id, changed, today=by.today, sex=person.sex)
            household.record_member_facts(by, person_id=person_id, commitment=entry.row.commitment, **fields)
            return Decided(entry.beside()._replace(released=[person_id]), warnings=entry.warnings)

        return self._change(household_id, context, decide)

    def correct_member_facts(
        self,
        household_id: UUID,
        context: Context,
        *,
        person_id: UUID,
        changes: Sequence[Change],
        profile: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Outcome:
        """Correct what was told of a person. A month of birth and a sex agree with what the vault has of them.

        ``profile`` puts the vault right in the same step: a date of birth in the month that is corrected. It stands
        with the mother too, and is told to her household where that is another.
        """
        paths = {change.path: change.new for change in changes}

        def decide(household: Household, by: By) -> Decided:
            give = partial(household.correct_member_facts, by, person_id=person_id, changes=changes, **fields)
            if not profile and IN_THE_VAULT.isdisjoint(paths):
                give()
                return Decided()
            person = household.person(person_id)
            others, untold = self._mothers_household(household, context, by, person_id, changes, **fields)
            refuse_if(profile and person.current is None, "profile-of-former-member")
            told = self.persons.changed(self._profile(person_id), profile or {})
            sex = paths.get("sex", person.sex)
            entry = self.persons.enter(person_id, told, today=by.today, sex=str(sex), at="/profile")
            mothers = others[0].id if others else None
            give(commitment=entry.row.commitment if profile else None, mothers_household=mothers)
            self._check_birth_month(household.person(person_id), {"born_on": told.born_on})
            refuse_if("sex" in paths and "sex-differs" in entry.warnings, "sex-differs")
            beside = entry.beside()._replace(released=[person_id]) if profile else Beside()
            return Decided(beside, others=others, warnings=(*entry.warnings, *untold))

        return self._change(household_id, context, decide)

    def _mothers_household(
        self,
        household: Household,
        context: Context,
        by: By,
        child: UUID,
        changes: Sequence[Change],
        *,
        corrected_on: date,
        reason: str,
        **fields: Any,
    ) -> tuple[tuple[Household, ...], tuple[str, ...]]:
        """A mother's household, told of another month of birth where it is another; or a warning, where it cannot be.

        A figure of hers alone rests on it (RULES COM2): that is no reason to leave the child's age wrong.
        """
        born = [Change(f"{OF_BIRTH}{child}", each.old, each.new) for each in changes if each.path == "birth_month"]
        mother = household.mother_elsewhere(child) if born else None
        if mother is None:
            return (), ()
        with self.pool.connection() as db:
            holder = self.persons.holders(db, [mother]).get(mother)
        try:
            if holder is None:
                raise NotFound
            other = self.household(holder)
            self._check_access(other, context)
            other.correct_member_facts(by, corrected_on=corrected_on, person_id=mother, changes=born, reason=reason)
        except CaseworkError:
            return (), ("mother-not-told",)
        return (other,), ()

    def release_id_number(
        self,
        household_id: UUID,
        context: Context,
        *,
        person_id: UUID,
        released_on: date,
        reason: str,
        evidence_ref: str,
        remark: str | None = None,
    ) -> Outcome:
        """A member's ID number is not theirs: they have none from now on, and its owner can be registered.

        It is somebody else's: earlier profiles that hold it go too, in the same append, also those of records that were
        made one with theirs. What events committed to of them opens no more, as after an erasure. Where no profile of
        theirs holds one there is nothing to do.
        """

        def decide(household: Household, by: By) -> Decided:
            person = household.person(person_id)
            refuse_if(person.current is None, "profile-of-former-member")
            profile = self._profile(person_id)
            with self.pool.connection() as db:
                numbers = self.persons.numbers(db, person_id)
            if not numbers:
                return Decided()
            without = self.persons.changed(profile, {"id_number": None})
            entry = self.persons.enter(person_id, without, today=by.today)
            told = {"evidence_ref": evidence_ref} | ({"remark": remark} if remark else {})
            evidence = self.persons.vault.seal(person_id, "evidence", told)
            household.release_id_number(
                by,
                released_on=released_on,
                person_id=person_id,
                reason=reason,
                commitment=evidence.commitment,
                profile_commitment=entry.row.commitment,
            )
            claims = entry.beside()._replace(released=[person_id])
            doubles = self._without(numbers, person.doubles, by.today)
            forget = partial(self.persons.forget_other_numbers, person_ids=[person_id, *person.doubles])
            return Decided(together([claims, Beside([evidence]), *doubles])._replace(forget=forget))

        return self._change(household_id, context, decide)

    def _without(self, numbers: Set[str], doubles: Sequence[UUID], today: date) -> list[Beside]:
        """Other records of a person told anew, where they have one of some ID numbers; they claim nothing."""
        told = [
            self.persons.enter(double, self.persons.changed(profile, {"id_number": None}), today=today)
            for double, profile in self._profiles(doubles).items()
            if profile.id_number in numbers
        ]
        return [Beside([entry.row], entry.search_keys) for entry in told]

    def change_head(
        self, household_id: UUID, context: Context, *, person_id: UUID, changed_on: date, minor: bool = False
    ) -> Outcome:
        """Another member speaks for the household; the vault knows whether they are of age."""

        def decide(household: Household, by: By) -> Decided:
            household.person(person_id)
            born_on = self._profile(person_id).born_on
            household.change_head(by, changed_on=changed_on, person_id=person_id, born_on=born_on, minor=minor)
            return Decided()

        return self._change(household_id, context, decide)

    def start_employment(
        self,
        household_id: UUID,
        context: Context,
        *,
        person_id: UUID,
        employment_id: UUID | None = None,
        unit_id: UUID | None = None,
        **fields: Any,
    ) -> Outcome:
        """A member works; the vault knows whether they are 16."""

        def decide(household: Household, by: By) -> Decided:
            household.person(person_id)
            self._check_unit(unit_id, ("employer",), by.today)
            household.start_employment(
                by,
                employment_id=employment_id or context.made("employment_id"),
                person_id=person_id,
                unit_id=unit_id,
                born_on=self._profile(person_id).born_on,
                **fields,
            )
            return Decided()

        return self._change(household_id, context, decide)

    def _entered(
        self, context: Context, member: NewMember, profile: Profile, at: str = ""
    ) -> tuple[NewMember, Decided]:
        entry = self.persons.enter(member.person_id, profile, today=self.today, sex=member.sex, at=at)
        sealed = msgspec.structs.replace(member, commitment=entry.row.commitment)
        return sealed, Decided(entry.beside(), warnings=entry.warnings)

    def _compared(self, outcome: Outcome, people: Sequence[tuple[NewMember, Profile]]) -> Outcome:
        """Queue who of some new people is probably in another file too, and warn of it.

        The command stands by now. Where the database is away nobody is warned: the nightly pass finds them as well.
        """
        try:
            with self.pool.connection() as db:
                found = [self.duplicates.note(db, member.person_id, profile) for member, profile in people]
        except (psycopg.OperationalError, PoolTimeout):
            return outcome
        return outcome._replace(warnings=(*outcome.warnings, "probable-duplicate")) if any(found) else outcome

    def _check_same_people(self, members: Sequence[tuple[NewMember, Profile]]) -> None:
        """Who is told of under an id that the vault knows must be that person: nobody is renamed by joining."""
        known = self._profiles([member.person_id for member, _ in members])
        for member, profile in members:
            before = known.get(member.person_id)
            refuse_if(before is not None and not before.is_of_same_person(profile), "person-differs")

    def _check_birth_month(self, person: Person, profile: Mapping[str, Any]) -> None:
        """The month of birth stands in events; a birth date told anew must lie in it."""
        born_on = profile.get("born_on")
        refuse_if(born_on is not None and month_of(born_on) != person.birth_month, "birth-month-differs")

    def _profiles(self, person_ids: Sequence[UUID]) -> dict[UUID, Profile]:
        with self.pool.connection() as db:
            return self.persons.profiles(db, person_ids)

    def _profile(self, person_id: UUID) -> Profile:
        profile = self._profiles([person_id]).get(person_id)
        if profile is None:
            raise Refused("person-erased")
        return profile


def _twice(household: Household, person_id: UUID, on: date) -> tuple[str, ...]:
    """What two records made one warn of: exclusive services that both had."""
    return ("service-twice",) if household.exclusive_twice(person_id, on) else ()
