"""What is answered where somebody asks for all that is held."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.household_schemas import HouseholdAnswer, StoryItem
from api.schemas import described


class Sealed(ma.Schema):
    """A row of the vault, opened."""

    subject_id = fields.UUID(required=True, **described("A person, or the household itself."))
    revision = fields.Integer(required=True, **described("Of the subject's rows, the newest having the highest."))
    kind = fields.String(required=True, validate=ma.validate.OneOf(["person", "evidence", "remark"]))
    fields_ = fields.Dict(required=True, data_key="fields")


class Said(ma.Schema):
    """What a person said of a use of their data."""

    person_id = fields.UUID(required=True)
    scope = fields.String(required=True)
    on = fields.Date(required=True)
    given = fields.Boolean(required=True, **described("False: taken back."))
    notice_version = fields.String(required=True, allow_none=True)
    by = fields.UUID(required=True, allow_none=True)
    until = fields.Date(required=True, allow_none=True)


class Answered(ma.Schema):
    """What a person answered to a survey."""

    person_id = fields.UUID(required=True)
    on = fields.Date(required=True)
    instrument = fields.String(required=True)
    version = fields.String(required=True, **described("Of the instrument."))
    answers = fields.Dict(required=True, **described("Codes, whole numbers, yes and no, by question."))


class ErasureAnswer(ma.Schema):
    """That a person asked to be erased, and that they were."""

    person_id = fields.UUID(required=True)
    requested_on = fields.Date(required=True)
    basis = fields.String(required=True)
    erased_on = fields.Date(required=True, allow_none=True)
    ledger_entry = fields.Integer(required=True, allow_none=True)


class Nominated(ma.Schema):
    """That a person was nominated in a selection round."""

    person_id = fields.UUID(required=True)
    year = fields.Integer(required=True)
    nomination_id = fields.UUID(required=True)
    kind = fields.String(required=True)


class Read(ma.Schema):
    """That somebody read what names a person."""

    read_at = fields.AwareDateTime(required=True)
    person_id = fields.UUID(required=True)
    actor = fields.String(required=True)
    role = fields.String(required=True)
    bureau = fields.String(required=True, allow_none=True)
    purpose = fields.String(required=True)
    action = fields.String(required=True)


class RecordAnswer(ma.Schema):
    """All that is held of a household."""

    household = fields.Nested(HouseholdAnswer, required=True)
    sealed = fields.List(
        fields.Nested(Sealed), required=True, **described("Whole, ID numbers too; null what somebody objects.")
    )
    consents = fields.List(fields.Nested(Said), required=True)
    nominations = fields.List(fields.Nested(Nominated), required=True)
    surveys = fields.List(fields.Nested(Answered), required=True)
    erasures = fields.List(fields.Nested(ErasureAnswer), required=True)
    events = fields.List(fields.Nested(StoryItem), required=True)
    reads = fields.List(fields.Nested(Read), required=True, **described("Who read it, the oldest first."))
