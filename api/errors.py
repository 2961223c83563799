"""The one place where an error becomes HTTP: problem details (RFC 9457) in the reader's language.

What a problem says comes from the catalogue in ``casework/data/problems.json`` and from ids: never a value that
somebody sent or that we hold.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import marshmallow as ma
import msgspec
import psycopg
from eventsourcing.persistence import OperationalError
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException

from api.auth import SEES_ALL_RESTRICTED
from api.body import pointer
from api.giving import as_asked
from api.language import language
from api.logs import failure
from casework.errors import CaseworkError, FieldError, Unavailable, VersionConflict, problems

MEDIA_TYPE = "application/problem+json"

BY_STATUS = {
    400: "request-malformed",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-too-slow",
    411: "request-malformed",
    413: "body-too-large",
    414: "request-malformed",
    415: "media-type",
    416: "request-malformed",
    431: "request-malformed",
}
"""What the web server's own refusals are called in the catalogue."""

FIELD_MESSAGES = {
    "Missing data for required field.": "field-missing",
    "Field may not be null.": "field-null",
    "Unknown field.": "field-unknown",
    "Invalid input type.": "field-type",
    "Not a valid string.": "field-type",
    "Not a valid list.": "field-type",
    "Not a valid mapping type.": "field-type",
}
"""What marshmallow says itself; everything else that it says stands for a value that cannot be."""

log = logging.getLogger("casework.api")


def register(app: Flask) -> None:
    """Let the application answer every error as a problem."""
    app.register_error_handler(CaseworkError, _casework_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(psycopg.OperationalError, _database_away)
    app.register_error_handler(psycopg.InterfaceError, _database_away)
    app.register_error_handler(Exception, _unexpected)


def problem(
    code: str,
    *,
    status: int | None = None,
    detail: str | None = None,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """Return a problem of the catalogue as a response."""
    spoken = language()
    content = {**told_problem(code, spoken, g.request_id, status=status, detail=detail), **more}
    if errors:
        content["errors"] = [_told(error, spoken) for error in errors]
    g.problem = code
    response = Response(msgspec.json.encode(content), content["status"], dict(headers or {}), content_type=MEDIA_TYPE)
    response.headers["Content-Language"] = "en" if spoken == "en" else "zh-CN"
    return response


def told_problem(
    code: str, spoken: str, request_id: UUID, *, status: int | None = None, detail: str | None = None
) -> dict[str, Any]:
    """Return a problem of the catalogue as it is told in a language."""
    entry = problems()[code]
    return {
        "type": f"/docs/problems#{code}",
        "title": entry.title[spoken],
        "status": status or entry.status,
        "code": code,
        "detail": detail or entry.detail[spoken],
        "instance": f"urn:uuid:{request_id}",
        "request_id": request_id,
    }


def field_errors(messages: Any) -> tuple[FieldError, ...]:
    """Return what marshmallow found wrong, field by field, as codes of the catalogue."""
    return tuple(FieldError(pointer(*path), code, "") for path, code in _flat(messages, ()))


def _flat(messages: Any, path: tuple[object, ...]) -> Iterator[tuple[tuple[object, ...], str]]:
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            # An open object reports its keys and values apart; both mean the member.
            here = path if name in (ma.exceptions.SCHEMA, "key", "value") else (*path, name)
            yield from _flat(inner, here)
        return
    for message in messages:
        known = message if message in problems() else FIELD_MESSAGES.get(str(message), "field-value")
        yield path, known


def _told(error: FieldError, spoken: str) -> dict[str, Any]:
    entry = problems().get(error.code)
    hint = entry.detail[spoken].replace("{names}", error.hint) if entry else error.hint
    return {"pointer": error.pointer, "code": error.code, "hint": hint}


def _casework_error(error: CaseworkError) -> Response:
    if isinstance(error, VersionConflict) and "actual" not in error.values:
        # Others were faster several times over: nothing that this caller has seen is out of date.
        return problem("unavailable", headers={"Retry-After": "1"})
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Unavailable) else {}
    more = _between(error) if isinstance(error, VersionConflict) else _went(error)
    status = error.problem.status
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer" if error.code == "unauthenticated" else 'Bearer error="invalid_token"'
    if status >= 500 and status != 503:
        log_failure(error)
    return problem(error.code, detail=error.sentence(language()), errors=error.errors, headers=headers, **more)


def _between(error: VersionConflict) -> dict[str, Any]:
    """Both versions, and the events in between; of what kind they are only for those who see all kinds."""
    events = error.values["events"]
    if g.role not in SEES_ALL_RESTRICTED:
        events = [{name: value for name, value in event.items() if name != "type"} for event in events]
    return {**error.values, "events": events}


def _went(error: CaseworkError) -> dict[str, Any]:
    """Where a household went that was merged into another."""
    return {name: as_asked(error.values[name]) for name in ("merged_into",) if name in error.values}


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return Response(status=status, headers=dict(error.get_headers()))
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    code = BY_STATUS.get(status, "internal" if status >= 500 else "request-malformed")
    return problem(code, status=status, headers=headers)


def _database_away(error: Exception) -> Response:
    log_failure(error)
    return problem("unavailable", headers={"Retry-After": "1"})


def _unexpected(error: Exception) -> Response:
    log_failure(error)
    return problem("internal")


def log_failure(error: BaseException) -> None:
    """Log what went wrong and where."""
    log.error("failure", extra={"fields": {"failure": failure(error)}})
