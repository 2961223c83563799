"""Month ends of a year come from the log at a cut: whole, the same however they are counted, and for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from casework.cli import main
from casework.domain.aggregate import Recorded
from casework.domain.evaluation import AgencyCounts, UnitYear, month_ends, totals_digest
from casework.domain.household import Household
from casework.domain.ids import REGISTRY, partition_of, uuid7
from casework.domain.metrics import NOTHING, Tally
from casework.domain.policy import load_policy, parse_draft
from casework.domain.unit_events import UnitMerged, UnitParentChanged, UnitRegistered, unit_id
from casework.log.codec import Metadata
from casework.log.reading import heads
from casework.projections import months, replay
from casework.projections.counting import count_all
from casework.projections.months import MonthRun
from casework.projections.replay import Clocks
from casework.projections.unit_years import registry_of, sums_of, unit_years
from tests.domain.given import ADULTS, arrived, ended, given, granted, started, when
from tests.domain.regrouped import split
from tests.projections.lives import COMMUNITIES, EMPLOYERS, SCHOOLS, life
from tests.projections.regrouped_lives import Pair
from tests.projections.simulated import RECORDED, Simulated, stored

POLICY = load_policy("2013.1")
TOWNS = ("410105001", "410105002")
DIVISIONS = ("4101", "410105", *TOWNS)
LATE = "410105001009"
COUNTED = (*DIVISIONS, *COMMUNITIES, *EMPLOYERS, *SCHOOLS)


def register(log: Simulated, code: str, kind: str, parent: str | None = None) -> None:
    above = None if parent is None else unit_id(parent)
    event = UnitRegistered(occurred_on=date(2012, 1, 1), code=code, kind=kind, name_zh=code, parent=above)
    log.tell_registry(unit_id(code), event)


@pytest.fixture
def city(log: Simulated) -> Simulated:
    """Two townships of a district, their communities, employers and schools, and households of all kinds."""
    register(log, "4101", "city")
    register(log, "410105", "district", "4101")
    for town in TOWNS:
        register(log, town, "township", "410105")
    for code in COMMUNITIES:
        register(log, code, "community", code[:9])
    for code in EMPLOYERS:
        register(log, code, "employer", "410105")
    for code in SCHOOLS:
        register(log, code, "school", "410105")
    register(log, "provider-1", "training_provider", "410105")
    log.report_contract(EMPLOYERS[0], date(2012, 6, 1))
    for number in range(40):
        log.tell(life(uuid7(), number))
    for number in range(8):
        log.tell(regrouped(number))
    return log


def regrouped(seed: int) -> Iterable[Recorded]:
    """Two households that are merged and go on as one; some go apart again."""
    pair = Pair(seed)
    pair.merge()
    pair.go_on_as_one(6)
    if seed % 2:
        pair.unmerge()
        pair.go_on_apart(4)
    return [event for household in pair.households for event in household.collect_events()]


def begun(log: Simulated, year: int = 2013, known_at: datetime | None = None) -> MonthRun:
    with log.pool.connection() as db:
        return months.begin(db, year, POLICY, known_at=known_at)


def counted(log: Simulated, run: MonthRun, beside: int = 0) -> dict[UUID, UnitYear]:
    with log.pool.connection() as db:
        count_all(db, run, url=log.url, role="casework_app", beside=beside)
        return unit_years(sums_of(db, run), registry_of(db, run), run.year)


NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""All that these logs were told was recorded long before."""


def test_each_unit_at_each_month_end_is_what_a_replay_of_that_day_counts(city: Simulated):
    run = begun(city, known_at=NOW)
    units = [unit_id(code) for code in COUNTED]

    years = counted(city, run)

    for month, day in enumerate(month_ends(2013)):
        replayed = replay.replay_units(city.pool, units, POLICY, Clocks(day, run.cut))
        assert replayed.failed == 0
        for unit in units:
            assert Tally.of(years[unit].months[month]) == replayed.tallies[unit], (unit, day)
    assert any(years[unit_id("4101")].months[11])
    assert years[unit_id("provider-1")].provider is not None


