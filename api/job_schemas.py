"""What jobs answer with."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from api.schemas import described
from api.unit_schemas import Figures


class Progress(ma.Schema):
    """How many parts are done, of how many."""

    done = fields.Integer(required=True)
    total = fields.Integer(required=True)


class JobAnswer(ma.Schema):
    """A job and what came of it."""

    id = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["waiting", "running", "done", "failed", "cancelled"]))
    progress = fields.Nested(Progress, required=True)
    result = fields.Nested(Figures, required=True, allow_none=True, **described("Once it is done."))
    href = fields.String(
        required=True,
        allow_none=True,
        **described("The import, export, round, what-if or appeal that it works on, where its result is."),
    )
    error = fields.String(required=True, allow_none=True, **described("A problem's code, where it failed."))
    created_at = fields.AwareDateTime(required=True)


class JobAsked(ma.Schema):
    """Where the job is."""

    id = fields.UUID(required=True)
    href = fields.String(required=True)
