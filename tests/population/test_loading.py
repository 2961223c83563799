from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from casework.domain.ids import REGISTRY
from casework.log.migrations import UnsuitableServer, birth, read_birth
from casework.population import PROFILES, Loaded, load
from casework.population.loading import Loader, Order, Plan, batches, last_sunday
from casework.population.office import City
from casework.population.story import life_of
from casework.population.told import Span, Weeks, beside
from casework.population.world import world
from casework.privacy.keys import KeyRing
from tests.conftest import NewDatabase

SEED = 7
UNTIL = date(2014, 9, 28)
HOUSEHOLDS = 120

_EVENTS = """
SELECT partition, position, stream_id, version, type, state, recorded_at, meta FROM casework.events
ORDER BY partition, position"""


def fill(url: str, keys_dir: Path, **options: Any) -> Loaded:
    """Load the tiny city."""
    options = {"profile": "tiny", "households": HOUSEHOLDS, "seed": SEED, "until": UNTIL, "processes": 1} | options
    return load(url, keys_dir=keys_dir, **options)


def log(url: str) -> list[tuple[Any, ...]]:
    """Return all that the log holds."""
    with psycopg.connect(url) as db:
        return db.execute(_EVENTS).fetchall()


def rows(url: str, table: str) -> int:
    """Return how many rows a table has."""
    with psycopg.connect(url) as db:
        [(number,)] = db.execute(f"SELECT count(*) FROM {table}").fetchall()  # type: ignore[arg-type]
    return int(number)


@pytest.fixture(scope="module")
def loaded_url(new_database: NewDatabase, loaded_keys: Path) -> Iterator[str]:
    """A log that was loaded in one go, by one process."""
    with new_database() as url:
        fill(url, loaded_keys)
        yield url


@pytest.fixture(scope="module")
def loaded_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keys of that log."""
    return tmp_path_factory.mktemp("loaded") / "keys"


@pytest.fixture(scope="module")
def events(loaded_url: str) -> list[tuple[Any, ...]]:
    """What that log holds."""
    return log(loaded_url)


def test_a_log_is_loaded_and_tells_how_it_was_born(database_url, tmp_path):
    told: list[tuple[int, int]] = []

    loaded = fill(database_url, tmp_path / "keys", households=70, progress=lambda *done: told.append(done))

    assert (loaded.households, loaded.present, told[-1]) == (70, 0, (70, 70))
    assert loaded.events == rows(database_url, "casework.events") > 1000
    with psycopg.connect(database_url) as db:
        born = read_birth(db)
    assert born is not None
    assert (born.synthetic, born.until, born.seed) == (True, UNTIL, SEED)
    assert born.details == {"profile": "tiny", "households": 70}


def test_the_same_seed_gives_the_same_log_byte_for_byte_however_many_processes_load_it(events, database_url, tmp_path):
    fill(database_url, tmp_path / "keys", processes=2)

    assert log(database_url) == events


def test_a_part_of_a_profile_has_the_same_lives_as_the_whole(events, database_url, tmp_path):
    fill(database_url, tmp_path / "keys", households=64)

    streams = {event[2] for event in log(database_url)}
    of_these = [event[2:] for event in events if event[2] in streams]

    assert [event[2:] for event in log(database_url)] == of_these


def test_loading_again_adds_nothing_and_keeps_to_what_the_log_was_born_with(loaded_url, loaded_keys, events):
    loaded = load(loaded_url, keys_dir=loaded_keys, profile="demo", households=500, seed=1, processes=1)

    assert (loaded.households, loaded.events, loaded.present) == (HOUSEHOLDS, 0, len(events))
    assert log(loaded_url) == events


def test_recorded_times_never_go_back_within_a_partition(events):
    for before, after in zip(events, events[1:], strict=False):
        if before[0] == after[0]:
            assert (before[1] + 1, before[6] <= after[6]) == (after[1], True)


def test_vault_rows_search_keys_and_claims_stand_beside_the_events(loaded_url, events):
    people = sum(event[5].count(b'"birth_month"') for event in events)

    assert rows(loaded_url, "vault.person WHERE kind = 'person'") == people
    assert rows(loaded_url, "vault.search_key WHERE kind = 'name'") == people
    assert 0 < rows(loaded_url, "casework.claim WHERE kind = 'person'") < people
    assert rows(loaded_url, "casework.claim WHERE kind = 'source'") > 100


CUT_SHORT = """
import sys
from datetime import date
from pathlib import Path
from casework.population import load

if __name__ == "__main__":
    load(sys.argv[1], keys_dir=Path(sys.argv[2]), profile="tiny", households=int(sys.argv[3]), seed=int(sys.argv[4]),
         until=date.fromisoformat(sys.argv[5]), processes=2, progress=lambda *done: print(*done, flush=True))
