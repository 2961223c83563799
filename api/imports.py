"""Imports: files whose rows become commands. Each is read, tried, committed, and can be undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from api import naming
from api.auth import of_one_bureau, principal
from api.body import WrongMediaType
from api.command_bodies import Nothing
from api.fields import Code, Query, QueryWhole, Text
from api.giving import casework, idempotency_key
from api.import_schemas import Forgotten, ImportAnswer, ImportAsked, ImportPage, RowProblems
from api.language import language
from api.paging import next_link
from api.resource import Fields, Resource, answer
from api.schemas import described
from casework.bulk import files, results, sheets, templates, undoing
from casework.bulk.columns import KINDS, Layout
from casework.bulk.files import ImportFile
from casework.domain import codes
from casework.domain.checks import check_feed, check_month
from casework.errors import Forbidden, Invalid, NotFound, Refused, problems
from casework.privacy.access_log import record_reads
from casework.projections import jobs

bp = Resource("imports", __name__, description=__doc__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA = {"text/csv": "csv", XLSX: "xlsx"}
SOURCE = "[A-Za-z0-9][A-Za-z0-9._-]{0,39}"
FEED = "[A-Z]{2,8}/[A-Z]{2,8}/[0-9]{4}-(0[1-9]|1[0-2])"
OWN_SOURCE = "import"


STAGES = {"validated": "import_rows", "committed": "import_rows", "undone": "undo_import"}
"""The stages to which an import is brought, each by a job of a kind."""


class Upload(Query):
    """What is in the file, and what shall come of it."""

    kind = Code(KINDS, required=True)
    mode = Code(("validate", "commit"), load_default="validate", **described("Try the rows, or carry them out."))
    atomic = Code(
        ("row", "all"), load_default="row", **described("Each row is carried out by itself, or all of them or none.")
    )
    source = Text(
        40,
        pattern=SOURCE,
        load_default=OWN_SOURCE,
        **described("Role `service`: the system whose references stand in `source_ref`; each counts once."),
    )
    close_month = Text(
        25, pattern=FEED, **described("Role `service`: `bureau/area/month`, closed once no row has an error.")
    )


class Plainly(Query):
    """No parameters."""


class Errors(Query):
    """Which of the rows with errors."""

    limit = QueryWhole(1, 1000, load_default=50)
    cursor = Text(9, pattern="[0-9]{1,9}")


class Template(Query):
    """As what kind of file."""

    format = Code(("csv", "xlsx"), load_default="xlsx")


@bp.uploading("/imports", Upload, ImportAsked, tuple(MEDIA))
def upload(asked: Fields) -> Response:
    """Upload a file, and have its rows tried or carried out by a job.

    The body is the file: CSV (UTF-8 or GB18030) or XLSX, up to 200,000 rows and 32 MB. It is kept sealed, for seven
    days. Every row is one command, by the rules of the form, and counts once by its reference, however often it comes.
    With `atomic=all` nothing is carried out unless every row was just tried and none refused; where one is refused all
    the same, since others work meanwhile, the rows carried out are undone, and the job fails as `import-taken-back`.
    """
    media = MEDIA.get(request.mimetype)
    if media is None:
        raise WrongMediaType
    close_feed = _feed(asked.get("close_month"))
    if asked["source"] != OWN_SOURCE and g.role != "service":
        raise Forbidden("source-of-feeds")
    content = _content()
    header = next(sheets.read(media, content), [])
    Layout(asked["kind"], header)
    file = _kept(asked, media, close_feed, content)
    return _asked(file, "committed" if asked["mode"] == "commit" else "validated")


@bp.reading("/imports", Plainly, ImportPage)
def list_imports(asked: Fields) -> dict[str, Any]:
    """List one's own imports that are still kept."""
    with casework().pool.connection() as db:
        found = files.of_actor(db, principal().sub)
    return {"items": _told(found)}


