"""Rows 3 and 8: PostgreSQL goes away, comes back, or is too slow for a while."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import psycopg
import pytest

from casework.application import Casework
from casework.log.migrations import migrate
from tests.conftest import database
from tests.faults.amounts import amount, within
from tests.faults.clients import answers_of, working
from tests.faults.invariants import assert_each_once, assert_gapless, assert_views_hold, is_caught_up, watch
from tests.faults.servers import OwnServers
from tests.processes import starting
from tests.projections.simulated import Simulated, simulated

AGAIN_SECONDS = 10
RESTARTS = amount(short=1, long=10)
SLOW_SECONDS = amount(short=1, long=300)

FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT


@pytest.fixture
def log(own: OwnServers) -> Iterator[Simulated]:
    """A log on the server that will be restarted."""
    with database(own.postgres.url) as url:
        migrate(url)
        with simulated(url) as log:
            watch(log, "view_1")
            yield log


@pytest.fixture
def said(log: Simulated, own: OwnServers, tmp_path: Path) -> Iterator[Path]:
    """A worker and a beat; the file holds what they complain of."""
    path = tmp_path / "said"
    with path.open("w") as file, starting(log.url, own.valkey.url) as start:
        for kind in ("beat", "drains"):
            start(kind, stderr=file, CASEWORK_LOG_LEVEL="warning")
        yield path


@pytest.mark.parametrize("way", [FAST, IMMEDIATE])
def test_a_restart_loses_nothing_and_counts_nothing_twice(
    log: Simulated, office: Casework, own: OwnServers, said: Path, way: signal.Signals
):
    with working(office, 8) as clients:
        for _ in range(RESTARTS):
            assert all(client.goes_on(AGAIN_SECONDS) for client in clients)

            own.end(own.postgres, way)
            own.start(own.postgres)

            assert all(client.goes_on(AGAIN_SECONDS) for client in clients)
            assert within(AGAIN_SECONDS, lambda: has_drained_since_its_start(log))

    assert within(AGAIN_SECONDS, lambda: is_caught_up(log))
    assert_each_once(log, answers_of(clients))
    assert_gapless(log)
    assert_views_hold(log)


def has_drained_since_its_start(log: Simulated) -> bool:
    """Whether any view moved after the server had come back."""
    newest = "SELECT max(advanced_at) > pg_postmaster_start_time() FROM view_1.checkpoint"
    return log.as_owner(newest) == [(True,)]


def test_time_outs_park_nothing(log: Simulated, office: Casework, own: OwnServers, said: Path):
    """Statements may take so little time that most are broken off, in turn with a lock that nobody gives up."""
    until = monotonic() + SLOW_SECONDS
    with working(office, 4) as clients:
        while True:
            assert all(client.goes_on(AGAIN_SECONDS) for client in clients)
            with impatient(own):
                assert await_complaint(said, "QueryCanceled")
            with locked(log):
                assert await_complaint(said, "LockNotAvailable")
            assert all(client.goes_on(AGAIN_SECONDS) for client in clients)
            if monotonic() >= until:
                break

    assert within(AGAIN_SECONDS, lambda: is_caught_up(log))
    assert log.as_owner("SELECT household_id, error FROM view_1.parked") == []
    assert log.as_owner("SELECT partition, paused FROM view_1.checkpoint WHERE paused IS NOT NULL") == []
    assert_each_once(log, answers_of(clients))
    assert_views_hold(log)


@contextmanager
def impatient(own: OwnServers) -> Iterator[None]:
    """The server breaks off whatever takes longer than a millisecond."""
    own.configure("ALTER SYSTEM SET statement_timeout = '1ms'")
    yield
    own.configure("ALTER SYSTEM RESET statement_timeout")


@contextmanager
def locked(log: Simulated) -> Iterator[None]:
    """Nobody can write rows of households."""
    with psycopg.connect(log.url) as db:
        db.execute("LOCK TABLE view_1.household IN SHARE MODE")
        yield


def await_complaint(said: Path, word: str) -> bool:
    """Wait until a worker says again that the database did this to it."""
    before = said.read_text().count(word)
    return within(AGAIN_SECONDS, lambda: said.read_text().count(word) > before)
