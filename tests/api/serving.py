"""The API as it is really served: processes behind gunicorn, on real servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from casework import wiring
from casework.config import Settings
from casework.projections.sets import ensure_live
from casework.tokens import make_token
from tests.api.conftest import arrival
from tests.given import by

ROOT = Path(__file__).parents[2]


def environment_on(database_url: str, redis_url: str, folder: Path) -> dict[str, str]:
    """The environment of a server on a free port."""
    with socket.socket() as probe, socket.socket() as other:
        for each in (probe, other):
            each.bind(("127.0.0.1", 0))
        port, streams = (str(each.getsockname()[1]) for each in (probe, other))
    return {
        **os.environ,
        "CASEWORK_DATABASE_URL": database_url,
        "CASEWORK_REDIS_URL": redis_url,
        "CASEWORK_DATA_DIR": str(folder),
        "CASEWORK_API_PORT": port,
        "CASEWORK_STREAMS_PORT": streams,
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def running(environment: dict[str, str], module: str = "api.serve") -> Iterator[subprocess.Popen[str]]:
    """The server, as soon as it listens."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        assert any("Listening at" in line for line in program.stderr)
        try:
            yield program
        finally:
            program.terminate()


def ended(program: subprocess.Popen[str]) -> str:
    """Ask the server to end, and return what it said since it listened."""
    program.send_signal(signal.SIGTERM)
    return program.communicate(timeout=30)[1]


def prepare(settings: Settings) -> None:
    wiring.prepare(settings)
    with wiring.closing_casework(settings) as casework:
        with casework.pool.connection() as db:
            ensure_live(db)
        casework.register_unit(
            by("operator"),
            registered_on=casework.today.replace(day=1),
            code="410105001001",
            kind="community",
            name_zh="社区",
        )


def register(settings: Settings, key: str = "first") -> int:
    """Register a household; the answer's status."""
    return answered(settings, key)[0]


def answered(settings: Settings, key: str = "first", **member: Any) -> tuple[int, Any]:
    """Register a household of somebody, always as the same caseworker; the answer's status and JSON."""
    body = {**arrival(**member), "arrived_on": wiring_day(settings)}
    headers = {
        "Authorization": f"Bearer {make_token(settings, role='caseworker', sub='caseworker-1')}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    with closing(HTTPConnection("127.0.0.1", settings.api_port, timeout=30)) as connection:
        connection.request("POST", "/v1/households", json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.load(response)


def wiring_day(settings: Settings) -> str:
    """The first of this month, from which the community is there."""
    with wiring.closing_casework(settings) as casework:
        return casework.today.replace(day=1).isoformat()
