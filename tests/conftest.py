"""Servers for the tests that need them: the embedded ones, or those that the environment names.

``CASEWORK_DATABASE_URL`` and ``CASEWORK_REDIS_URL`` name other servers; the first with a superuser's login.
A test that asks for no server starts none. Where tests run in several processes each has embedded servers of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import redis
from psycopg import sql

from casework.local import Servers, local_servers

if TYPE_CHECKING:
    from tests.projections.simulated import Simulated

NAMED = ("CASEWORK_DATABASE_URL", "CASEWORK_REDIS_URL")

NewDatabase = Callable[[], AbstractContextManager[str]]


def pytest_xdist_auto_num_workers() -> int | None:
    """Run tests one after the other where servers are named: several processes would empty each other's databases."""
    return 0 if any(map(os.environ.get, NAMED)) else None


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder that the servers' user can pass into, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="casework-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """The two servers of this run."""
    named = Servers(*(os.environ.get(name, "") for name in NAMED))
    with ExitStack() as running:
        if all(named):
            yield named
        else:
            folder = request.getfixturevalue("server_folder") / "session"
            embedded = running.enter_context(local_servers(folder, fast=True))
            yield Servers(*(theirs or ours for theirs, ours in zip(named, embedded, strict=True)))


@contextmanager
def database(server_url: str, template: str = "template0") -> Iterator[str]:
    """Create a database, hand over its address, and drop it."""
    name = f"casework_test_{uuid4().hex}"
    create = "CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' LOCALE 'C'"
    execute(server_url, create, name, template)
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        execute(server_url, "DROP DATABASE {} WITH (FORCE)", name)


def execute(server_url: str, statement: LiteralString, *names: str) -> None:
    """Run one statement that names databases."""
    with psycopg.connect(server_url, autocommit=True) as db:
        db.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="session")
def empty_database(servers: Servers) -> NewDatabase:
    """Make a database without any schema, for tests of the migrations: ``with empty_database() as url``."""
    return lambda: database(servers.database_url)


@pytest.fixture(scope="session")
def new_database(servers: Servers, empty_database: NewDatabase) -> Iterator[NewDatabase]:
    """Make a migrated database, for fixtures that live longer than a test: ``with new_database() as url``."""
    from casework.log.migrations import migrate

    with empty_database() as template:
        migrate(template)
        name = urlsplit(template).path.removeprefix("/")
        yield lambda: database(servers.database_url, name)


@pytest.fixture
def database_url(new_database: NewDatabase) -> Iterator[str]:
    """The address of a migrated database that is this test's own."""
    with new_database() as url:
        yield url


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the server's superuser."""
    with psycopg.connect(database_url, autocommit=True) as db:
        yield db


@pytest.fixture
def log(database_url: str) -> Iterator[Simulated]:
    """An empty synthetic log with one live view set, and an engine that keeps it current."""
    from tests.projections.simulated import simulated

    with simulated(database_url) as log:
        yield log


@pytest.fixture
def redis_url(servers: Servers) -> Iterator[str]:
    """The address of an empty Redis database that is this test's own; channels are shared by all of them."""
    for number in range(1, 16):
        url = urlsplit(servers.redis_url)._replace(path=f"/{number}").geturl()
        with redis.Redis.from_url(url) as client:
            if client.dbsize() == 0:
                yield url
                client.flushdb()
                return
    raise LookupError("None of the Redis databases 1 to 15 is empty.")
