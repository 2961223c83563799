"""The application: what happens to every request before and after its view."""

from __future__ import annotations

import logging
import re
from time import perf_counter
from typing import Any
from uuid import UUID

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask, Response, current_app, g, request

from api import (
    auth,
    catalogue,
    docs,
    employments,
    errors,
    feeds,
    health,
    households,
    members,
    needs,
    policies,
    services,
    units,
)
from api.bearer import Bearer
from api.body import MOST_BYTES
from api.resource import refuse_unknown_parameters
from api.schemas import Problem
from casework.application import Casework
from casework.config import Settings
from casework.domain.ids import uuid7

RESOURCES = (households, members, employments, needs, services, units, feeds, catalogue, policies)

access_log = logging.getLogger("casework.api.access")
_REQUEST_ID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


class Api(flask_smorest.Api):
    """flask-smorest's documentation, with errors and pages of our own."""

    ERROR_SCHEMA = Problem
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_responses(self) -> None:
        self.DEFAULT_RESPONSE_CONTENT_TYPE = errors.MEDIA_TYPE
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE

    def _register_doc_blueprint(self) -> None:
        """The document and the page are served by ``api.docs``."""

    def _register_error_handlers(self) -> None:
        """Errors become HTTP in ``api.errors`` alone."""


def create_app(*, casework: Casework, settings: Settings) -> Flask:
    """Return the application on an open log. It keeps nothing of its own: what it is given, its maker closes."""
    app = Flask("api", static_folder=None)
    app.url_map.strict_slashes = False
    app.config.update(MAX_CONTENT_LENGTH=MOST_BYTES, API_TITLE="casework", API_VERSION="v1", OPENAPI_VERSION="3.1.0")
    app.extensions.update(casework=casework, settings=settings, bearer=Bearer(settings))
    errors.register(app)
    app.before_request(_begin)
    app.after_request(_end)
    app.register_blueprint(health.bp)
    app.register_blueprint(docs.bp)
    naming = {"marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=docs.schema_name)}
    api = Api(app, spec_kwargs={**docs.ABOUT, **naming})
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    for resource in RESOURCES:
        api.register_blueprint(resource.bp)
    app.extensions["openapi"] = docs.document(api.spec)
    app.extensions["parameters"] = docs.parameters(app.extensions["openapi"])
    return app


def _begin() -> None:
    """Give the request an id, find out who makes it, and whether they may."""
    g.started = perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = UUID(given) if _REQUEST_ID.fullmatch(given) else uuid7()
    endpoint = request.endpoint
    if endpoint is None or endpoint in auth.PUBLIC or request.method == "OPTIONS":
        return
    bearer: Bearer = _extension("bearer")
    g.principal = bearer.principal(request.headers.get("Authorization"))
    g.role = auth.authorise(g.principal, endpoint)
    if request.query_string:
        refuse_unknown_parameters(_extension("parameters").get(endpoint, frozenset()))


def _end(response: Response) -> Response:
    """Name the request in the answer, keep answers out of shared caches, and log: ids and codes, nothing else."""
    response.headers["X-Request-Id"] = str(g.request_id)
    if "principal" in g:
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Authorization, Accept-Language"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if access_log.isEnabledFor(logging.INFO):
        access_log.info("request", extra={"fields": _logged(response)})
    return response


def _logged(response: Response) -> dict[str, Any]:
    told: dict[str, Any] = {
        "request_id": g.request_id,
        "method": request.method if request.url_rule else None,
        "route": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
        "ms": round((perf_counter() - g.started) * 1000, 2),
    }
    for name, value in (request.view_args or {}).items():
        if isinstance(value, UUID):
            told[name] = value
    if "role" in g:
        told |= {"actor": g.principal.sub, "role": g.role}
    for name in ("position", "problem"):
        if name in g:
            told[name] = g.get(name)
    return told


def _extension(name: str) -> Any:
    return current_app.extensions[name]
