"""A log of the test's own: a pool as the application has it, a recorder on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from casework.log.pool import Pool, open_pool
from casework.log.recorder import LogRecorder
from tests.log.given import Db


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    """Connections that may do what the application may."""
    with open_pool(database_url, min_size=2, max_size=8) as pool:
        yield pool


@pytest.fixture
def recorder(pool: Pool) -> LogRecorder:
    return LogRecorder(pool)


@pytest.fixture
def db(pool: Pool) -> Iterator[Db]:
    """One connection as the application's are."""
    with pool.connection() as db:
        yield db
