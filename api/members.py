"""Members: they join, are born, leave and die, and more becomes known of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma

from api.auth import sight
from api.command_bodies import Command, Remarked, Tried
from api.fields import Anything, Body, Code, Day, Id, Part, Several, Text, Whole
from api.giving import casework
from api.people import FactsBody, MemberBody, NewbornBody, ProfileBody, facts_from, field_of, member_from
from api.resource import Fields, Resource
from api.schemas import described
from casework.domain.events.corrections import Change
from casework.domain.fact_corrections import OF_BIRTH, PATHS
from casework.errors import Refused
from casework.outcome import Context, Outcome

bp = Resource("members", __name__, description=__doc__)

CHANGED = "|".join([*sorted(PATHS), f"{OF_BIRTH}[0-9a-f-]{{36}}"]).replace(".", "[.]")


class Join(Command):
    """A person joins."""

    joined_on = Day(required=True)
    member = Part(MemberBody, required=True)


class Birth(Command):
    """A child was born."""

    reported_on = Day(required=True)
    member = Part(NewbornBody, required=True)
    mother = Id(**described("An active member."))


class Leave(Command):
    """A person leaves."""

    left_on = Day(required=True, **described("The first day on which they are gone."))
    reason = Code("member_leave_reasons", required=True)
    to_household = Id(**described("Where they go on, with all that is theirs, in the same step."))
    relation = Code("relations", load_default="other_relative", **described("In the household where they go on."))
    new_head = Id(**described("Needed where the head leaves."))
    same_as = Id(**described("With `registered_twice`: the member whose record stays and takes over what is theirs."))


class Death(Command):
    """A member died."""

    died_on = Day(required=True)
    new_head = Id(**described("Needed where the head died and others stay."))


class RecordFacts(Command):
    """More, or something else, is known of a member."""

    recorded_on = Day(required=True, **described("The day from which it holds."))
    facts = Part(FactsBody)
    profile = Part(ProfileBody, **described("What names the person, told anew; it goes to the vault."))


class FactChange(Body):
    """One value that was told wrongly from the start."""

    path = Text(
        50,
        pattern=CHANGED,
        required=True,
        **described("A fact's name, such as `education` or `student.to`; `births.<id>` is a child's month of birth."),
    )
    old = Anything(required=True, allow_none=True, **described("The value that stands now."))
    new = Anything(required=True, allow_none=True, **described("Null: there is no such fact."))

    @ma.validates_schema
    def check_value(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Refuse a new value that the field could not have at first."""
        try:
            _ = data["new"] is None or field_of(data["path"]).deserialize(data["new"])
        except ma.ValidationError as error:
            raise ma.ValidationError(error.messages, "new") from None


class CorrectFacts(Command, Tried):
    """What was told of a member was wrong."""

    corrected_on = Day(**described("Default: today."))
    changes = Several(Part(FactChange), 1, 40, required=True)
    reason = Code("correction_reasons", required=True)
    corrects = Whole(1, 1_000_000, **described("The version of the entry that is meant; default: whose value stands."))
    profile = Part(ProfileBody, **described("What the vault has, put right with it: a date of birth in another month."))


class ReleaseIdNumber(Remarked):
    """A member's ID number is not theirs."""

    released_on = Day(**described("Default: today."))
    reason = Code("id_number_release_reasons", required=True)
    evidence_ref = Text(200, required=True, **described("The document that shows it; it goes to the vault."))


@bp.command("/households/<uuid:household_id>/members", Join, status=201)
def join(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Take a person into the household. Nobody is active in two open households."""
    member, profile = member_from(fields.pop("member"), context, "person")
    return casework().add_member(household_id, context, member=member, profile=profile, **fields)


@bp.command("/households/<uuid:household_id>/births", Birth, status=201)
def be_born(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Record that a child of the household was born."""
    member, profile = member_from(fields.pop("member"), context, "person")
    return casework().record_birth(household_id, context, member=member, profile=profile, **fields)


@bp.command("/households/<uuid:household_id>/members/<uuid:person_id>/departures", Leave)
def leave(context: Context, fields: Fields, household_id: UUID, person_id: UUID) -> Outcome:
    """Record that a member left, perhaps into another household. The last one closes the file instead.

    Who has two records in the household leaves as `registered_twice`: the doubled record counts at no date, and its
    jobs, needs, services and consents are those of the record that stays.
    """
    return casework().remove_member(household_id, context, person_id=person_id, **fields)


@bp.command("/households/<uuid:household_id>/members/<uuid:person_id>/deaths", Death)
def die(context: Context, fields: Fields, household_id: UUID, person_id: UUID) -> Outcome:
    """Record that a member died; what was theirs alone ends."""
    return casework().record_death(household_id, context, person_id=person_id, **fields)


@bp.command("/households/<uuid:household_id>/members/<uuid:person_id>/facts", RecordFacts)
def record_facts(context: Context, fields: Fields, household_id: UUID, person_id: UUID) -> Outcome:
    """Record facts of a member that hold from a day, or who they are, told anew."""
    facts = facts_from(fields.pop("facts", {}))
    return casework().record_member_facts(household_id, context, person_id=person_id, facts=facts, **fields)


@bp.correction("/households/<uuid:household_id>/members/<uuid:person_id>/corrections", CorrectFacts)
def correct_facts(context: Context, fields: Fields, household_id: UUID, person_id: UUID) -> Outcome:
    """Correct what was told of a member, at every date; each change names the value that stands now.

    A month of birth and a sex must agree with what the vault has of the person; `profile` puts that right too. A
    child's month of birth is corrected with the child, and with it in the household where the mother lives now; a
    warning says where that cannot be. Who has access there corrects it as `births.<the child's id>` of the mother.
    """
    fields.setdefault("corrected_on", casework().today)
    changes = [Change(**each) for each in fields.pop("changes")]
    for change in changes:
        if not sight().fact(change.path.partition(".")[0]):
            raise Refused("correction-path", path=change.path)
    return casework().correct_member_facts(household_id, context, person_id=person_id, changes=changes, **fields)


@bp.command("/households/<uuid:household_id>/members/<uuid:person_id>/id-number-releases", ReleaseIdNumber)
def release_id_number(context: Context, fields: Fields, household_id: UUID, person_id: UUID) -> Outcome:
    """Release an ID number that is not this member's, so that its owner can be registered.

    The member keeps their history and has no ID number until one is told anew. What was told before stays in the vault.
    """
    fields.setdefault("released_on", casework().today)
    return casework().release_id_number(household_id, context, person_id=person_id, **fields)
