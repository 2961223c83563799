"""The database's shape: numbered SQL files, each applied once, and the log's birth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from importlib.resources import files
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

OLDEST_SERVER = 15

_LOCK = "SELECT pg_advisory_xact_lock(1128354629, -1)"  # the key's first half is told in 0003_append.sql
_JOURNAL = """
CREATE SCHEMA IF NOT EXISTS casework;
CREATE TABLE IF NOT EXISTS casework.migration (
    name       text        PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)"""


class UnsuitableServer(Exception):
    """The server is too old, or holds a log that does not fit what was asked."""


class Birth(NamedTuple):
    """How this log was born; written once, with the first event at the latest."""

    epoch: int
    synthetic: bool
    created_at: datetime
    until: date | None
    seed: int | None
    details: dict[str, Any]


def migrate(conninfo: str) -> list[str]:
    """Bring the database to this program's schema; return the names of the files applied, in order."""
    with psycopg.connect(conninfo) as db:
        _check_server(db)
        db.execute(_LOCK)
        db.execute(_JOURNAL)
        done = {name for (name,) in db.execute("SELECT name FROM casework.migration")}
        return [_apply(db, name, script) for name, script in _scripts() if name not in done]


def pending(db: psycopg.Connection[Any]) -> list[str]:
    """Return the names of the files that were not yet applied (all of them in an empty database)."""
    row = db.execute("SELECT to_regclass('casework.migration') IS NULL").fetchone()
    done = set()
    if row is not None and not row[0]:
        done = {name for (name,) in db.execute("SELECT name FROM casework.migration")}
    return [name for name, _ in _scripts() if name not in done]


def birth(
    conninfo: str,
    *,
    synthetic: bool = False,
    until: date | None = None,
    seed: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> Birth:
    """Let the log be born as it is said here, unless it was born before; return how it was born.

    Raises :class:`UnsuitableServer` where a synthetic log is asked for and this one is real.
    """
    with psycopg.connect(conninfo) as db:
        db.execute(
            "INSERT INTO casework.log_birth (synthetic, until, seed, details) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            (synthetic, until, seed, Jsonb(dict(details or {}))),
        )
        born = read_birth(db)
    assert born is not None
    if synthetic and not born.synthetic:
        raise UnsuitableServer("This log is real: no simulated events may be added to it.")
    return born


def read_birth(db: psycopg.Connection[Any]) -> Birth | None:
    """Return how the log was born, or None before that."""
    with db.cursor(row_factory=class_row(Birth)) as cursor:
        cursor.execute("SELECT epoch, synthetic, created_at, until, seed, details FROM casework.log_birth")
        return cursor.fetchone()


def epoch_of(db: psycopg.Connection[Any]) -> int:
    """Return the epoch that the log's positions belong to; a restore opens another one."""
    born = read_birth(db)
    return born.epoch if born is not None else 1


def _check_server(db: psycopg.Connection[Any]) -> None:
    if db.info.server_version < OLDEST_SERVER * 10_000:
        raise UnsuitableServer(f"PostgreSQL {OLDEST_SERVER} or later is needed.")


def _scripts() -> Iterator[tuple[str, bytes]]:
    folder = files("casework.log").joinpath("schema")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            yield file.name, file.read_bytes()


def _apply(db: psycopg.Connection[Any], name: str, script: bytes) -> str:
    db.execute(script)
    db.execute("INSERT INTO casework.migration (name) VALUES (%s)", (name,))
    return name