@bp.reading("/imports/<uuid:import_id>", Plainly, ImportAnswer)
def read(asked: Fields, import_id: UUID) -> dict[str, Any]:
    """Read how far an import is, and how many rows came to what."""
    return _told([_own(import_id)])[0]


@bp.reading("/imports/<uuid:import_id>/errors", Errors, RowProblems)
def errors(asked: Fields, import_id: UUID) -> Response:
    """List the rows that were refused: which column, by which rule, in words."""
    limit = asked["limit"]
    found = results.errors(casework(), _own(import_id), int(asked.get("cursor", 0)), limit)
    spoken = language()
    items = [
        {"row": each.row, "column": each.column, "code": each.code, "hint": results.sentence(str(each.code), spoken)}
        for each in found[:limit]
    ]
    following = str(found[limit - 1].row) if len(found) > limit else None
    return answer({"items": items, "next": following}, headers=next_link(following))


@bp.downloading("/imports/<uuid:import_id>/result", Plainly, ("text/csv",))
def result(asked: Fields, import_id: UUID) -> Response:
    """Download the file with `row_status`, `error_code` and `error` for each row, to be put right and sent back.

    Whom its rows name, it is recorded for which purpose.
    """
    if principal().purpose is None:
        raise Forbidden("purpose-missing")
    file, who, pool = _own(import_id), naming.reader(), casework().pool

    def record(persons: Sequence[tuple[UUID, UUID]]) -> None:
        with pool.connection() as db:
            record_reads(db, who, persons)

    name = f"import-{file.id}-result.csv"
    return _download(results.result(casework(), file, language(), record), "text/csv; charset=utf-8", name)


@bp.asking("/imports/<uuid:import_id>/commits", Nothing, ImportAsked)
def commit(asked: Fields, import_id: UUID) -> Response:
    """Carry out the rows of an import that was validated, or go on with that.

    Whose job was cancelled meanwhile stays `committing`: go on with this, or undo what was carried out.
    """
    file = _own(import_id)
    if file.state not in ("validated", "committing", "committed"):
        raise Refused("import-state")
    return _asked(file, "committed")


@bp.asking("/imports/<uuid:import_id>/undos", Nothing, ImportAsked)
def undo(asked: Fields, import_id: UUID) -> Response:
    """Undo the rows that an import carried out, each by a command of its own, where no later fact rests on them.

    Asked again, it tries again those that had to stay. The references of rows that were undone are free: such a
    row, sent again in a file or alone, counts once more. Of what somebody voided by hand the reference stays used up.
    """
    file = _own(import_id)
    if file.state not in undoing.FROM:
        raise Refused("import-state")
    return _asked(file, "undone")


@bp.cancelling("/imports/<uuid:import_id>", Plainly, Forgotten)
def forget(asked: Fields, import_id: UUID) -> dict[str, Any]:
    """Delete a file before its time, with its verdicts; what its rows did stays, and can be undone no more."""
    file = _own(import_id)
    if file.state in ("committing", "undoing"):
        raise Refused("import-state")
    with casework().pool.connection() as db:
        files.forget(db, file.id)
    return {"id": file.id}


@bp.downloading("/imports/templates/<kind>", Template, ("text/csv", XLSX))
def template(asked: Fields, kind: str) -> Response:
    """Download an empty file of a kind: with an explanation, codes to choose from, and text cells for numbers."""
    if kind not in KINDS:
        raise NotFound
    if asked["format"] == "csv":
        return _download(templates.csv_template(kind), "text/csv; charset=utf-8", f"{kind}.csv")
    return _download(iter([templates.xlsx_template(kind)]), XLSX, f"{kind}.xlsx")


def _content() -> bytes:
    request.max_content_length = sheets.MOST_BYTES
    content = request.get_data(cache=False)
    if len(content) >= sheets.MOST_BYTES and request.input_stream.read(1):
        raise RequestEntityTooLarge
    return content


