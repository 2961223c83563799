"""The application: what happens to every request before and after its view."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from time import perf_counter
from typing import Any
from uuid import UUID

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask, Request, Response, current_app, g, request
from flask.sessions import NullSession, SessionInterface, SessionMixin

from api import (
    auth,
    catalogue,
    comparisons,
    docs,
    duplicates,
    employments,
    errors,
    exports,
    feeds,
    grants,
    health,
    households,
    imports,
    jobs,
    members,
    metrics,
    needs,
    nominations,
    policies,
    privacy,
    regrouping,
    rounds,
    services,
    subscriptions,
    transfers,
    units,
    webhooks,
    worklist,
)
from api.bearer import Bearer
from api.body import MOST_BYTES
from api.freshness import places_to_wait
from api.logs import log_request
from api.own_ids import read_own_ids
from api.resource import refuse_unknown_parameters
from api.schemas import Problem
from casework.application import Casework
from casework.config import Settings
from casework.domain.ids import uuid7
from casework.streams.feeds import Feeds

RESOURCES = (
    households, regrouping, members, privacy, employments, needs, services, worklist, units, duplicates, jobs, feeds,
    catalogue, policies, imports, exports, transfers, grants, rounds, nominations, comparisons, subscriptions, webhooks,
)  # fmt: skip

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


class App(Flask):
    """Flask without asking, at every layer of every view, whether it is a coroutine: none is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the view as it is."""
        return func


class NoSessions(SessionInterface):
    """Nothing is kept between requests: a token says it all."""

    def open_session(self, app: Flask, request: Request) -> None:
        """Keep nothing."""

    def is_null_session(self, obj: object) -> bool:
        """Every session is none."""
        return True

    def make_null_session(self, app: Flask) -> NullSession:
        """One that cannot be written to."""
        return _NO_SESSION

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Keep nothing."""


_NO_SESSION = NullSession()


def create_app(*, casework: Casework, settings: Settings) -> Flask:
    """Return the application on an open log. It keeps nothing of its own: what it is given, its maker closes."""
    app = App("api", static_folder=None)
    app.session_interface = NoSessions()
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.config.update(MAX_CONTENT_LENGTH=MOST_BYTES, API_TITLE="casework", API_VERSION="v1", OPENAPI_VERSION="3.1.0")
    app.extensions.update(casework=casework, settings=settings, bearer=Bearer(settings))
    app.extensions["feeds"] = Feeds(casework)
    app.extensions["waiting"] = places_to_wait(settings.api_threads)
    errors.register(app)
    app.before_request(_begin)
    app.after_request(_end)
    app.register_blueprint(health.bp)
    app.register_blueprint(metrics.bp)
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
    here, asked = _behind(g), _behind(request)
    here.started = perf_counter()
    given = asked.headers.get("X-Request-Id")
    here.request_id = UUID(given) if given and _REQUEST_ID.fullmatch(given) else uuid7()
    endpoint = asked.endpoint
    if endpoint is None or endpoint in auth.PUBLIC or asked.method == "OPTIONS":
        return
    app = _behind(current_app)
    here.principal = app.extensions["bearer"].principal(asked.headers.get("Authorization"))
    here.role = auth.authorise(here.principal, endpoint)
    read_own_ids()
    if asked.query_string:
        refuse_unknown_parameters(app.extensions["parameters"].get(endpoint, frozenset()))


def _end(response: Response) -> Response:
    """Name the request in the answer, keep answers out of shared caches, and log: ids and codes, nothing else."""
    here = _behind(g)
    headers = response.headers
    headers.add("X-Request-Id", str(here.request_id))
    headers.add("X-Content-Type-Options", "nosniff")
    if "principal" in here:
        headers.add("Cache-Control", "private, no-cache")
        headers.add("Vary", "Authorization, Accept-Language")
    if access_log.isEnabledFor(logging.INFO):
        log_request(_logged(here, _behind(request), response))
    return response


def _logged(here: Any, asked: Request, response: Response) -> dict[str, Any]:
    rule = asked.url_rule
    told: dict[str, Any] = {
        "request_id": here.request_id,
        "method": asked.method if rule is not None else None,
        "route": rule.rule if rule is not None else None,
        "status": response.status_code,
        "ms": round((perf_counter() - here.started) * 1000, 2),
    }
    for name, value in (asked.view_args or {}).items():
        if isinstance(value, UUID):
            told[name] = value
    if "role" in here:
        told["actor"], told["role"] = here.principal.sub, here.role
    for name in ("position", "problem"):
        if name in here:
            told[name] = here.get(name)
    return told


def _behind(proxy: Any) -> Any:
    """What stands behind one of Flask's names in this request: each use of the name looks for it again."""
    return proxy._get_current_object()
