"""What is answered where a round's figures are set beside others."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from api.schemas import described
from api.unit_schemas import UnitName
from casework.selection.comparing import RESERVE, SEATED
from casework.selection.reasons import BALANCE, COUNTS, GOAL, POOL, SCORE, WEIGHT
from casework.selection.standing import RULES


class ComparisonAsked(ma.Schema):
    """Where the job is, and what will come of it."""

    id = fields.UUID(required=True, **described("The job's, and that of its answer."))
    href = fields.String(required=True)
    answer_href = fields.String(required=True)


class KindCompared(ma.Schema):
    """A kind, how many units it has, and how many units and candidates stand otherwise."""

    kind = fields.String(required=True)
    units = fields.Integer(required=True)
    moved = fields.Integer(required=True)


class UnitStanding(ma.Schema):
    """Where a unit or candidate stands; scores out of 100."""

    metric = fields.Float(required=True, allow_none=True)
    parts = fields.Dict(keys=fields.String(), values=fields.Float(allow_none=True), required=True)
    levels = fields.Dict(keys=fields.String(), values=fields.Float(allow_none=True), required=True)
    not_ranked = fields.String(required=True, allow_none=True)
    place = fields.Integer(
        required=True, allow_none=True, **described("By the metric alone, among all units of the kind.")
    )
    final = fields.Float(required=True, allow_none=True)
    rank = fields.Integer(required=True, allow_none=True)
    seat = fields.String(required=True, allow_none=True, validate=validate.OneOf([SEATED, RESERVE]))


class WhyMoved(ma.Schema):
    """What moved the metric, and by how many of its 100 points; all reasons add up to the difference."""

    code = fields.String(required=True, **described("An indicator, a level or a part of the metric."))
    what = fields.String(
        required=True,
        validate=validate.OneOf([COUNTS, POOL, GOAL, WEIGHT, SCORE, BALANCE]),
        **described("Its own counts, the rate of all units of the kind, its goal, weight or score, or the balance."),
    )
    points = fields.Float(required=True)


class RuleChanged(ma.Schema):
    """A rule of who is ranked and seated that is another one."""

    rule = fields.String(required=True, validate=validate.OneOf(RULES))
    before = fields.String(required=True)
    after = fields.String(required=True)


class MovedEntry(ma.Schema):
    """A unit, or a person by their nomination, that stands otherwise; null before or after is not there at all."""

    kind = fields.String(required=True)
    unit = fields.Nested(UnitName, required=True, allow_none=True)
    nomination_id = fields.UUID(required=True, allow_none=True)
    before = fields.Nested(UnitStanding, required=True, allow_none=True)
    after = fields.Nested(UnitStanding, required=True, allow_none=True)
    why = fields.List(fields.Nested(WhyMoved), required=True)
    rules = fields.List(
        fields.Nested(RuleChanged),
        required=True,
        **described("Other rules that a seat, a rank or not being ranked rests on, beside the metric."),
    )


class WhatIfAnswer(ma.Schema):
    """A round under a draft policy, beside the same frozen figures under its own."""

    id = fields.UUID(required=True)
    year = fields.Integer(required=True)
    policy = fields.String(required=True)
    policy_sha256 = fields.String(required=True)
    known_at = fields.AwareDateTime(required=True)
    frozen_sha256 = fields.String(required=True)
    sha256 = fields.String(required=True)
    ranked = fields.Boolean(required=True, **described("False: the panel's scores are not open, so nobody has a rank."))
    kinds = fields.List(fields.Nested(KindCompared), required=True)
    left_out = fields.List(fields.String(), required=True, **described("Kinds of the draft that the round has not."))
    dropped = fields.List(fields.String(), required=True, **described("Kinds of the round that the draft has not."))
    items = fields.List(
        fields.Nested(MovedEntry), required=True, **described("Kind by kind: candidates first, then who moved most.")
    )
    next = fields.String(required=True, allow_none=True)


class ResponsibleEvent(ma.Schema):
    """An event responsible for a unit's other figures."""

    position = fields.String(required=True, **described("Its partition and position in the log, as `17:4211`."))
    type = fields.String(required=True)
    recorded_at = fields.AwareDateTime(required=True)
    occurred_on = fields.Date(required=True, allow_none=True)
    household_id = fields.UUID(required=True, allow_none=True, **described("For auditors; null of the registry's."))
    changed = fields.List(
        fields.String(),
        required=True,
        **described(
            "What of the unit's counts is otherwise by it: measures, a fact, a feed, or its place in the tree."
        ),
    )


class EventsCounted(ma.Schema):
    """How many events are responsible, and where they are listed."""

    count = fields.Integer(required=True)
    href = fields.String(required=True)


class AppealedEntry(MovedEntry):
    """A unit that stands otherwise, with the events responsible."""

    events = fields.Nested(EventsCounted, required=True, allow_none=True)


class AppealAnswer(WhatIfAnswer):
    """A round's figures as known at a later instant, beside the frozen ones."""

    items = fields.List(fields.Nested(AppealedEntry), required=True)


class ResponsibleEvents(ma.Schema):
    """A page of events, in the order of their positions."""

    items = fields.List(fields.Nested(ResponsibleEvent), required=True)
    next = fields.String(required=True, allow_none=True)
