"""The API on a real log, with real tokens, and a client that speaks JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from stdnum.cn.ric import calc_check_digit

from api.app import create_app
from casework.application import Casework
from casework.config import Settings
from casework.projections.engine import Engine
from casework.projections.sets import ensure_live
from casework.tokens import make_token
from casework.wiring import open_ledger
from tests.given import COMMUNITY, casework_on

Headers = dict[str, str]


class Answer(NamedTuple):
    """What came back: its status, JSON and headers."""

    status: int
    json: Any
    headers: Headers
    text: str
    data: bytes = b""


class Desk:
    """A client of the API in one role. Commands get a key of their own, unless one is given."""

    def __init__(self, client: FlaskClient, token: str | None) -> None:
        self.client = client
        self.token = token

    def get(self, path: str, **headers: str) -> Answer:
        """Read."""
        return self._answer(self.client.get(path, headers=self._headers(headers)))

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """Give a command."""
        headers.setdefault("Idempotency_Key", uuid4().hex)
        return self._answer(self.client.post(path, json=body, headers=self._headers(headers)))

    def put(self, path: str, body: Any, **headers: str) -> Answer:
        """Put a decision."""
        return self._answer(self.client.put(path, json=body, headers=self._headers(headers)))

    def ask(self, method: str, path: str) -> Answer:
        """Read, end something, or give a command without a body."""
        if method == "DELETE":
            return self._answer(self.client.delete(path, headers=self._headers({})))
        if method == "PUT":
            return self.put(path, {})
        return self.get(path) if method == "GET" else self.post(path, {})

    def send(self, path: str, body: bytes, content_type: str = "application/json", **headers: str) -> Answer:
        """Send bytes as they are."""
        headers.setdefault("Idempotency_Key", uuid4().hex)
        given = self._headers(headers) | {"Content-Type": content_type}
        return self._answer(self.client.post(path, data=body, headers=given))

    def edit(self, household: str, path: str, body: Any, **headers: str) -> Answer:
        """Give a command to a household as it is now."""
        seen = self.get(f"/v1/households/{household}").headers["ETag"]
        return self.post(f"/v1/households/{household}/{path}", body, **{"If_Match": seen, **headers})

    def _headers(self, given: Headers) -> Headers:
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return bearer | {name.replace("_", "-"): value for name, value in given.items()}

    def _answer(self, response: Any) -> Answer:
        content = response.get_json(silent=True) if response.is_json or "problem" in (response.mimetype or "") else None
        data = response.get_data()
        return Answer(response.status_code, content, dict(response.headers), data.decode(errors="replace"), data)


DeskOf = Callable[..., Desk]


@pytest.fixture(scope="session")
def signing_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with keys that the tests share."""
    return tmp_path_factory.mktemp("api") / "keys"


@pytest.fixture(scope="session")
def settings(signing_dir: Path) -> Settings:
    """Settings as of a fresh installation, without Redis."""
    environ = {"CASEWORK_DATA_DIR": str(signing_dir.parent), "CASEWORK_KEYS_DIR": str(signing_dir)}
    return Settings.from_env(environ)


@pytest.fixture(scope="module")
def casework(new_database: Any, settings: Settings) -> Iterator[Casework]:
    """The application on a fresh log that the tests of a module share, with a live view set."""
    with new_database() as url:
        generator = casework_on(url, settings.keys_dir)
        opened = next(generator)
        opened.ledger = open_ledger(settings, opened.pool)
        with opened.pool.connection() as db:
            ensure_live(db)
        yield opened
        next(generator, None)


@pytest.fixture(scope="module")
def app(casework: Casework, settings: Settings) -> Flask:
    """The WSGI application."""
    return create_app(casework=casework, settings=settings)


@pytest.fixture(scope="module")
def desk(app: Flask, settings: Settings) -> DeskOf:
    """Make a client: ``desk("caseworker", divisions=["410105"])``."""

    @cache
    def token(role: str, claims: tuple[tuple[str, Any], ...]) -> str:
        return make_token(settings, role=role, **{"sub": f"{role}-1", **dict(claims)})

    def make(role: str | None = "caseworker", **claims: Any) -> Desk:
        frozen = tuple(sorted((k, tuple(v) if isinstance(v, list) else v) for k, v in claims.items()))
        return Desk(app.test_client(), token(role, frozen) if role else None)

    return make


@pytest.fixture
def drain(casework: Casework) -> Callable[[], None]:
    """Bring the views to the head of the log, on the day of the tests."""
    engine = Engine(casework.pool, today=lambda: casework.today)

    def run() -> None:
        while engine.drain():
            pass

    return run


def arrival(name: str = "王芳", community: str = COMMUNITY, **more: Any) -> dict[str, Any]:
    """The body that registers a woman who arrived alone."""
    member = {"relation": "head", "sex": "female", "born_on": "1990-05-17", "name": name, "migrant": True}
    return {"arrived_on": "2013-01-05", "community": community, "members": [{**member, **more}]}


def id_number(birth: str, sequence: str) -> str:
    """A made-up ID number of a person born on ``YYYYMMDD``."""
    digits = f"419999{birth}{sequence}"
    return digits + str(calc_check_digit(f"{digits}?"))


def arrived(desk: Desk, *args: Any, **more: Any) -> str:
    """Register somebody; return the household's id."""
    answer = desk.post("/v1/households", arrival(*args, **more))
    assert answer.status == 201, answer.text
    return str(answer.json["id"])
