"""Folders for servers that these tests start themselves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def home(server_folder: Path) -> Path:
    """One folder of servers for all these tests: each finds what the one before it left."""
    return server_folder / "servers"


@pytest.fixture
def empty_home(server_folder: Path) -> Iterator[Path]:
    """A folder where no server has ever been started, with a name that wants quoting."""
    folder = server_folder / "somebody's new one"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
