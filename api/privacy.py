"""What people may say of the data held of them: consent, erasure, and a record of all of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response

from api import reading_one
from api.command_bodies import Command
from api.fields import Code, Day, Id, Open, Plain, Query
from api.giving import casework
from api.record_schemas import RecordAnswer
from api.resource import Fields, Resource
from api.schemas import described
from casework.outcome import Context, Outcome
from casework.privacy.id_number import names_somebody

bp = Resource("privacy", __name__, description=__doc__)

MEMBER = "/households/<uuid:household_id>/members/<uuid:person_id>"


class Consent(Command):
    """A person agrees to a use of their data."""

    given_on = Day(required=True)
    scope = Code("consent_scopes", required=True)
    notice_version = Plain(
        40,
        pattern="[A-Za-z0-9][A-Za-z0-9._-]*",
        required=True,
        **described("Of the notice that they read."),
    )
    by = Id(**described("The guardian: an adult member, for a child under 14 and for nobody else."))
    until = Day(**described("The last day on which the consent holds; default: until it is taken back."))


class Withdrawal(Command):
    """Consent is taken back."""

    withdrawn_on = Day(required=True, **described("The first day on which it no longer holds."))


class Answers(Open):
    """Answers by question: codes, whole numbers, true and false; nothing that names anybody."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        answers: dict[str, Any] = super()._deserialize(value, *args, **kwargs)  # type: ignore[no-untyped-call]
        if any(isinstance(text, str) and names_somebody(text) for each in answers.items() for text in each):
            raise ma.ValidationError("field-personal")
        return answers


class Survey(Command):
    """A member answered a survey."""

    surveyed_on = Day(required=True)
    instrument = Plain(40, pattern="[A-Za-z0-9][A-Za-z0-9._-]*", required=True)
    version = Plain(40, pattern="[A-Za-z0-9][A-Za-z0-9._-]*", required=True)
    answers = Answers(required=True, **described("By question: a code, a whole number, true or false."))


class ErasureRequest(Command):
    """What names a person is to be erased."""

    requested_on = Day(required=True)
    basis = Code("erasure_bases", required=True, **described("The ground on which it is asked for."))


class Erasure(Command):
    """What names a person is erased."""

    erased_on = Day(required=True)


class Whole(Query):
    """All of it."""


@bp.command(f"{MEMBER}/consents", Consent, status=201)
def give_consent(context: Context, fields: Fields, household_id: UUID, person_id: UUID) -> Outcome:
    """Record that a member agrees to a use of their data; for a child under 14 a guardian does."""
    return casework().give_consent(
        household_id, context, person_id=person_id, guardian=fields.pop("by", None), **fields
    )


@bp.command(f"{MEMBER}/consents/<string:scope>/withdrawals", Withdrawal)
def withdraw_consent(context: Context, fields: Fields, household_id: UUID, person_id: UUID, scope: str) -> Outcome:
    """Record that consent to a use was taken back. What was done before that day stays done."""
    return casework().withdraw_consent(household_id, context, person_id=person_id, scope=scope, **fields)


@bp.command(f"{MEMBER}/surveys", Survey, status=201)
def record_survey(context: Context, fields: Fields, household_id: UUID, person_id: UUID) -> Outcome:
    """Record what a member answered who has agreed to surveys. It moves no figure."""
    return casework().record_survey(household_id, context, person_id=person_id, **fields)


@bp.command(f"{MEMBER}/erasure-requests", ErasureRequest, status=201)
def request_erasure(context: Context, fields: Fields, household_id: UUID, person_id: UUID) -> Outcome:
    """Record that what names a person is to be erased. A supervisor decides."""
    return casework().request_erasure(household_id, context, person_id=person_id, **fields)


@bp.command(f"{MEMBER}/erasures", Erasure)
def erase(context: Context, fields: Fields, household_id: UUID, person_id: UUID) -> Outcome:
    """Erase what names a person, for good: profile, search keys, evidence and remarks.

    The household's history and all figures stay as they are, since they never named anybody. No further command about
    the person is taken. The household's own evidence goes with its last erased member.
    """
    return casework().erase_person(household_id, context, person_id=person_id, **fields)


@bp.reading("/households/<uuid:household_id>/record", Whole, RecordAnswer)
def read_record(asked: Fields, household_id: UUID) -> Response:
    """Read all that is held of a household: its file, what is sealed of its people, all events, and who read it.

    For people who ask what is held of them. The reading is recorded with its purpose, and is the last one listed.
    """
    return reading_one.record(household_id)
