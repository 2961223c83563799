"""Resources: a blueprint that reads requests strictly, answers fast, and documents what it does.

A view returns what it has to say; it is encoded as it is. That it fits the documented schema is what the tests
hold, with thousands of requests, instead of every answer being brought into shape twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any, cast

import marshmallow as ma
import msgspec
from flask import Response, g, request
from flask_smorest import Blueprint
from msgspec.structs import replace

from api.body import NAMES, read_object
from api.command_bodies import Tried
from api.errors import field_errors
from api.fields import Body, Query
from api.giving import give_back, popped_context
from api.impact import Corrected, told_impact
from api.schemas import Accepted
from casework.errors import FieldError, Invalid
from casework.outcome import Context, Outcome

View = Callable[..., Any]
Fields = dict[str, Any]


class MalformedParameters(Invalid):
    """The URL or a header asks for something that does not exist."""

    default_code = "parameters-invalid"


def read_body(schema: ma.Schema) -> Fields:
    """Return the fields of the body, which is kept to tell the same command from another."""
    g.body = read_object(request)
    return _loaded(schema, g.body, Invalid)


def read_parameters(schema: ma.Schema) -> Fields:
    """Return the parameters; each may stand once."""
    for name, values in request.args.lists():
        if len(values) > 1:
            raise MalformedParameters(errors=field_errors({name: ["parameter-twice"]}))
    return _loaded(schema, request.args.to_dict(), MalformedParameters)


def _loaded(schema: ma.Schema, given: Fields, refusal: type[Invalid]) -> Fields:
    try:
        return cast("Fields", schema.load(given))
    except ma.ValidationError as error:
        raise refusal(errors=field_errors(error.normalized_messages())) from None


READERS: Mapping[str, Callable[[ma.Schema], Fields]] = {"json": read_body, "query": read_parameters}


class Resource(Blueprint):
    """The views of one resource."""

    def __init__(self, name: str, module: str, **kwargs: Any) -> None:
        super().__init__(name, module, url_prefix="/v1", **kwargs)
        self._prepare_doc_cbks.append(_document)

    def command(self, rule: str, body: type[Body], *, status: int = 200) -> Callable[[View], View]:
        """Register a view that gives a command: it takes the context, the body's fields, and the path's ids."""

        def decorate(view: View) -> View:
            @wraps(view)
            def give(fields: Fields, **path: Any) -> Response:
                context: Context = popped_context(fields)
                outcome: Outcome = view(context, fields, **path)
                return give_back(outcome, status)

            return self._register(give, "POST", rule, body(), "json", status, Accepted(), "command")

        return decorate

    def correction(self, rule: str, body: type[Tried]) -> Callable[[View], View]:
        """Register a command that can be tried: with ``mode=validate`` it answers its impact, and writes nothing."""

        def decorate(view: View) -> View:
            @wraps(view)
            def give(fields: Fields, **path: Any) -> Response:
                mode = fields.pop("mode")
                context = replace(popped_context(fields), is_rehearsal=mode == "validate")
                outcome: Outcome = view(context, fields, **path)
                return give_back(outcome, 200, **told_impact(outcome.trial))

            return self._register(give, "POST", rule, body(), "json", 200, Corrected(), "command")

        return decorate

    def search(self, rule: str, body: type[Body], answer: type[ma.Schema]) -> Callable[[View], View]:
        """Register a view that only reads, but is asked by a body, so that what is looked for stands in no URL."""
        return lambda view: self._register(_answering(view), "POST", rule, body(), "json", 200, answer(), "search")

    def reading(
        self, rule: str, query: type[Query], answer: type[ma.Schema], *, later: type[ma.Schema] | None = None
    ) -> Callable[[View], View]:
        """Register a view that reads; it takes the parameters and the path's ids. ``later`` is its answer with 202."""
        return lambda view: self._register(
            _answering(view), "GET", rule, query(), "query", 200, answer(), "reading", later
        )

    def following(self, rule: str, query: type[Query], answer: type[ma.Schema]) -> Callable[[View], View]:
        """Register a view that reads on from a cursor, which may be one of before a restore; as ``reading``."""
        return lambda view: self._register(_answering(view), "GET", rule, query(), "query", 200, answer(), "following")

    def cancelling(self, rule: str, query: type[Query], answer: type[ma.Schema]) -> Callable[[View], View]:
        """Register a view that ends something; it takes the parameters and the path's ids."""
        return lambda view: self._register(
            _answering(view), "DELETE", rule, query(), "query", 200, answer(), "cancelling"
        )

    def deciding(self, rule: str, body: type[Body], answer: type[ma.Schema]) -> Callable[[View], View]:
        """Register a view that puts a decision, again and again the same; it takes the body's fields and the ids."""
        return lambda view: self._register(_answering(view), "PUT", rule, body(), "json", 200, answer(), "deciding")

    def asking(self, rule: str, body: type[Body], answer: type[ma.Schema]) -> Callable[[View], View]:
        """Register a view that asks for long work (202); asking again finds the same work."""
        return lambda view: self._register(_answering(view), "POST", rule, body(), "json", 202, answer(), "asking")

    def uploading(
        self, rule: str, query: type[Query], answer: type[ma.Schema], media: Sequence[str]
    ) -> Callable[[View], View]:
        """Register a view that takes a file as the body, of some media types; it takes the parameters."""
        return lambda view: self._register(
            _answering(view), "POST", rule, query(), "query", 202, answer(), "uploading", media=media
        )

    def downloading(
        self,
        rule: str,
        query: type[Query],
        media: Sequence[str],
        *,
        parts: bool = False,
        answer: type[ma.Schema] = ma.Schema,
    ) -> Callable[[View], View]:
        """Register a view that answers a file, of some media types; with ``parts`` also a range of its bytes.

        With an ``answer`` it is JSON as well, where the caller asks for that.
        """
        kind = "downloading-parts" if parts else "downloading"
        return lambda view: self._register(
            _answering(view), "GET", rule, query(), "query", 200, answer(), kind, media=media
        )

    def _register(
        self,
        view: View,
        method: str,
        rule: str,
        asked: ma.Schema,
        location: str,
        status: int,
        answer: ma.Schema,
        kind: str,
        later: type[ma.Schema] | None = None,
        media: Sequence[str] = (),
    ) -> View:
        read = READERS[location]
        NAMES.update(_names(asked))
        answering = self.response(status, answer)(view)
        if later is not None:
            answering = self.alt_response(202, schema=later())(answering)
        documented = self.arguments(asked, location=location)(answering)

        @wraps(documented)
        def answered(**path: Any) -> Response:
            return cast("Response", view(read(asked), **path))

        operation = f"{self.name}.{view.__name__}"
        documented._apidoc["casework"] = {
            "kind": kind,
            "operation": operation,
            "is_edit": any(place in rule for place in ("household_id", "<unit>", "<int:year>")),
            "media": media,
            "has_json": type(answer) is not ma.Schema,
        }
        documented._apidoc["arguments"]["responses"] = {}
        self.route(rule, methods=[method])(answered)
        return view


