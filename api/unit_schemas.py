"""What is answered about units and feeds."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from api.household_schemas import By
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
    closed_on = fields.Date(required=True, allow_none=True, **described("The first day on which it is no more."))
    merged_into = fields.Nested(UnitName, required=True, allow_none=True, **described("What it is part of since."))
    split_into = fields.List(fields.Nested(UnitName), required=True, **described("What was made of parts of it."))
    split_from = fields.Nested(UnitName, required=True, allow_none=True, **described("What it was part of before."))
    took_in = fields.List(fields.Nested(UnitName), required=True, **described("What was merged into it."))


class UnitPage(ma.Schema):
    """A page of units."""

    items = fields.List(fields.Nested(UnitEntry), required=True)
    next = fields.String(required=True, allow_none=True)


class UnitFact(ma.Schema):
    """A dated fact that a unit reported."""

    entry = fields.Integer(required=True, **described("The report's entry in the unit's history, to void it."))
    fact = fields.String(required=True)
    label = fields.String(required=True)
    reported_on = fields.Date(required=True)
    from_ = fields.Date(required=True, data_key="from")
    to = fields.Date(required=True, allow_none=True)
    items = fields.List(fields.String(), required=True)
    evidence = fields.String(
        required=True, allow_none=True, **described("For supervisors, auditors, office, operator.")
    )


class UnitAnswer(UnitEntry):
    """All that the registry has of a unit, as it was on a day."""

    version = fields.Integer(required=True)
    as_of = fields.Date(required=True)
    known_at = fields.AwareDateTime(required=True, allow_none=True, **described("Null: everything known now."))
    active = fields.Boolean(required=True, **described("Whether it exists on the day."))
    place_since = fields.Date(required=True, **described("Since when it stands where it stands on the day."))
    ancestors = fields.List(fields.Nested(UnitName), required=True)
    children = fields.List(
        fields.Nested(UnitName), required=True, **described("Divisions directly below; others by `/v1/units?parent=`.")
    )
    facts = fields.List(fields.Nested(UnitFact), required=True, **described("Those in force on the day."))


class UnitHappened(ma.Schema):
    """Something that happened to a unit."""

    version = fields.Integer(required=True)
    position = fields.String(required=True)
    event_id = fields.UUID(required=True)
    type = fields.String(required=True)
    label = fields.String(required=True)
    occurred_on = fields.Date(required=True)
    recorded_at = fields.AwareDateTime(required=True)
    by = fields.Nested(By, required=True)
    changed = fields.Dict(required=True, **described("What the event says; units in it are named in `units`."))
    units = fields.List(fields.Nested(UnitName), required=True)
    evidence = fields.String(required=True, allow_none=True)
    voided_by = fields.Integer(required=True, allow_none=True, **described("The entry that says it counts at no date."))


class UnitHistory(ma.Schema):
    """A page of a unit's history, the oldest first."""

    items = fields.List(fields.Nested(UnitHappened), required=True)
    next = fields.String(required=True, allow_none=True)


class MissingItem(ma.Schema):
    """An item of a fact that is not in place."""

    code = fields.String(required=True)
    label = fields.String(required=True)


class MissingFact(ma.Schema):
    """A fact that a unit has not reported as in place, or not whole."""

    unit = fields.Nested(UnitName, required=True)
    fact = fields.String(required=True)
    label = fields.String(required=True)
    area = fields.String(required=True, allow_none=True)
    missing_items = fields.List(
        fields.Nested(MissingItem), required=True, **described("Empty where the fact is one thing, not reported.")
    )
    bureaus = fields.List(fields.String(), required=True, **described("Whose field it is to report it."))


class MissingFacts(ma.Schema):
    """A page of the facts that a unit and those below it have not in place."""

    items = fields.List(fields.Nested(MissingFact), required=True)
    next = fields.String(required=True, allow_none=True)
    as_of = fields.Date(required=True)


class UnitMeta(Meta):
    """How figures of a unit were computed, and by whose boundaries."""

    tree = fields.String(required=True, validate=validate.OneOf(["then", "now"]))
    tree_label = fields.String(required=True, **described("As it was, or as it is now."))


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
    meta = fields.Nested(UnitMeta, required=True)


class Feed(ma.Schema):
    """A bureau's feed in an area."""

    bureau = fields.String(required=True)
    area = fields.String(required=True)
    months = fields.List(fields.String(), required=True)


class FeedList(ma.Schema):
    """The feeds."""

    items = fields.List(fields.Nested(Feed), required=True)
