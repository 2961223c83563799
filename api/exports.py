"""Exports: files of what one may see, written by a job, with a manifest, and downloaded whole or in parts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, g, request
from marshmallow import fields, validate

from api.auth import principal
from api.fields import UNIT_CODE, Body, Code, Query, Text
from api.giving import casework, idempotency_key
from api.import_schemas import Forgotten
from api.policy_choice import default_policy
from api.resource import Fields, Resource, answer
from api.schemas import described
from casework.bulk import exporting, files
from casework.bulk.exporting import KINDS, Asked, ExportFile
from casework.errors import Invalid, NotFound, Refused
from casework.log import reading as log
from casework.projections import jobs, reading, sets

bp = Resource("exports", __name__, description=__doc__)

CSV = "text/csv"


class Ask(Body):
    """What shall be in the file; never more than the caller may see."""

    kind = Code(KINDS, required=True, **described("`timeline`: events, one a row; `households`: as lists show them."))
    unit = Text(64, pattern=UNIT_CODE, **described("Only households of this division, by code."))


class Plainly(Query):
    """No parameters."""


class ExportFilter(ma.Schema):
    """Whose view the file is."""

    unit = fields.String(required=True, allow_none=True)
    divisions = fields.List(fields.String(), required=True, **described("None: the whole city."))
    role = fields.String(required=True)
    bureau = fields.String(required=True, allow_none=True)


class Manifest(ma.Schema):
    """What a finished file holds, and how to see that it is whole."""

    kind = fields.String(required=True)
    rows = fields.Integer(required=True)
    bytes = fields.Integer(required=True)
    sha256 = fields.String(required=True)
    columns = fields.List(fields.String(), required=True)
    cut = fields.String(required=True, **described("How far the log was read; of `households`, where views began."))
    as_of = fields.Date(required=True)
    policy = fields.String(required=True)
    filter = fields.Nested(ExportFilter, required=True)
    finished_at = fields.AwareDateTime(required=True)


class ExportAnswer(ma.Schema):
    """An export, with its manifest once it is finished."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    asked_at = fields.AwareDateTime(required=True)
    kept_until = fields.AwareDateTime(required=True)
    manifest = fields.Nested(Manifest, required=True, allow_none=True)
    content_href = fields.String(required=True, allow_none=True)


class ExportAsked(ma.Schema):
    """Where the export and its job are."""

    id = fields.UUID(required=True, **described("The job's."))
    href = fields.String(required=True)
    export_id = fields.UUID(required=True)
    export_href = fields.String(required=True)


@bp.asking("/exports", Ask, ExportAsked)
def ask(asked: Fields) -> Response:
    """Ask for a file of what one may see; a job writes it, and goes on where it was interrupted.

    It holds opaque ids, codes and dates, and names nobody. It is kept for seven days.
    """
    if "unit" in asked and casework().registry().unit(asked["unit"]) is None:
        raise NotFound
    file = _kept(asked)
    if file.kind != asked["kind"] or file.asked["unit"] != asked.get("unit"):
        raise Invalid("import-reused")
    with casework().pool.connection() as db:
        id = jobs.ask(db, "export_rows", str(file.id), {"export": str(file.id), "actor": file.actor})
    place = f"/v1/jobs/{id}"
    told = {"id": id, "href": place, "export_id": file.id, "export_href": f"/v1/exports/{file.id}"}
    return answer(told, 202, {"Location": place, "Retry-After": "1"})


@bp.reading("/exports/<uuid:export_id>", Plainly, ExportAnswer)
def read(asked: Fields, export_id: UUID) -> dict[str, Any]:
    """Read whether an export is finished, and its manifest: rows, cut, filter, policy, SHA-256."""
    file = _own(export_id)
    return {
        "id": file.id,
        "kind": file.kind,
        "asked_at": file.asked_at,
        "kept_until": file.asked_at + timedelta(days=files.KEPT_DAYS),
        "manifest": file.manifest,
        "content_href": f"/v1/exports/{file.id}/content" if file.manifest else None,
    }


@bp.downloading("/exports/<uuid:export_id>/content", Plainly, (CSV,), parts=True)
def content(asked: Fields, export_id: UUID) -> Response:
    """Download the file, or with `Range` a part of it, to go on where a download broke off."""
    file = _own(export_id)
    if file.manifest is None:
        raise Refused("export-not-ready")
    size, tag = file.manifest["bytes"], f'"{file.manifest["sha256"]}"'
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Content-Disposition": f'attachment; filename="{file.kind}-{file.id}.csv"',
    }
    start, end, status = _part(size, tag)
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    elif status == 416:
        headers["Content-Range"] = f"bytes */{size}"
        return Response(status=416, headers=headers)
    headers["Content-Length"] = str(end - start)
    body = exporting.content(casework(), file.id, start, end)
    return Response(body, status, headers, content_type="text/csv; charset=utf-8")


@bp.cancelling("/exports/<uuid:export_id>", Plainly, Forgotten)
def forget(asked: Fields, export_id: UUID) -> dict[str, Any]:
    """Delete an export before its time."""
    file = _own(export_id)
    with casework().pool.connection() as db:
        exporting.forget(db, file.id)
    return {"id": file.id}


def _kept(asked: Fields) -> ExportFile:
    who, day = principal(), casework().today
    id = casework().persons.hashes.command_id("export", who.sub, idempotency_key())
    if asked["kind"] == "timeline":
        with casework().pool.connection() as db:
            cut = log.heads(db)
    else:
        with reading.live_views(casework().pool) as (db, _):
            cut = sets.cutting(db).cut
    question = Asked(
        role=g.role,
        bureau=who.bureau,
        divisions=sorted(who.divisions),
        unit=asked.get("unit"),
        cut=cut,
        as_of=day,
        policy=default_policy(casework().registry(at_most_old=1), day).version,
    )
    with casework().pool.connection() as db:
        files.forget_old(db)
        return exporting.add(db, id, asked["kind"], who.sub, question)


def _part(size: int, tag: str) -> tuple[int, int, int]:
    """From where to where the caller wants the file (RFC 9110, 14): one range; anything else is the whole file."""
    wanted, condition = request.range, request.headers.get("If-Range")
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1 or condition not in (None, tag):
        return 0, size, 200
    found = wanted.range_for_length(size)
    return (*found, 206) if found is not None else (0, 0, 416)


def _own(export_id: UUID) -> ExportFile:
    """An export of the caller's; another's is not there."""
    with casework().pool.connection() as db:
        file = exporting.find(db, export_id)
    if file is None or file.actor != principal().sub:
        raise NotFound
    return file
