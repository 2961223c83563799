"""What a demonstration waits for."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from casework import demo
from casework.projections import sets
from tests.given import casework_on


def test_a_demonstration_says_what_to_do_about_views_that_an_earlier_version_made(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sets, "PROJECTION_VERSION", sets.PROJECTION_VERSION + 1)

    for casework in casework_on(database_url, tmp_path / "keys"):
        with pytest.raises(click.ClickException, match="casework rebuild"):
            demo.catch_up(casework)
