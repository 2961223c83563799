"""The application under a login that is nothing but a member of its role: all of it works, and no way leads further."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from api.app import create_app
from casework.application import Casework
from casework.config import Settings
from casework.log.migrations import migrate
from casework.projections.engine import Engine
from casework.projections.sets import ensure_live
from casework.tokens import make_token
from tests.api.conftest import Desk, arrival, id_number
from tests.conftest import NewDatabase
from tests.given import OTHER_COMMUNITY, casework_on

HALL = {"service": "COM-HALL", "delivered_on": "2013-02-01"}


@contextmanager
def login(owner_url: str) -> Iterator[str]:
    """A login role that is only a member of casework_app; the address under which it connects."""
    name = f"casework_login_{uuid4().hex[:8]}"
    with psycopg.connect(owner_url, autocommit=True) as db:
        make = "CREATE ROLE {} LOGIN PASSWORD 'secret' NOSUPERUSER NOCREATEDB NOCREATEROLE IN ROLE casework_app"
        db.execute(sql.SQL(make).format(sql.Identifier(name)))
        try:
            address = urlsplit(owner_url)
            yield address._replace(netloc=f"{name}:secret@{address.hostname}:{address.port}").geturl()
        finally:
            db.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture(params=["casework_app", ""])
def casework(request: pytest.FixtureRequest, empty_database: NewDatabase, tmp_path: Path) -> Iterator[Casework]:
    """The application on a log that its owner has migrated, and that it reaches by the low login."""
    with empty_database() as owner_url:
        migrate(owner_url)
        with login(owner_url) as url:
            yield from casework_on(url, tmp_path / "keys", role=request.param)


@pytest.fixture
def clerk(casework: Casework, settings: Settings) -> Desk:
    """Somebody at a desk, with views that are live."""
    with casework.pool.connection() as db:
        ensure_live(db)
    app = create_app(casework=casework, settings=settings)
    return Desk(app.test_client(), make_token(settings, role="supervisor", sub="supervisor-1", purpose="visit"))


def test_the_whole_path_of_the_interface_works(clerk: Desk, casework: Casework):
    spouse = {"relation": "spouse", "sex": "male", "born_on": "1989-01-01", "name": "李明", "migrant": True}
    body = arrival(id_number=id_number("19900517", "002"))
    body["members"].append(spouse)
    home = clerk.post("/v1/households", body).json
    target = clerk.post("/v1/households", arrival("赵敏")).json["id"]
    head, leaver = home["events"][0]["person_ids"]

    given = [
        clerk.edit(home["id"], "deliveries", HALL),
        clerk.edit(home["id"], f"members/{head}/facts", _phone()),
        clerk.edit(home["id"], f"members/{leaver}/departures", _leaving(target)),
        clerk.edit(home["id"], "moves", {"moved_on": "2013-04-01", "to_community": OTHER_COMMUNITY}),
        clerk.edit(target, "closings", {"closed_on": "2013-05-01", "reason": "left_city"}),
    ]
    engine = Engine(casework.pool, today=lambda: casework.today)
    while engine.drain():
        pass

    assert [answer.status for answer in given] == [201, 200, 200, 200, 200]
    read = [
        f"/v1/households/{home['id']}",
        f"/v1/households/{home['id']}/timeline",
        "/v1/households?limit=5",
        "/v1/units?kind=community",
        f"/v1/units/{OTHER_COMMUNITY}/figures",
    ]
    assert [clerk.get(path).status for path in read] == [200] * len(read)
    assert len(clerk.get("/v1/households").json["items"]) == 2
    found = clerk.post("/v1/households/search", {"id_number": id_number("19900517", "002")})
    assert [match["household_id"] for match in found.json["items"]] == [home["id"]]
    assert clerk.get(f"/v1/units/{OTHER_COMMUNITY}/figures?as_of=2013-06-01").status == 202


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE casework.events SET meta = ''",
        "ALTER TABLE casework.events DISABLE TRIGGER ALL",
        "CREATE SCHEMA mine",
        "CREATE TABLE public.mine ()",
        "CREATE TEMP TABLE mine ()",
        "CREATE DOMAIN pg_temp.uuid AS pg_catalog.uuid",
        "DROP SCHEMA view_1 CASCADE",
        "INSERT INTO casework.migration (name) VALUES ('x')",
    ],
)
def test_no_way_leads_back_to_the_owner(clerk: Desk, casework: Casework, statement: str):
    with casework.pool.connection() as db:
        for step in ("SET ROLE NONE", "RESET ROLE", "RESET SESSION AUTHORIZATION"):
            db.execute(step)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(statement)
        for (role,) in db.execute("SELECT rolname FROM pg_roles WHERE rolsuper OR rolname = 'pg_write_all_data'"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))


def _phone() -> dict[str, Any]:
    return {"recorded_on": "2013-02-02", "profile": {"phone": "13812345678"}}


def _leaving(target: str) -> dict[str, Any]:
    return {"left_on": "2013-03-01", "reason": "other_household", "to_household": target}
