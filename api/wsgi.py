"""The application for a WSGI server: built in each of its processes, after the fork, with a pool of its own."""

from __future__ import annotations

import atexit

from flask import Flask, Response
from gunicorn.http.errors import ParseException

from api.app import create_app
from api.errors import problem
from api.logs import log_as_json
from api.waking import Waker
from casework.application import Casework
from casework.config import Settings
from casework.domain import catalogue, codes
from casework.domain.policy import load_policy, policy_versions
from casework.garbage import keep_for_good
from casework.wake import Appended, Shown
from casework.wiring import open_casework
from workers.queue import DrainWaker

SPARE_CONNECTIONS = 4


def application(settings: Settings | None = None) -> Flask:
    """Return the application of this process, on the servers that the settings name."""
    chosen = settings or Settings.from_env()
    log_as_json(chosen.log_level)
    waker = Waker(DrainWaker(chosen.redis_url) if chosen.redis_url else lambda partitions: None)
    casework = open_casework(chosen, wake=waker, max_size=chosen.api_threads + SPARE_CONNECTIONS)
    atexit.register(_close, casework, waker)
    _read_ahead(casework)
    app = create_app(casework=casework, settings=chosen)
    app.register_error_handler(ParseException, _malformed_chunks)
    if chosen.redis_url:
        app.extensions["shown"] = Shown(chosen.redis_url)
        app.extensions["appended"] = Appended(chosen.redis_url)
    keep_for_good()
    return app


def _malformed_chunks(error: Exception) -> Response:
    """gunicorn reads a chunked body only as the application asks for it, and refuses it there."""
    return problem("body-malformed")


def _read_ahead(casework: Casework) -> None:
    """Read what the first request would otherwise wait for."""
    catalogue.services(casework.today)
    codes.code_lists()
    codes.unit_facts()
    for version in policy_versions():
        load_policy(version)
    casework.registry()


def _close(casework: Casework, waker: Waker) -> None:
    waker.close()
    casework.close()
    casework.pool.close()