"""


def test_a_load_that_was_killed_goes_on_without_a_double(events, database_url, tmp_path):
    keys_dir = tmp_path / "keys"
    arguments = [database_url, str(keys_dir), str(HOUSEHOLDS), str(SEED), UNTIL.isoformat()]
    command = [sys.executable, "-c", CUT_SHORT, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as killed:
        assert killed.stdout is not None
        for _ in range(20):
            killed.stdout.readline()
        killed.kill()
        killed.stdout.read()  # its end is that of the last process
    there = rows(database_url, "casework.events")

    loaded = fill(database_url, keys_dir, resume=True)

    assert 0 < there < len(events)
    assert loaded.present == there
    assert loaded.present + loaded.events == len(events)
    assert log(database_url) == events


@pytest.fixture
def begun(database_url: str, tmp_path: Path) -> Iterator[Loader]:
    """What loads partitions of a log that was born and holds nothing."""
    KeyRing.open(tmp_path / "keys", create=True)
    plan = Plan("tiny", HOUSEHOLDS, SEED, UNTIL)
    birth(database_url, synthetic=True, until=UNTIL, seed=SEED, details={"profile": "tiny", "households": HOUSEHOLDS})
    loader = Loader(Order(plan, database_url, tmp_path / "keys", "casework_app"))
    yield loader
    loader.pool.close()


def test_a_partition_that_was_left_in_the_middle_is_brought_to_its_end(begun, database_url, events):
    weeks = Weeks(begun.city.span)
    for number in (5, 69):
        weeks.add(life_of(begun.city, number).told())
    [first, *_] = batches(weeks)
    half = first[: len(first) // 2]
    begun.recorder.append_simulated([each.event(5) for each in half], [e.recorded_at for e in half], beside(half))

    done = begun.load(5)

    expected = [event for event in events if event[0] == 5]
    assert (done.households, done.present, done.events) == (2, len(half), len(expected) - len(half))
    assert log(database_url) == expected


def test_a_partition_with_other_events_is_left_as_it_is(begun, database_url, new_city_of_another_seed):
    weeks = Weeks(begun.city.span)
    weeks.add(life_of(new_city_of_another_seed, 5).told())
    [first, *_] = batches(weeks)
    some = first[:3]
    begun.recorder.append_simulated([each.event(5) for each in some], [e.recorded_at for e in some], beside(some))

    with pytest.raises(UnsuitableServer, match="other events"):
        begun.load(5)

    assert len(log(database_url)) == 3


@pytest.fixture
def new_city_of_another_seed(tmp_path: Path) -> City:
    """A city that is not the one of the log."""
    return City(world("tiny", SEED + 1), Span(UNTIL), KeyRing.open(tmp_path / "other", create=True))


def test_the_registry_is_a_partition_like_the_others(begun, database_url):
    first, again = begun.load(REGISTRY), begun.load(REGISTRY)

    assert (first.households, first.present, first.skipped) == (0, 0, 0)
    assert (again.events, again.present) == (0, first.events)
    assert {event[0] for event in log(database_url)} == {REGISTRY}


def test_a_real_log_takes_no_population(database_url, tmp_path):
    birth(database_url)

    with pytest.raises(UnsuitableServer, match="real"):
        fill(database_url, tmp_path / "keys")

    assert rows(database_url, "casework.events") == 0


def test_nothing_is_resumed_that_was_not_begun(database_url, tmp_path):
    with pytest.raises(UnsuitableServer, match="no population"):
        fill(database_url, tmp_path / "keys", resume=True)

    with psycopg.connect(database_url) as db:
        assert read_birth(db) is None


@pytest.mark.parametrize(
    "options",
    [
        {"profile": "village"},
        {"households": 0},
        {"households": PROFILES["tiny"].households + 1},
        {"until": date(9000, 1, 7)},
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_the_log_is_born(database_url, tmp_path, options):
    with pytest.raises(ValueError, match=r"profile|weeks"):
        fill(database_url, tmp_path / "keys", **options)

    with psycopg.connect(database_url) as db:
        assert read_birth(db) is None


def test_the_simulated_weeks_end_on_the_last_sunday_before_today():
    assert [last_sunday(date(2014, 9, day)) for day in (27, 28, 29)] == [
        date(2014, 9, 21),
        date(2014, 9, 21),
        date(2014, 9, 28),
    ]
    assert last_sunday(datetime.now(UTC).date()).isoweekday() == 7


def test_events_recorded_in_the_same_week_share_appends(begun):
    weeks = Weeks(begun.city.span)
    for number in range(40):
        weeks.add(life_of(begun.city, number).told())
    total = len(weeks)

    sizes = [len(batch) for batch in batches(weeks)]

    assert len(set(sizes[:-1])) == 1
    assert sum(sizes) == total