def _names(schema: ma.Schema) -> Iterator[str]:
    """The names of a schema's fields, at every depth."""
    for name, field in schema.fields.items():
        yield field.data_key or name
        inner = field.inner if isinstance(field, ma.fields.List) else field
        if isinstance(inner, ma.fields.Nested):
            yield from _names(inner.schema)


def _answering(view: View) -> View:
    @wraps(view)
    def answering(*args: Any, **kwargs: Any) -> Response:
        content = view(*args, **kwargs)
        return content if isinstance(content, Response) else answer(content)

    return answering


def answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return content as JSON."""
    return Response(msgspec.json.encode(content), status, dict(headers or {}), content_type="application/json")


def unchanged(tag: str) -> Response | None:
    """Return 304 where the caller has seen exactly this already."""
    if request.if_none_match.contains_weak(tag.strip('"')):
        return Response(status=304, headers={"ETag": tag})
    return None


def refuse_unknown_parameters(known: frozenset[str]) -> None:
    """Refuse a request with a parameter that its endpoint does not know."""
    unknown = [name for name in request.args if name not in known]
    if unknown:
        names = ", ".join(sorted(known)) or "-"
        raise MalformedParameters(errors=tuple(FieldError("", "parameter-unknown", names) for _ in unknown))


_HEADERS: Mapping[str, dict[str, Any]] = {
    "Idempotency-Key": {
        "description": "Names this command: sent again with the same body it gives the same answer, and counts once.",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "If-Match": {
        "description": "The `ETag` of the household, unit or round as last seen; persons must send it.",
        "required": False,
        "schema": {"type": "string", "pattern": '^"[0-9]{1,9}[!#-~]*"$'},
    },
    "If-None-Match": {
        "description": "An `ETag`; where it still holds, the answer is 304.",
        "required": False,
        "schema": {"type": "string"},
    },
    "Range": {
        "description": "A part of the file, such as `bytes=1048576-`.",
        "required": False,
        "schema": {"type": "string", "pattern": "^bytes=[0-9]{1,12}-([0-9]{1,12})?$"},
    },
    "Accept-Language": {
        "description": "`zh-CN` (the default) or `en`: the language of labels and problems.",
        "required": False,
        "schema": {"type": "string", "enum": ["zh-CN", "en"]},
    },
}

_STATUSES: Mapping[str, tuple[int, ...]] = {
    "command": (400, 401, 403, 404, 409, 413, 415, 422, 503),
    "search": (400, 401, 403, 404, 409, 413, 415, 422, 503),
    "deciding": (400, 401, 403, 404, 409, 413, 415, 422, 503),
    "reading": (400, 401, 403, 404, 503),
    "following": (400, 401, 403, 404, 409, 503),
    "cancelling": (400, 401, 403, 404, 409, 503),
    "asking": (400, 401, 403, 404, 409, 413, 415, 422, 503),
    "uploading": (400, 401, 403, 404, 413, 415, 422, 503),
    "downloading": (400, 401, 403, 404, 409, 503),
    "downloading-parts": (400, 401, 403, 404, 409, 503),
}
_NAMES = {
    304: "NOT_MODIFIED",
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "CONFLICT",
    412: "PRECONDITION_FAILED",
    413: "REQUEST_ENTITY_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "UNPROCESSABLE_ENTITY",
    428: "PRECONDITION_REQUIRED",
    503: "SERVICE_UNAVAILABLE",
}


def _document(doc: dict[str, Any], doc_info: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add what every operation of a kind has in common: headers, refusals, who may call it."""
    told = doc_info.get("casework")
    if told is None:
        return doc
    kind, is_edit = told["kind"], told["is_edit"]
    doc["operationId"] = told["operation"]
    statuses, headers = [*_STATUSES[kind]], ["Accept-Language"]
    if kind in ("command", "uploading", "asking"):
        headers.append("Idempotency-Key")
    if kind == "command" and is_edit:
        headers.append("If-Match")
        statuses += [412, 428]
    elif kind == "reading":
        headers.append("If-None-Match")
        statuses.append(304)
    elif kind == "downloading-parts":
        headers.append("Range")
    parameters = doc.setdefault("parameters", [])
    parameters += [{"in": "header", "name": name, **_HEADERS[name]} for name in headers]
    content = {each: {"schema": {"type": "string", "format": "binary"}} for each in told["media"]}
    _document_file(doc, kind, content, has_json=told["has_json"])
    for status in sorted(statuses):
        doc.setdefault("responses", {})[str(status)] = _NAMES[status]
    return doc


def _document_file(doc: dict[str, Any], kind: str, content: dict[str, Any], *, has_json: bool) -> None:
    """Say of which media types the file is that comes or goes."""
    if kind == "uploading":
        doc["requestBody"] = {"required": True, "content": content}
    elif kind.startswith("downloading"):
        responses = doc.setdefault("responses", {})
        as_json = responses[200]["content"] if has_json else {}
        responses["200"] = {"description": "The file.", "content": {**as_json, **content}}
    if kind == "downloading-parts":
        doc["responses"]["206"] = {"description": "The part that was asked for.", "content": content}
        doc["responses"]["416"] = {"description": "There is no such part."}
