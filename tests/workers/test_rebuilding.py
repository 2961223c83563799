"""``casework rebuild`` with real workers: filled by them, compared, flipped, flipped back, dropped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from click.testing import CliRunner, Result

from casework.cli import main
from casework.domain.ids import partition_of, uuid7
from casework.projections import reading, rebuild
from tests.projections.lives import life
from tests.projections.simulated import Simulated
from tests.workers.conftest import Start

HOUSEHOLDS = 30


@pytest.fixture
def environ(log: Simulated, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """What an operator's commands are told, on a log of some households."""
    log.tell([event for seed in range(HOUSEHOLDS) for event in life(uuid7(), seed)])
    log.drain()
    named = {"CASEWORK_DATABASE_URL": log.url, "CASEWORK_REDIS_URL": redis_url}
    return {**named, "CASEWORK_DATA_DIR": str(tmp_path)}


def run(environ: dict[str, str], *arguments: str) -> Result:
    """Give the command."""
    return CliRunner().invoke(main, ["rebuild", *arguments], env=environ, catch_exceptions=False)


def told(result: Result) -> dict[str, Any]:
    """The JSON object at the end."""
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def live(log: Simulated) -> str:
    with reading.live_views(log.pool) as (_, view):
        return view.name


def test_a_rebuild_from_the_first_partition_to_the_last_set(log: Simulated, environ: dict[str, str], start: Start):
    start("beat")
    start("drains")
    start("drains")

    done = told(run(environ, "--json"))
    rebuilt = live(log)
    back = told(run(environ, "--back", "--json"))
    too_soon = run(environ, "--clean")
    log.as_owner("UPDATE casework.live_view SET flipped_at = flipped_at - interval '11 minutes'")
    cleaned = told(run(environ, "--clean", "--json"))

    assert (done["view"], done["policy"], done["flipped"], rebuilt) == ("view_2", "2013.1", True, "view_2")
    assert (done["compared"]["households"], done["compared"]["differing"]) == (HOUSEHOLDS, [])
    assert (back["live"], back["former"]) == ("view_1", "view_2")
    assert (too_soon.exit_code, "10 minutes" in too_soon.output) == (1, True)
    assert cleaned == {"dropped": ["view_2"], "young": []}


def test_killed_at_any_point_it_goes_on_with_the_same_set(log: Simulated, environ: dict[str, str], start: Start):
    command = [sys.executable, "-m", "casework", "rebuild"]
    killed = subprocess.Popen(command, env={**os.environ, **environ}, stderr=subprocess.PIPE)
    pause = Event()
    while "view_2" not in reading.status(log.pool):
        pause.wait(0.05)
    killed.kill()
    killed.communicate()
    log.engine.fill()
    start("beat")
    start("drains")

    done = told(run(environ, "--json"))

    assert (done["view"], done["flipped"]) == ("view_2", True)
    assert done["resumed_at"] > 0
    assert log.differences() == []


def test_killed_before_or_after_the_flip_it_leaves_one_whole_set_live(log: Simulated, environ: dict[str, str]):
    rebuild.begin(log.engine)
    log.drain()
    command, status = [sys.executable, "-m", "casework", "rebuild"], []
    for place in ("live-locked", "flipped"):
        armed = {**os.environ, **environ, "CASEWORK_FAULT": f"{place}=kill"}
        status.append(subprocess.run(command, env=armed, capture_output=True, check=False).returncode)
        assert live(log) == "view_1"

    assert status == [-9, -9]
    assert told(run(environ, "--json"))["live"] == "view_2"


def test_where_a_row_differs_nothing_is_flipped(log: Simulated, environ: dict[str, str]):
    rebuild.begin(log.engine)
    log.drain()
    [(household,), *_] = log.rows("SELECT household_id FROM household WHERE score IS NOT NULL ORDER BY 1")
    log.as_owner("UPDATE view_2.household SET score = score + 1 WHERE household_id = %s", household)

    result = run(environ)

    assert result.exit_code == 1
    assert f"differs: household {household} in partition {partition_of(household)}" in result.stdout
    assert "nothing was flipped" in result.output
    assert live(log) == "view_1"


def test_a_paused_partition_ends_a_rebuild(log: Simulated, environ: dict[str, str]):
    rebuild.begin(log.engine)
    log.as_owner("UPDATE view_2.checkpoint SET paused = 'why' WHERE partition = 3")

    result = run(environ)

    assert (result.exit_code, "Partition 3 of view_2 is paused: why" in result.output) == (1, True)


def test_a_draft_is_only_tried(log: Simulated, environ: dict[str, str], start: Start, tmp_path: Path):
    policy = json.loads(files("casework.data").joinpath("policies", "2013.1.json").read_bytes())
    file = tmp_path / "draft.json"
    file.write_text(json.dumps({**policy, "version": "2099.1", "feed_days": 90}))
    start("beat")
    start("drains")

    refused = run(environ, "--policy", str(file))
    tried = told(run(environ, "--policy", str(file), "--what-if", "--json"))

    assert (refused.exit_code, "--what-if" in refused.output) == (1, True)
    assert (tried["view"], tried["policy"], tried["what_if"]) == ("view_2", "2099.1", True)
    assert live(log) == "view_1"
    with reading.views_under(log.pool, "2099.1") as (db, _):
        assert db.execute("SELECT count(*) FROM household").fetchone() == (HOUSEHOLDS,)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--policy", "2098.1"], "no scoring policy of this version"),
        (["--back"], "no view set to flip back to"),
        (["--back", "--clean"], "stand alone"),
        (["--what-if"], "Name the policy"),
    ],
)
def test_what_cannot_be_done_is_said(environ: dict[str, str], arguments: list[str], said: str):
    result = run(environ, *arguments)

    assert result.exit_code != 0
    assert said in result.output
