"""The interface's documents: OpenAPI 3.1, and pages made from it that need nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import marshmallow as ma
import msgspec
from apispec import APISpec
from apispec.ext.marshmallow.common import resolve_schema_cls
from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for

from api import asyncapi
from api.auth import RIGHTS
from api.fields import Body, Query
from api.language import language
from casework.errors import problems
from casework.tokens import ROLES

bp = Blueprint("docs", __name__, template_folder="templates")

Content = dict[str, Any]

ABOUT: Content = {
    "info": {
        "description": "Migrant households and the public services that reach them. `/docs` explains it in "
        "Chinese and English; `/docs/problems` lists every problem.",
    },
    "servers": [{"url": "/"}],
    "security": [{"bearer": []}],
}

SAMPLES = {
    "date": "2026-03-01",
    "date-time": "2026-03-01T09:00:00+08:00",
    "uuid": "01952f2c-7a10-7c3e-8a55-3f6d1c0b9e42",
}
IDS = (
    "household_id",
    "person_id",
    "episode_id",
    "need_id",
    "employment_id",
    "referral_id",
    "job_id",
    "import_id",
    "export_id",
    "nomination_id",
    "veto_id",
    "objection_id",
    "subscription_id",
)
SAMPLE_PLACES = {
    "unit": "410105",
    "code": "EDU-COMP",
    "version": "2013.1",
    "bureau": "EDUB",
    "area": "EDU",
    "kind": "services",
}
SAMPLE_TEXTS = {"community": "410105001001", "to_community": "410102001001", "name": "王芳", "month": "2026-02"}


def schema_name(schema: type[ma.Schema] | ma.Schema | str) -> str:
    """Return what a schema is called in the document; bodies of different resources may share a name."""
    kind = resolve_schema_cls(schema)
    assert isinstance(kind, type)
    resource = kind.__module__.rpartition(".")[2]
    return f"{resource}.{kind.__name__}" if issubclass(kind, Body | Query) else kind.__name__


def document(spec: APISpec) -> Content:
    """Return the OpenAPI document, as plain JSON."""
    content: Content = json.loads(json.dumps(spec.to_dict()))
    return content


def parameters(document: Content) -> dict[str, frozenset[str]]:
    """Return which parameters each endpoint knows in its URL's query."""
    return {
        operation["operationId"]: frozenset(each["name"] for each in operation["parameters"] if each["in"] == "query")
        for _, _, operation in operations(document)
    }


