"""As-of and known-at answers are those of a log that was cut there and folded from nothing."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from casework.cli import main
from casework.domain.aggregate import Recorded
from casework.domain.assessment import assess
from casework.domain.household import Household
from casework.domain.ids import partition_of, uuid7
from casework.domain.metrics import NOTHING, Tally, added
from casework.domain.policy import load_policy
from casework.domain.registry import UnitRegistered, unit_id
from casework.errors import NotFound
from casework.projections import reading, replay
from casework.projections.facts import registry_at
from casework.projections.views import rows_of
from tests.projections.lives import COMMUNITIES, EMPLOYERS, UNTIL, life
from tests.projections.simulated import Simulated, stored

POLICY = load_policy("2013.1")
FIRST = datetime(2013, 1, 1, tzinfo=UTC)


def told_over_time(log: Simulated, seeds: range) -> list[tuple[datetime, Recorded]]:
    """Lives whose events are recorded hour by hour, partition by partition, and when each was."""
    told = []
    for seed in seeds:
        household = uuid7()
        for hour, item in enumerate(life(household, seed)):
            told.append((FIRST + timedelta(hours=hour), item))
    told.sort(key=lambda each: each[0])
    for partition in {partition_of(item.originator_id) for _, item in told}:
        mine = [(at, item) for at, item in told if partition_of(item.originator_id) == partition]
        log.recorder.append_simulated([stored(item) for _, item in mine], [at for at, _ in mine])
    return told


def cut_and_folded(told: list[tuple[datetime, Recorded]], known_at: datetime) -> list[Household]:
    """The households of a log that ends at an instant, folded from nothing."""
    streams: dict[Any, list[Recorded]] = {}
    for at, item in told:
        if at <= known_at:
            streams.setdefault(item.originator_id, []).append(item)
    return [household for items in streams.values() if (household := Household.fold(None, items)) is not None]


@pytest.fixture
def told(log: Simulated) -> list[tuple[datetime, Recorded]]:
    for number, code in enumerate((*COMMUNITIES, *EMPLOYERS)):
        kind = "community" if number < len(COMMUNITIES) else "employer"
        event = registered(code, kind)
        log.tell_registry(unit_id(code), event)
    log.report_contract(EMPLOYERS[0], date(2012, 6, 1))
    return told_over_time(log, range(40))


def registered(code: str, kind: str) -> UnitRegistered:
    return UnitRegistered(occurred_on=date(2012, 1, 1), code=code, kind=kind, name_zh=code)


@pytest.mark.parametrize("seed", range(6))
def test_a_household_is_what_a_log_cut_at_that_instant_says(log: Simulated, told: Any, seed: int):
    random = Random(seed)
    known_at = FIRST + timedelta(hours=random.randrange(30), minutes=random.choice((-1, 0, 1)))
    as_of = UNTIL - timedelta(days=random.randrange(500))
    with log.pool.connection() as db:
        clocks = replay.clocks(db, as_of, known_at)
        facts = registry_at(db, clocks.cut[64]).facts

        for household in cut_and_folded(told, known_at):
            replayed = replay.replay_household(db, household.id, POLICY, clocks)

            assert replayed.household.version == household.version
            assert replayed.assessment == assess(household, POLICY, as_of, facts)


@pytest.mark.parametrize("seed", range(4))
def test_a_unit_is_the_sum_of_what_a_log_cut_at_that_instant_says(log: Simulated, told: Any, seed: int):
    random = Random(seed)
    known_at = FIRST + timedelta(hours=random.randrange(5, 30))
    as_of = UNTIL - timedelta(days=random.randrange(300))
    with log.pool.connection() as db:
        clocks = replay.clocks(db, as_of, known_at)
        facts = registry_at(db, clocks.cut[64]).facts
    rows = [rows_of(household, POLICY, as_of, facts) for household in cut_and_folded(told, known_at)]

    codes = (*COMMUNITIES[:3], EMPLOYERS[0])

    replayed = replay.replay_units(log.pool, [unit_id(code) for code in codes], POLICY, clocks)

    assert replayed.failed == 0
    for code in codes:
        expected = added([NOTHING, *(row.contributions.get(unit_id(code), NOTHING) for row in rows)])
        assert replayed.tallies[unit_id(code)] == Tally.of(expected)


def test_now_is_what_the_live_views_show(log: Simulated, told: Any):
    log.drain()
    with log.pool.connection() as db:
        clocks = replay.clocks(db, UNTIL)

    replayed = replay.replay_units(log.pool, [unit_id(COMMUNITIES[0])], POLICY, clocks)

    with reading.live_views(log.pool) as (db, _):
        assert replayed.tallies[unit_id(COMMUNITIES[0])] == reading.tally(db, [unit_id(COMMUNITIES[0])])


def test_what_was_not_known_is_not_there(log: Simulated, told: Any):
    with log.pool.connection() as db:
        clocks = replay.clocks(db, UNTIL, FIRST - timedelta(days=1))
        with pytest.raises(NotFound):
            replay.replay_household(db, told[0][1].originator_id, POLICY, clocks)
    with pytest.raises(NotFound):
        replay.replay_units(log.pool, [unit_id("nowhere")], POLICY, clocks)


def test_an_auditor_replays_from_the_command_line(log: Simulated, told: Any, redis_url: str, tmp_path: Any):
    environ = {"CASEWORK_DATABASE_URL": log.url, "CASEWORK_REDIS_URL": redis_url, "CASEWORK_DATA_DIR": str(tmp_path)}
    household = told[0][1].originator_id
    when = ["--as-of", "2013-09-30", "--known-at", "2013-01-01T05:00:00+00:00"]

    of_household = CliRunner().invoke(main, ["replay", "--household", str(household), *when], env=environ)
    of_unit = CliRunner().invoke(main, ["replay", "--unit", COMMUNITIES[0], "--tree", "now", *when], env=environ)
    of_nothing = CliRunner().invoke(main, ["replay", *when], env=environ)

    assert json.loads(of_household.stdout)["version"] == 6
    assert json.loads(of_unit.stdout)["households"] > 0
    assert json.loads(of_unit.stdout)["tree"] == "now"
    assert of_nothing.exit_code == 2
