"""The one place that builds everything from the settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from casework.application import Casework
from casework.config import Settings
from casework.local import local_servers
from casework.log.migrations import birth, migrate, read_birth
from casework.log.pool import Pool, open_pool
from casework.privacy.keys import KeyRing
from casework.privacy.ledger import Ledger
from casework.privacy.persons import Persons
from casework.privacy.search import KeyedHashes
from casework.privacy.vault import Vault
from casework.projections.sets import ensure_live


@contextmanager
def with_servers(settings: Settings) -> Iterator[Settings]:
    """Settings that name both servers: those of the environment, or the embedded ones, started where they are not."""
    if settings.database_url and settings.redis_url:
        yield settings
        return
    with local_servers(settings.data_dir) as embedded:
        yield replace(
            settings,
            database_url=settings.database_url or embedded.database_url,
            redis_url=settings.redis_url or embedded.redis_url,
        )


def prepare(settings: Settings, *, synthetic: bool = False) -> list[str]:
    """Bring the database to this program's schema, and let the log be born; return the migrations applied."""
    url = database_url(settings)
    applied = migrate(url)
    KeyRing.open(settings.keys_dir, create=True)
    if not synthetic:  # else the population says how the log is born
        birth(url)
    with closing(open_log(settings)) as pool, pool.connection() as db:
        ensure_live(db)
    return applied


def database_url(settings: Settings) -> str:
    """The database's address, which by now must be known."""
    if settings.database_url is None:
        raise ValueError("The settings name no database yet.")
    return settings.database_url


def open_log(settings: Settings, *, max_size: int = 10) -> Pool:
    """A pool of connections that work as the application's role; to be opened after a fork."""
    return open_pool(database_url(settings), role=settings.database_role, max_size=max_size)


def open_persons(settings: Settings, pool: Pool) -> Persons:
    """The vault and its hashes under this installation's keys."""
    keys = KeyRing.open(settings.keys_dir, create=False)
    vault = Vault(keys)
    with pool.connection() as db:
        vault.bind(db)
        row = db.execute("SELECT synthetic FROM casework.log_birth").fetchone()
    return Persons(vault, KeyedHashes(keys), synthetic=row is not None and bool(row[0]))


def open_ledger(settings: Settings, pool: Pool) -> Ledger | None:
    """The ledger of this log's erasures; none before the log is born."""
    with pool.connection() as db:
        born = read_birth(db)
    return born and Ledger(settings.ledger_dir, settings.keys_dir, born.created_at)


def refuse_while_ahead(settings: Settings, pool: Pool) -> None:
    """Raise where the vault lacks erasures of the ledger; a machine that the ledger does not reach cannot tell."""
    ledger = open_ledger(settings, pool)
    if ledger is not None and ledger.file.exists():
        with pool.connection() as db:
            ledger.check(db)


def open_casework(
    settings: Settings,
    *,
    wake: Callable[[Sequence[int]], None] = lambda partitions: None,
    max_size: int = 10,
    reconciling: bool = False,
) -> Casework:
    """The application on its log; ``wake`` is told which partitions a commit moved.

    Refuses to open a vault that lacks erasures of the ledger, unless it is for ``reconciling`` the two.
    """
    pool = open_log(settings, max_size=max_size)
    try:
        casework = Casework(pool, open_persons(settings, pool), wake=wake)
        casework.ledger = open_ledger(settings, pool)
        if casework.ledger is not None and not reconciling:
            with pool.connection() as db:
                casework.ledger.check(db)
    except BaseException:  # whatever it is goes on, and leaves no connections behind
        pool.close()
        raise
    return casework


@contextmanager
def closing_casework(settings: Settings, *, reconciling: bool = False) -> Iterator[Casework]:
    """The application for as long as it is needed."""
    casework = open_casework(settings, reconciling=reconciling)
    try:
        yield casework
    finally:
        casework.close()
        casework.pool.close()


def environment(settings: Settings) -> dict[str, str]:
    """The environment for programs of ours that work on the same servers."""
    urls = {"CASEWORK_DATABASE_URL": settings.database_url or "", "CASEWORK_REDIS_URL": settings.redis_url or ""}
    return {**os.environ, **urls}


def command_line(module: str, *arguments: str) -> list[str]:
    """How a program of ours is started: by its name, since nothing imports upward."""
    return [sys.executable, "-m", module, *arguments]


def run_program(module: str, settings: Settings, *arguments: str) -> None:
    """Run a program of ours until it ends; signals reach it as they reach us."""
    with subprocess.Popen(command_line(module, *arguments), env=environment(settings)) as program:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: program.send_signal(number))
        status = program.wait()
    if status:
        raise SystemExit(status)