def test_units_that_become_part_of_others_count_there_from_that_day_on(city: Simulated):
    community, town, employer = unit_id(COMMUNITIES[0]), unit_id(TOWNS[1]), unit_id(EMPLOYERS[0])
    city.tell_registry(community, UnitMerged(occurred_on=date(2013, 2, 1), into=unit_id(COMMUNITIES[3])))
    city.tell_registry(employer, UnitMerged(occurred_on=date(2013, 5, 31), into=unit_id(EMPLOYERS[1])))
    late = UnitRegistered(
        occurred_on=date(2013, 3, 1), code="410105001009", kind="community", name_zh="新", parent=town
    )
    city.tell_registry(unit_id("410105001009"), late)
    household = Household(uuid7())
    when(household, arrived(*ADULTS, community=LATE))
    append(city, household.id, household, None)
    run = begun(city, known_at=NOW)
    units = [unit_id(code) for code in (*COUNTED, LATE)]

    years = counted(city, run)

    for month, day in enumerate(month_ends(2013)):
        replayed = replay.replay_units(city.pool, units, POLICY, Clocks(day, run.cut))
        for unit in units:
            assert Tally.of(years[unit].months[month]) == replayed.tallies[unit], (unit, day)
    whole, part = years[unit_id(EMPLOYERS[1])].months[11], years[employer].months[11]
    assert Tally.of(whole).employees > Tally.of(part).employees > 0


def test_the_digest_is_the_same_however_many_count(city: Simulated):
    digests = set()
    for beside in (0, 1, 3):
        run = begun(city, known_at=NOW)
        digests.add(totals_digest(counted(city, run, beside)).hex())
        city.as_owner("DELETE FROM casework.month_run")

    assert len(digests) == 1


def test_what_is_told_later_changes_nothing_at_the_old_cut(city: Simulated):
    run = begun(city, known_at=NOW)
    before = totals_digest(counted(city, run))
    city.as_owner("UPDATE casework.month_part SET totals = NULL, households = NULL, missing = NULL")
    for code in COMMUNITIES[:3]:
        event = UnitParentChanged(occurred_on=date(2013, 3, 15), parent=unit_id("410106"))
        city.tell_registry(unit_id(code), event)
    register(city, "410106", "district", "4101")
    city.tell(life(uuid7(), 99))

    again = totals_digest(counted(city, run))
    later = begun(city, known_at=NOW)
    years = counted(city, later)

    assert again == before
    assert later.id != run.id
    moved, town = years[unit_id("410106")].months, years[unit_id(TOWNS[0])].months
    assert [bool(Tally.of(counts).households) for counts in moved] == [False] * 5 + [True] * 7
    assert [bool(Tally.of(counts).households) for counts in town] == [True] * 5 + [False] * 7


def test_month_ends_that_are_not_over_count_nobody(city: Simulated):
    early = begun(city, known_at=datetime(2013, 2, 28, 4, tzinfo=UTC))
    whole = begun(city, known_at=NOW)

    part, year = (counted(city, run)[unit_id("4101")].months for run in (early, whole))

    assert (early.cut, early.id == whole.id) == (whole.cut, False)
    assert part == (*year[:5], *[NOTHING] * 7)


def test_a_household_that_cannot_be_computed_is_told_as_missing(city: Simulated):
    poisoned = uuid7()
    city.tell(life(poisoned, 7))
    version = len(life(poisoned, 7))
    city.tell_poison(poisoned, version + 1)
    run = begun(city, known_at=NOW)

    counted(city, run)

    with city.pool.connection() as db:
        assert months.missing(db, run.id) == [poisoned]
        assert months.progress(db, run.id).missing == 1


def test_a_year_that_is_not_over_goes_on_with_the_run_that_was_begun(log: Simulated):
    year = datetime.now(UTC).year + 2

    first, again = begun(log, year), begun(log, year)
    counted(log, first)
    log.tell(life(uuid7(), 3))
    after = begun(log, year)

    assert again.id == first.id
    assert (after.id == first.id, first.days) == (False, [])


def test_runs_from_before_the_freeze_are_forgotten_after_a_week(log: Simulated):
    log.tell(life(uuid7(), 3))
    early, same = begun(log, known_at=datetime(2012, 12, 31, tzinfo=UTC)), datetime(2013, 10, 31, 15, 59, tzinfo=UTC)
    almost, frozen = begun(log, known_at=same), begun(log)
    log.as_owner("UPDATE casework.month_run SET begun_at = begun_at - interval '8 days'")

    begun(log, 2012)

    assert log.as_owner("SELECT id FROM casework.month_run WHERE year = 2013") == [(frozen.id,)]
    assert (almost.id, early.id == frozen.id) == (frozen.id, False)


def environ(log: Simulated, redis_url: str, home: Path) -> dict[str, str]:
    servers = {"CASEWORK_DATABASE_URL": log.url, "CASEWORK_REDIS_URL": redis_url}
    return {**servers, "CASEWORK_DATA_DIR": str(home), "CASEWORK_KEYS_DIR": str(home / "keys")}


def run_months(given: dict[str, str], *arguments: str) -> Result:
    command = ["months", "--year", "2013", "--known-at", NOW.isoformat(), *arguments]
    return CliRunner().invoke(main, command, env=given, catch_exceptions=False)


