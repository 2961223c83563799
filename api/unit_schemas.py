"""What is answered about units and feeds."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from api.schemas import Meta, described


class UnitName(ma.Schema):
    """A unit, by name."""

    id = fields.UUID(required=True)
    code = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)


class UnitEntry(ma.Schema):
    """A unit as it is registered."""

    id = fields.UUID(required=True)
    code = fields.String(required=True)
    kind = fields.String(required=True)
    tier = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)
    parent = fields.Nested(UnitName, required=True, allow_none=True)
    managed_by = fields.Nested(UnitName, required=True, allow_none=True)
    new_type_community = fields.Boolean(required=True)
    uscc = fields.String(required=True, allow_none=True)
    registered_on = fields.Date(required=True)
    closed_on = fields.Date(required=True, allow_none=True)


class UnitPage(ma.Schema):
    """A page of units."""

    items = fields.List(fields.Nested(UnitEntry), required=True)
    next = fields.String(required=True, allow_none=True)


class UnitFact(ma.Schema):
    """A dated fact that a unit reported."""

    fact = fields.String(required=True)
    label = fields.String(required=True)
    reported_on = fields.Date(required=True)
    from_ = fields.Date(required=True, data_key="from")
    to = fields.Date(required=True, allow_none=True)
    items = fields.List(fields.String(), required=True)


class UnitAnswer(UnitEntry):
    """All that the registry has of a unit."""

    version = fields.Integer(required=True)
    ancestors = fields.List(fields.Nested(UnitName), required=True)
    facts = fields.List(fields.Nested(UnitFact), required=True)


class Size(ma.Schema):
    """A number of households or persons; hidden where it is smaller than five."""

    state = fields.String(required=True, validate=validate.OneOf(["known", "hidden"]))
    value = fields.Integer(required=True, allow_none=True)


class UnitIndicator(ma.Schema):
    """An indicator of a unit: over how many it was met, unless the cell is small."""

    indicator = fields.String(required=True)
    label = fields.String(required=True)
    level = fields.String(required=True, allow_none=True)
    state = fields.String(
        required=True,
        validate=validate.OneOf(["known", "hidden", "not_applicable", "not_reported"]),
        **described("`hidden`: fewer than five persons, or to be derived from such; `not_reported`: a feed is late."),
    )
    num = fields.Integer(required=True, allow_none=True)
    den = fields.Integer(required=True, allow_none=True)
    rate = fields.Float(required=True, allow_none=True)
    weight = fields.Integer(required=True, allow_none=True)


class UnitScore(ma.Schema):
    """A unit's score, unless it is hidden because a small cell could be found from it."""

    state = fields.String(required=True, validate=validate.OneOf(["known", "hidden", "not_applicable", "not_reported"]))
    score = fields.Float(required=True, allow_none=True)
    band = fields.String(required=True, allow_none=True)
    band_label = fields.String(required=True, allow_none=True)
    completeness = fields.Float(required=True, allow_none=True)


class UnitLevel(UnitScore):
    """A level of a unit."""

    level = fields.String(required=True)
    label = fields.String(required=True)


class Figures(ma.Schema):
    """A unit's figures as the views have them now."""

    unit = fields.Nested(UnitEntry, required=True)
    households = fields.Nested(Size, required=True)
    employees = fields.Nested(Size, required=True)
    pupils = fields.Nested(Size, required=True)
    overall = fields.Nested(UnitScore, required=True, allow_none=True, **described("Of divisions only."))
    levels = fields.List(fields.Nested(UnitLevel), required=True)
    indicators = fields.List(fields.Nested(UnitIndicator), required=True)
    missing_households = fields.Integer(required=True, **described("Could not be computed; an operator looks at them."))
    stale = fields.Boolean(required=True)
    meta = fields.Nested(Meta, required=True)


class Feed(ma.Schema):
    """A bureau's feed in an area."""

    bureau = fields.String(required=True)
    area = fields.String(required=True)
    months = fields.List(fields.String(), required=True)


class FeedList(ma.Schema):
    """The feeds."""

    items = fields.List(fields.Nested(Feed), required=True)
