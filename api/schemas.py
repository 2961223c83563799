"""What several resources answer with."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields


def described(text: str, **more: Any) -> dict[str, Any]:
    """Return the metadata that the documentation shows."""
    return {"metadata": {"description": text, **more}}


class Happened(ma.Schema):
    """An event that a command recorded, with the ids of what it created."""

    event_id = fields.UUID(required=True)
    type = fields.String(required=True, **described("The event's stable public name."))
    version = fields.Integer(required=True, **described("Its place in the stream."))
    episode_id = fields.UUID()
    need_id = fields.UUID()
    employment_id = fields.UUID()
    referral_id = fields.UUID()
    person_id = fields.UUID()
    person_ids = fields.List(fields.UUID())
    nomination_id = fields.UUID()
    veto_id = fields.UUID()
    objection_id = fields.UUID()
    new_household = fields.UUID(**described("The household that a split made."))
    duplicates = fields.List(
        fields.UUID(), **described("Services that a merge brought and that this household has too: one is to end.")
    )


class Warning(ma.Schema):
    """Something that was accepted and should be looked at."""

    code = fields.String(required=True)
    detail = fields.String(required=True)


class Accepted(ma.Schema):
    """What a command did. Sent again with the same key and body, it answers the same."""

    id = fields.UUID(required=True)
    version = fields.Integer(required=True, **described("The version after it; the first part of the `ETag`."))
    position = fields.String(
        required=True,
        allow_none=True,
        **described("Where its events are, such as `17:4211`, for `min_position`; null where nothing changed."),
    )
    changed = fields.Boolean(required=True, **described("False where there was nothing to do."))
    events = fields.List(fields.Nested(Happened), required=True)
    warnings = fields.List(fields.Nested(Warning), required=True)


class Meta(ma.Schema):
    """At which cut of the log, for which date, as known when, and under which policy figures were computed."""

    cut = fields.String(required=True, **described("A position for each partition looked at, `17:4211,64:310`."))
    as_of = fields.Date(required=True)
    known_at = fields.AwareDateTime(required=True, allow_none=True, **described("Null: everything known now."))
    policy = fields.String(required=True)
    computed_at = fields.AwareDateTime(required=True)


class FieldProblem(ma.Schema):
    """One thing wrong with one field."""

    pointer = fields.String(required=True, **described("A JSON pointer into the body, or a parameter's name."))
    code = fields.String(required=True)
    hint = fields.String(required=True)
    row = fields.Integer()
    column = fields.String()


class EventBetween(ma.Schema):
    """An event that was recorded since the caller looked."""

    version = fields.Integer(required=True)
    type = fields.String(**described("Left out for those who do not see events of all kinds."))
    recorded_at = fields.AwareDateTime(required=True)


class Problem(ma.Schema):
    """What went wrong (RFC 9457). The code never changes its meaning; the sentences are in the reader's language."""

    type = fields.String(required=True, **described("Where the problem is explained."))
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldProblem))
    expected = fields.Integer(**described("412: the version that `If-Match` named."))
    actual = fields.Integer(**described("412: the version that the log has."))
    merged_into = fields.UUID(**described("Where the household went that is no longer one of its own."))
    events = fields.List(fields.Nested(EventBetween), **described("412: what came in between."))