def operations(document: Content) -> Iterator[tuple[str, str, Content]]:
    """Yield every operation with its method and path."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "post", "put", "delete"):
                yield method.upper(), path, operation


@bp.get("/")
def home() -> Any:
    """Lead to the pages."""
    return redirect(url_for("docs.page"))


@bp.get("/v1/openapi.json")
def openapi() -> Response:
    """Answer the OpenAPI document."""
    return Response(_encoded(), content_type="application/json")


@bp.get("/v1/asyncapi.json")
def streams() -> Response:
    """Answer the AsyncAPI document."""
    content = msgspec.json.encode(asyncapi.document(current_app.extensions["openapi"]))
    return Response(content, content_type="application/json")


@bp.get("/docs")
def page() -> str:
    """Show the interface: how to begin, who may do what, every operation with an example."""
    spoken = _spoken()
    known: Content = current_app.extensions["openapi"]
    groups: dict[str, list[Content]] = {}
    for method, path, operation in operations(known):
        groups.setdefault(operation["tags"][0], []).append(_shown(known, method, path, operation, spoken))
    return render_template("docs.html", lang=spoken, groups=groups, roles=ROLES, text=_texts()[spoken])


@bp.get("/docs/problems")
def problem_list() -> str:
    """Show every problem: its code, status, and what it says in both languages."""
    spoken = _spoken()
    rows = sorted(problems().items(), key=lambda row: (row[1].status, row[0]))
    return render_template("problems.html", lang=spoken, rows=rows, text=_texts()[spoken])


def _spoken() -> str:
    asked = request.args.get("lang")
    return asked if asked in ("zh", "en") else language()


def _encoded() -> bytes:
    encoded: bytes | None = current_app.extensions.get("openapi_json")
    if encoded is None:
        encoded = msgspec.json.format(msgspec.json.encode(current_app.extensions["openapi"]), indent=1)
        current_app.extensions["openapi_json"] = encoded
    return encoded


@lru_cache(1)
def _texts() -> Mapping[str, Content]:
    """The pages' own words, and the operations' Chinese titles."""
    content: Mapping[str, Content] = msgspec.json.decode(files("api").joinpath("docs.json").read_bytes())
    return content


def _shown(known: Content, method: str, path: str, operation: Content, spoken: str) -> Content:
    name = operation["operationId"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    titles = _texts()["zh"]["operations"]
    return {
        "id": name,
        "method": method,
        "path": path,
        "title": titles[name] if spoken == "zh" else operation["summary"],
        "about": operation.get("description", ""),
        "roles": sorted(RIGHTS.get(name, ()), key=ROLES.index),
        "parameters": [each for each in operation["parameters"] if each["in"] != "path"],
        "fields": _fields(known, body) if body else [],
        "statuses": sorted(operation["responses"]),
        "curl": _curl(known, method, path, operation, body),
    }


def _resolved(known: Content, schema: Content) -> Content:
    """A schema itself, where it is only referred to."""
    for part in (schema, *schema.get("allOf", ()), *schema.get("anyOf", ())):
        if "$ref" in part:
            found: Content = known["components"]["schemas"][part["$ref"].rpartition("/")[2]]
            return found
    return schema


def _fields(known: Content, schema: Content, prefix: str = "") -> list[Content]:
    """The fields of a body, those of its parts below them."""
    resolved = _resolved(known, schema)
    rows = []
    for name, field in resolved.get("properties", {}).items():
        inner = _resolved(known, field.get("items", field))
        rows.append(
            {
                "name": prefix + name,
                "type": _type(field),
                "required": name in resolved.get("required", ()),
                "about": field.get("description", ""),
                "enum": [value for value in field.get("enum", ()) if value is not None],
            }
        )
        if "properties" in inner:
            rows += _fields(known, inner, f"{prefix}{name}.")
    return rows


def _type(field: Content) -> str:
    kind = field.get("format") or field.get("type", "object")
    return " | ".join(kind) if isinstance(kind, list) else str(kind)


def _curl(known: Content, method: str, path: str, operation: Content, body: Content | None) -> str:
    """A command line that can be tried."""
    address = path
    for name in IDS:
        address = address.replace(f"{{{name}}}", "$" + name.removesuffix("_id").upper())
    address = address.replace("{one}", "$PERSON").replace("{other}", "$OTHER")
    samples = {
        "unit": "410105",
        "code": "EDU-COMP",
        "entry": "4",
        "version": "2013.1",
        "bureau": "EDUB",
        "area": "EDU",
        "scope": "survey",
        "kind": "services",
        "year": "2013",
    }
    for name, sample in samples.items():
        address = address.replace(f"{{{name}}}", sample)
    if "text/csv" in operation.get("requestBody", {}).get("content", {}):
        address += "?kind=services"
    verb = f" -X {method}" if method in ("PUT", "DELETE") else ""
    lines = [f'curl -s{verb} "$API{address}" -H "Authorization: Bearer $TOKEN"']
    headers = {each["name"] for each in operation["parameters"] if each["in"] == "header"}
    if "Idempotency-Key" in headers:
        lines.append("-H 'Idempotency-Key: '$(uuidgen)")
    if "If-Match" in headers:
        lines.append("-H 'If-Match: \"1\"'")
    if "?kind=" in address:
        lines.append("-H 'Content-Type: text/csv' --data-binary @services.csv")
    if body is not None:
        example = json.dumps(_example(known, body), ensure_ascii=False)
        lines.append(f"-H 'Content-Type: application/json' -d '{example}'")
    return " \\\n  ".join(lines)


def _example(known: Content, schema: Content, name: str = "") -> Any:
    """A value that fits a schema: of an object, the fields that it needs."""
    resolved = _resolved(known, schema)
    if "enum" in resolved:
        return "head" if "head" in resolved["enum"] else resolved["enum"][0]
    kind = resolved.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    match kind:
        case "array":
            return [_example(known, resolved["items"], name)]
        case "boolean":
            return True
        case "integer":
            return 1
        case "string":
            return SAMPLES.get(resolved.get("format", "")) or SAMPLE_TEXTS.get(name, name)
    needed = resolved.get("required", ())
    return {
        each: _example(known, field, each) for each, field in resolved.get("properties", {}).items() if each in needed
    }
