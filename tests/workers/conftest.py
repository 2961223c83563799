"""Worker processes on a synthetic log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes import Start, starting
from tests.projections.simulated import Simulated


@pytest.fixture
def start(log: Simulated, redis_url: str) -> Iterator[Start]:
    """Start one of the processes: ``start("drains", CASEWORK_FAULT=…)``."""
    with starting(log.url, redis_url) as start:
        yield start