def _feed(close_month: str | None) -> list[str] | None:
    """The feed and month that are to be closed: by a feed alone, and by one bureau's for itself."""
    if close_month is None:
        return None
    bureau, area, month = close_month.split("/")
    if bureau not in {row.code for row in codes.bureaus()}:
        raise Invalid("unknown-code")
    check_feed(bureau, area)
    check_month("close_month", month)
    if g.role != "service":
        raise Forbidden("source-of-feeds")
    if of_one_bureau() and bureau != principal().bureau:
        raise Forbidden("bureau-not-yours")
    return [bureau, area, month]


def _kept(asked: Fields, media: str, close_feed: list[str] | None, content: bytes) -> ImportFile:
    who, hashes = principal(), casework().persons.hashes
    told = "\0".join((asked["kind"], media, asked["source"], asked["atomic"], *(close_feed or ())))
    file = {
        "id": hashes.command_id("import", who.sub, idempotency_key()),
        "kind": asked["kind"],
        "media": media,
        "digest": hashes.body_hash(told, content),
        "actor": who.sub,
        "role": g.role,
        "bureau": who.bureau,
        "unit": who.unit,
        "divisions": sorted(who.divisions),
        "source": asked["source"],
        "close_feed": close_feed,
        "atomic": asked["atomic"],
    }
    with casework().pool.connection() as db:
        files.forget_old(db)
        kept = files.add(db, casework().persons.vault, file, content)
    if bytes(kept.digest) != file["digest"]:
        raise Invalid("import-reused")
    return kept


def _asked(file: ImportFile, stage: str) -> Response:
    """Ask for the job that brings an import to a stage; asked again it is the same job, and an undoing begins again."""
    kind, over = STAGES[stage], jobs.OVER if stage == "undone" else jobs.UNFINISHED
    plain = {"import": str(file.id), "stage": stage, "actor": file.actor}
    with casework().pool.connection() as db:
        id = jobs.ask(db, kind, f"{file.id}:{stage}", plain, again=over)
    place = f"/v1/jobs/{id}"
    told = {"id": id, "href": place, "import_id": file.id, "import_href": f"/v1/imports/{file.id}"}
    return answer(told, 202, {"Location": place, "Retry-After": "1"})


def _job_id(import_id: UUID, stage: str) -> UUID:
    return jobs.id_of(STAGES[stage], f"{import_id}:{stage}")


def _own(import_id: UUID) -> ImportFile:
    """An import of the caller's; another's is not there."""
    with casework().pool.connection() as db:
        file = files.find(db, import_id)
    if file is None or file.actor != principal().sub:
        raise NotFound
    return file


def _told(found: Sequence[ImportFile]) -> list[dict[str, Any]]:
    working = {_job_id(file.id, stage): file.id for file in found for stage in STAGES}
    with casework().pool.connection() as db:
        last = {working[job.id]: job for job in jobs.some(db, list(working))}
    return [_import(file, last.get(file.id)) for file in found]


def _job(job: jobs.Job) -> dict[str, Any]:
    problem = problems()[job.error].detail[language()] if job.error is not None else None
    return {
        "href": f"/v1/jobs/{job.id}",
        "state": job.state,
        "error": job.error,
        "detail": problem and problem.format(**(job.result or {})),
    }


def _import(file: ImportFile, job: jobs.Job | None) -> dict[str, Any]:
    place = f"/v1/imports/{file.id}"
    return {
        "id": file.id,
        "kind": file.kind,
        "state": file.state,
        "source": file.source,
        "atomic": file.atomic,
        "rows": file.rows,
        "counts": file.counts,
        "uploaded_at": file.uploaded_at,
        "kept_until": file.uploaded_at + timedelta(days=files.KEPT_DAYS),
        "emptied_at": file.emptied_at,
        "job": job and _job(job),
        "result_href": f"{place}/result",
        "errors_href": f"{place}/errors",
    }


def _download(content: Iterator[bytes], media: str, name: str) -> Response:
    """A file as it is made; its first bytes are made at once, so that an error is still an answer of its own."""
    first = next(content, b"")

    def whole() -> Iterator[bytes]:
        yield first
        yield from content

    return Response(whole(), content_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})
