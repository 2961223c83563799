"""The application on a real log, for what disclosure asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from casework.application import Casework
from tests.given import casework_on


@pytest.fixture(scope="module")
def casework(new_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Casework]:
    """The application on a fresh log that the tests of a module share."""
    with new_database() as url:
        yield from casework_on(url, Path(tmp_path_factory.mktemp("streams")) / "keys")
