"""What is answered about what to offer next."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from api.household_schemas import Coded
from api.schemas import Meta, described

BANDS = ["A", "B", "C", "D", "U", "NA"]


class NextService(ma.Schema):
    """A service for a member or the household."""

    service = fields.Nested(Coded, required=True)
    person_id = fields.UUID(required=True, allow_none=True, **described("Null: it is for the household."))
    employer = fields.UUID(required=True, allow_none=True, **described("Of a contract: with which employer."))
    indicator = fields.String(required=True, **described("The indicator that counts it."))


class NextSet(ma.Schema):
    """Services that together reach the band, and the score after them."""

    services = fields.List(fields.Nested(NextService), required=True)
    score = fields.Float(required=True)


class NextServices(ma.Schema):
    """How a level stands, the next better band, and the smallest sets of services that reach it."""

    level = fields.String(required=True)
    score = fields.Float(required=True, allow_none=True)
    band = fields.String(required=True, validate=validate.OneOf(BANDS))
    next_band = fields.String(required=True, allow_none=True, **described("Null: there is no better one."))
    size = fields.Integer(required=True, **described("How many services each set has; 0: no set reaches the band."))
    sets = fields.List(fields.Nested(NextSet), required=True)
    more = fields.Boolean(required=True, **described("There are other sets of this size; ten are shown."))
    complete = fields.Boolean(
        required=True, **described("Everything of this size or smaller was tried; false: a smaller set may exist.")
    )
    meta = fields.Nested(Meta, required=True)
