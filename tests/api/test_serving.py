"""The API as it is really served: processes behind gunicorn, on real servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
import redis

from casework import wiring
from casework.config import Settings
from casework.projections.sets import ensure_live
from casework.tokens import make_token
from casework.wake import Wake
from tests.api.conftest import arrival
from tests.given import by

ROOT = Path(__file__).parents[2]


@pytest.fixture
def served(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a server on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    return {
        **os.environ,
        "CASEWORK_DATABASE_URL": database_url,
        "CASEWORK_REDIS_URL": redis_url,
        "CASEWORK_DATA_DIR": str(tmp_path),
        "CASEWORK_API_PORT": port,
        "PYTHONPATH": str(ROOT),
    }


def test_it_answers_wakes_the_workers_and_leaves_in_good_order(served: dict[str, str]):
    settings = Settings.from_env(served)
    prepare(settings)
    with redis.Redis.from_url(settings.redis_url or "") as listener, listener.pubsub() as hints:
        hints.subscribe(Wake(settings.redis_url or "").channel)
        assert hints.get_message(timeout=10) is not None
        with running(served) as program:
            status = register(settings)
            hint = hints.get_message(timeout=10)

            said = ended(program)

    assert status == 201
    assert hint is not None
    assert program.returncode == 0
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert [(line["route"], line["status"]) for line in lines if line.get("route")] == [("/v1/households", 201)]


def test_a_commit_that_no_drain_hears_of_asks_for_one(served: dict[str, str]):
    settings = Settings.from_env(served)
    prepare(settings)
    with running(served) as program, redis.Redis.from_url(settings.redis_url or "") as queue:
        for number in range(20):  # a hint may be lost: none may hold up a request
            register(settings, str(number))
            if queue.llen("rq:queue:drains"):
                break
        ended(program)
        assert queue.llen("rq:queue:drains") == 1


@contextmanager
def running(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The server, as soon as it listens."""
    command = [sys.executable, "-m", "api.serve"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        assert any("Listening at" in line for line in program.stderr)
        yield program


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
    body = {**arrival(), "arrived_on": wiring_day(settings)}
    headers = {
        "Authorization": f"Bearer {make_token(settings, role='caseworker')}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    connection = HTTPConnection("127.0.0.1", settings.api_port, timeout=30)
    connection.request("POST", "/v1/households", json.dumps(body), headers)
    status = connection.getresponse().status
    connection.close()
    return status


def wiring_day(settings: Settings) -> str:
    """The first of this month, from which the community is there."""
    with wiring.closing_casework(settings) as casework:
        return casework.today.replace(day=1).isoformat()
