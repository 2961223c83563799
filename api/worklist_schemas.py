"""What is answered about worklists."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.household_schemas import Coded, Place
from api.schemas import Meta, described


class WorkItem(ma.Schema):
    """One thing to do: what, for whom, by when, why, and which command closes it."""

    household_id = fields.UUID(required=True)
    community = fields.Nested(Place, required=True)
    kind = fields.String(required=True)
    label = fields.String(required=True, **described("The kind, in words."))
    why = fields.String(required=True)
    reason = fields.String(required=True, **described("Why, in a sentence."))
    services = fields.List(fields.Nested(Coded), required=True)
    any_of_them = fields.Boolean(required=True, **described("Whether one of the services is enough."))
    area = fields.String(required=True, allow_none=True)
    bureau = fields.String(required=True, allow_none=True, **described("The bureau that leads."))
    person_id = fields.UUID(required=True, allow_none=True, **described("Null: it is for the household."))
    person_name = fields.String(required=True, allow_none=True)
    record_id = fields.UUID(
        required=True,
        allow_none=True,
        **described(
            "The episode or employment that it is about, where there is one; of a possible duplicate, the other person."
        ),
    )
    due_on = fields.Date(required=True, **described("The last day on which it is done in time."))
    overdue = fields.Boolean(required=True, **described("Whether that day lies before the one that is asked about."))
    closes = fields.String(required=True, allow_none=True, **described("The operation that closes it, by its id."))


class WorkPage(ma.Schema):
    """A page of a worklist, what is due first coming first."""

    items = fields.List(fields.Nested(WorkItem), required=True)
    next = fields.String(required=True, allow_none=True, **described("The cursor of the next page; null on the last."))
    as_of = fields.Date(required=True, **described("The day for which `overdue` is told."))
    meta = fields.Nested(Meta, required=True)


class WorkCount(ma.Schema):
    """How many items of a kind there are in an area for a bureau."""

    kind = fields.String(required=True)
    label = fields.String(required=True)
    area = fields.String(required=True, allow_none=True)
    bureau = fields.String(required=True, allow_none=True)
    count = fields.Integer(required=True)
    overdue = fields.Integer(required=True)


class WorkCounts(ma.Schema):
    """How much there is to do: together, the length of the list under the same filters."""

    items = fields.List(fields.Nested(WorkCount), required=True)
    count = fields.Integer(required=True)
    overdue = fields.Integer(required=True)
    as_of = fields.Date(required=True, **described("The day for which `overdue` is told."))
    meta = fields.Nested(Meta, required=True)
