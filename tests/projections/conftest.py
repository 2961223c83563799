"""A synthetic log with views, of one test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.projections.simulated import Simulated, simulated


@pytest.fixture
def log(database_url: str) -> Iterator[Simulated]:
    """An empty log with one live view set, and an engine that keeps it current."""
    with simulated(database_url) as log:
        yield log
