"""Imports on a real log: files as people send them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from casework.application import Casework
from casework.bulk import files, importing
from casework.bulk.rows import Verdict
from casework.domain.ids import uuid7
from casework.outcome import Context
from tests.api.conftest import id_number
from tests.given import casework_on, person, registered


class Installation(NamedTuple):
    """Where a log and its keys are."""

    url: str
    keys_dir: Path


@pytest.fixture(scope="module")
def installation(new_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A fresh log that the tests of a module share."""
    with new_database() as url:
        yield Installation(url, tmp_path_factory.mktemp("bulk") / "keys")


@pytest.fixture(scope="module")
def casework(installation: Installation) -> Iterator[Casework]:
    """The application on that log."""
    yield from casework_on(*installation)


@pytest.fixture(scope="module")
def people(casework: Casework) -> dict[str, UUID]:
    """Thirty households, by the ID number of the man in each."""
    numbers = [id_number("19800302", f"{number:03d}") for number in range(1, 61, 2)]
    return {number: registered(casework, person(id_number=number)).id for number in numbers}


class Clerk:
    """Somebody who uploads files."""

    def __init__(self, casework: Casework) -> None:
        self.casework = casework

    def uploads(self, kind: str, content: str | bytes, **more: Any) -> UUID:
        """Upload a file; return the import's id."""
        raw = content.encode() if isinstance(content, str) else content
        file = {
            "id": uuid7(),
            "kind": kind,
            "media": "csv",
            "digest": b"",
            "actor": "clerk-1",
            "role": "supervisor",
            "bureau": None,
            "unit": None,
            "divisions": ["4101"],
            "source": "import",
            "close_feed": None,
            "atomic": "row",
            **more,
        }
        with self.casework.pool.connection() as db:
            return files.add(db, self.casework.persons.vault, file, raw).id

    def context(self) -> Context:
        """Somebody at the desk meanwhile."""
        return Context(actor="desk-1", role="caseworker")

    def runs(self, id: UUID, stage: str) -> dict[int, Verdict]:
        """Validate or commit; return what came of each row."""
        importing.run(self.casework, id, stage, lambda done, total: None)
        with self.casework.pool.connection() as db:
            return {verdict.row: verdict for verdict in files.verdicts(db, id, stage)}


@pytest.fixture
def clerk(casework: Casework) -> Clerk:
    """Somebody who uploads files."""
    return Clerk(casework)
