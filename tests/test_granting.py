"""Grants on the operator's command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from casework.cli import main
from tests.given import casework_on

EXTENT: dict[str, Any] = {
    "areas": ["EDU"],
    "divisions": ["410105"],
    "types": ["household.service-granted.v1"],
    "fields": {"person_id": "keep", "evidence.grade": "keep"},
    "from": "2013-01-01",
}
DOCUMENT = {"name": "edub-schools", "bureau": "EDUB", "purpose": "service", "legal_basis": "statutory_duty", **EXTENT}


@pytest.fixture
def installation(new_database: Any, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a log with some units."""
    with new_database() as url:
        for _ in casework_on(url, tmp_path / "keys"):
            pass  # it is closed again: the command opens its own
        yield {
            "CASEWORK_DATABASE_URL": url,
            "CASEWORK_REDIS_URL": "redis://127.0.0.1:1/0",
            "CASEWORK_DATA_DIR": str(tmp_path),
            "CASEWORK_KEYS_DIR": str(tmp_path / "keys"),
        }


def run(installation: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, ["grant", *arguments], env=installation)


def file(folder: Path, content: Any) -> str:
    path = folder / "grant.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_a_grant_is_issued_narrowed_and_revoked(installation: dict[str, str], tmp_path: Path):
    issued = [run(installation, "issue", file(tmp_path, DOCUMENT)) for _ in range(2)]
    narrowed = run(installation, "narrow", "edub-schools", file(tmp_path, {**EXTENT, "fields": {}}))
    wider = run(installation, "narrow", "edub-schools", file(tmp_path, EXTENT))
    listed = run(installation, "list", "--json")
    revoked = run(installation, "revoke", "edub-schools", "--reason", "misuse")
    after = run(installation, "list")

    assert [each.output.strip() for each in issued] == [
        "grant edub-schools is issued",
        "grant edub-schools was issued already",
    ]
    assert narrowed.output.strip() == "grant edub-schools is narrowed"
    assert (wider.exit_code, "new grant" in wider.output) == (1, True)
    [told] = map(json.loads, listed.output.splitlines())
    assert (told["policy"], told["in_force"], told["extent"]["fields"]) == ("edub-schools.2", True, {})
    assert revoked.output.strip() == "grant edub-schools is revoked"
    assert after.output.split()[0] == "edub-schools.3"
    assert after.output.strip().endswith("revoked")


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("{", "grant"),
        ({**DOCUMENT, "weather": "fine"}, "weather"),
        ({**DOCUMENT, "types": ["household.dissolved.v1"]}, "/types"),
        ({**DOCUMENT, "fields": {"name": "keep"}}, "/fields"),
    ],
)
def test_a_file_that_is_no_grant_says_what_is_wrong(
    installation: dict[str, str], tmp_path: Path, content: Any, hint: str
):
    refused = run(installation, "issue", file(tmp_path, content))

    assert (refused.exit_code, hint in refused.output) == (1, True), refused.output
