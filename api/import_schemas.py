"""What imports answer with."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from api.schemas import described
from casework.bulk.columns import KINDS

STATES = ("uploaded", "validated", "committing", "committed", "undoing", "undone")


class Counts(ma.Schema):
    """How many rows came to what."""

    rows = fields.Integer(required=True)
    done = fields.Integer(required=True, **described("Carried out, or, after a validation, ready to be."))
    unchanged = fields.Integer(
        required=True, **described("There already, by an earlier import; or undone already, by hand.")
    )
    errors = fields.Integer(required=True)
    feed_closed = fields.Boolean(**described("Whether the month was closed that the upload asked to close."))


class ImportJob(ma.Schema):
    """The job that worked on an import last, and why nothing came of it, where it failed."""

    href = fields.String(required=True)
    state = fields.String(required=True)
    error = fields.String(required=True, allow_none=True, **described("A problem's code, where it failed."))
    detail = fields.String(required=True, allow_none=True)


class ImportAnswer(ma.Schema):
    """An import and how far it is."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    source = fields.String(required=True)
    atomic = fields.String(required=True, validate=validate.OneOf(["row", "all"]))
    rows = fields.Integer(required=True, **described("0 until the file was read."))
    counts = fields.Nested(Counts, required=True, allow_none=True, **described("Of the state; null before."))
    uploaded_at = fields.AwareDateTime(required=True)
    kept_until = fields.AwareDateTime(required=True, **described("Then the file is deleted; what it did stays."))
    emptied_at = fields.AwareDateTime(
        required=True,
        allow_none=True,
        **described("When an erasure deleted the file with all others; what it did can still be undone."),
    )
    job = fields.Nested(
        ImportJob,
        required=True,
        allow_none=True,
        **described("What failed can be asked for again; a cancelled commit is gone on with (`commits`), or undone."),
    )
    result_href = fields.String(required=True)
    errors_href = fields.String(required=True)


class ImportPage(ma.Schema):
    """The caller's imports, the newest first."""

    items = fields.List(fields.Nested(ImportAnswer), required=True)


class RowProblem(ma.Schema):
    """A row that was refused."""

    row = fields.Integer(required=True, **described("Its number in the file; the header is row 1."))
    column = fields.String(required=True, allow_none=True)
    code = fields.String(required=True)
    hint = fields.String(required=True)


class RowProblems(ma.Schema):
    """Rows that were refused, in their order."""

    items = fields.List(fields.Nested(RowProblem), required=True)
    next = fields.String(required=True, allow_none=True)


class ImportAsked(ma.Schema):
    """Where the import and its job are."""

    id = fields.UUID(required=True, **described("The job's."))
    href = fields.String(required=True)
    import_id = fields.UUID(required=True)
    import_href = fields.String(required=True)


class Forgotten(ma.Schema):
    """What was deleted."""

    id = fields.UUID(required=True)
