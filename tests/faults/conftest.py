"""A log whose checkpoints are watched, the commands on it, and processes that work on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from casework.application import Casework
from tests.faults.invariants import watch
from tests.faults.servers import OwnServers, own_servers
from tests.given import casework_on
from tests.processes import Start, starting
from tests.projections.simulated import Simulated


@pytest.fixture(scope="session")
def own(server_folder: Path) -> Iterator[OwnServers]:
    """Servers that may be stopped and starved."""
    with own_servers(server_folder / "faults") as own:
        yield own


@pytest.fixture
def log(log: Simulated) -> Simulated:
    """An empty synthetic log with one live view set, whose checkpoints are watched."""
    watch(log, "view_1")
    return log


@pytest.fixture
def office(log: Simulated, tmp_path: Path) -> Iterator[Casework]:
    """The commands on that log; its clock stands still in 2013."""
    yield from casework_on(log.url, tmp_path / "keys")


@pytest.fixture
def start(log: Simulated, redis_url: str) -> Iterator[Start]:
    """Start one of the processes: ``start("drains", CASEWORK_FAULT=…)``."""
    with starting(log.url, redis_url) as start:
        yield start