@pytest.mark.parametrize("place", ["month-counted=kill@5", "month-stored=kill@5"])
def test_killed_at_any_point_it_goes_on_and_comes_to_the_same(
    city: Simulated, redis_url: str, tmp_path: Path, place: str
):
    given = environ(city, redis_url, tmp_path)
    expected = totals_digest(counted(city, begun(city, known_at=NOW))).hex()
    city.as_owner("DELETE FROM casework.month_run")
    command = [sys.executable, "-m", "casework", "months", "--year", "2013", "--known-at", NOW.isoformat()]

    killed = subprocess.run(command, env={**os.environ, **given, "CASEWORK_FAULT": place}, capture_output=True)
    with city.pool.connection() as db:
        [left] = months.open_runs(db)
        done = months.progress(db, left).partitions
    told: dict[str, Any] = json.loads(run_months(given, "--json").stdout)

    assert (killed.returncode, done) == (-9, 4 if place.startswith("month-counted") else 5)
    assert (told["run"], told["sha256"]) == (str(left), expected)
    assert told["resumed_at"] > 0


def test_the_command_tells_what_was_counted(city: Simulated, redis_url: str, tmp_path: Path):
    given = environ(city, redis_url, tmp_path)

    said = run_months(given, "--workers", "2")
    unknown = run_months(given, "--policy", "2001.1")

    years = counted(city, begun(city, known_at=NOW))
    assert f"sha256 {totals_digest(years).hex()}" in said.stdout
    assert "2013: 12 month ends of 18 units, from 56 households" in said.stdout
    assert (unknown.exit_code, "no scoring policy of this version" in unknown.output) == (1, True)


def test_an_event_of_the_registry_that_cannot_be_read_is_told_by_its_place(
    city: Simulated, redis_url: str, tmp_path: Path
):
    city.tell_poison(unit_id("later"), 1, "unit.unheard-of.v1")
    with city.pool.connection() as db:
        last = heads(db)[REGISTRY]

    said = run_months(environ(city, redis_url, tmp_path))

    assert said.exit_code == 1
    assert f"cannot read event 64:{last} of the registry (Undecodable: unit.unheard-of.v1)" in said.output


HALL = unit_id("hall")


def append(log: Simulated, stream: UUID, household: Household, acting: UUID | None) -> None:
    """Append a household's events as they were recorded by somebody of a unit."""
    meta = Metadata(event_id=uuid7(), unit=acting, bureau="HRSS").encode()
    told = [stored(Recorded(stream, version, event)) for version, event in enumerate(household.entries, 1)]
    log.recorder.append_simulated([each._replace(meta=meta) for each in told], [RECORDED] * len(told))


@pytest.mark.parametrize("now", ["hall", "new hall"])
def test_who_decided_is_found_in_the_stream_of_another_partition(city: Simulated, now: str):
    for code in ("hall", "new hall"):
        register(city, code, "agency", "410105")
    if now != "hall":
        city.tell_registry(HALL, UnitMerged(occurred_on=date(2013, 9, 1), into=unit_id(now)))
    source, provider = Household(uuid7()), "provider-9"
    when(source, arrived(*ADULTS), given("EMP-TRAIN", "wang", on="2013-01-10", at=provider)[0])
    when(source, granted("EMP-TRAIN", on="2013-01-20"), started("EMP-TRAIN", on="2013-02-01"))
    other = split(source, "wang", on="2013-03-01")
    when(other, ended("EMP-TRAIN", on="2013-04-01", reason="completed"))
    append(city, source.id, source, HALL)
    append(city, another_partition(source.id), other, None)

    years = counted(city, begun(city, known_at=NOW))

    counts = {code: years[unit_id(code)].agency for code in ("hall", "new hall")}
    assert counts.pop(now) == AgencyCounts(1, 1, 0, 1, 1, episodes=1, served=1)
    assert list(counts.values()) == [AgencyCounts()]
    trained = years[unit_id(provider)].provider
    assert trained is not None
    assert (trained.completed, trained.enrolled, trained.trainees) == (1, 1, 1)


def another_partition(than: UUID) -> UUID:
    """The id of a household elsewhere."""
    return next(id for id in iter(uuid7, None) if partition_of(id) != partition_of(than))


def test_a_draft_is_kept_with_the_run_that_it_is_tried_in(city: Simulated):
    file = json.loads(files("casework.data").joinpath("policies", "2013.1.json").read_bytes())
    content = json.dumps({**file, "version": "2099.1", "feed_days": 90}).encode()
    draft = parse_draft(content)
    with city.pool.connection() as db:
        tried = months.begin(db, 2013, draft, known_at=NOW, draft=content)

        assert months.find(db, tried.id).policy == draft
        assert tried.id != months.begin(db, 2013, POLICY, known_at=NOW).id
