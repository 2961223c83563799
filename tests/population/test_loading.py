from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest

from casework.domain.events.membership import NewMember
from casework.domain.ids import REGISTRY
from casework.log.codec import EventCodec
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
    usual: dict[str, Any] = {"profile": "tiny", "households": HOUSEHOLDS, "seed": SEED, "until": UNTIL, "processes": 1}
    return load(url, keys_dir=keys_dir, **(usual | options))


def log(url: str) -> list[tuple[Any, ...]]:
    """Return all that the log holds."""
    with psycopg.connect(url) as db:
        return db.execute(_EVENTS).fetchall()


def rows(url: str, table: str) -> int:
    """Return how many rows a table has."""
    with psycopg.connect(url) as db:
        [(number,)] = db.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(number)


class Filled(NamedTuple):
    """A log that was loaded in one go, by one process: where it is, what was said of it, what it holds."""

    url: str
    keys_dir: Path
    loaded: Loaded
    progress: list[tuple[int, int]]
    events: list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def filled(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """The tiny city in a log."""
    keys_dir = tmp_path_factory.mktemp("loaded") / "keys"
    progress: list[tuple[int, int]] = []
    with new_database() as url:
        loaded = fill(url, keys_dir, progress=lambda *done: progress.append(done))
        yield Filled(url, keys_dir, loaded, progress, log(url))


def test_a_log_is_loaded_and_tells_how_it_was_born(filled):
    loaded = filled.loaded

    assert (loaded.households, loaded.events, loaded.present) == (HOUSEHOLDS, len(filled.events), 0)
    assert filled.progress[-1] == (HOUSEHOLDS, HOUSEHOLDS)
    with psycopg.connect(filled.url) as db:
        born = read_birth(db)
    assert born is not None
    assert (born.synthetic, born.until, born.seed) == (True, UNTIL, SEED)
    assert born.details == {"profile": "tiny", "households": HOUSEHOLDS}


def test_the_same_seed_gives_the_same_log_byte_for_byte_however_many_processes_load_it(filled, database_url, tmp_path):
    fill(database_url, tmp_path / "keys", processes=2)

    assert log(database_url) == filled.events


def test_loading_again_adds_nothing_and_keeps_to_what_the_log_was_born_with(filled):
    again = load(filled.url, keys_dir=filled.keys_dir, profile="demo", households=500, seed=1, processes=1)

    assert (again.households, again.events, again.present) == (HOUSEHOLDS, 0, len(filled.events))
    assert log(filled.url) == filled.events


def test_recorded_times_never_go_back_within_a_partition(filled):
    for before, after in pairwise(filled.events):
        if before[0] == after[0]:
            assert (before[1] + 1, before[6] <= after[6]) == (after[1], True)


def test_vault_rows_search_keys_and_claims_stand_beside_the_events(filled):
    people = len({person_id for event in filled.events for person_id in people_of(event[4], event[5])})

    assert rows(filled.url, "vault.person WHERE kind = 'person'") == people
    assert rows(filled.url, "vault.search_key WHERE kind = 'name'") == people
    assert 0 < rows(filled.url, "casework.claim WHERE kind = 'person'") < people
    assert rows(filled.url, "casework.claim WHERE kind = 'source'") > 100


def people_of(type_name: str, state: bytes) -> list[UUID]:
    """Who is told of for the first time by an event."""
    event: Any = EventCodec().decode(type_name, state)
    members = [*getattr(event, "members", ()), getattr(event, "member", None)]
    return [member.person_id for member in members if isinstance(member, NewMember) and member.commitment]


CUT_SHORT = """
import sys
from datetime import date
from pathlib import Path
from casework.population import load

if __name__ == "__main__":
    load(sys.argv[1], keys_dir=Path(sys.argv[2]), profile="tiny", households=int(sys.argv[3]), seed=int(sys.argv[4]),
         until=date.fromisoformat(sys.argv[5]), processes=2, progress=lambda *done: print(*done, flush=True))
"""


def test_a_load_that_was_killed_goes_on_without_a_double(filled, database_url, tmp_path):
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

    assert 0 < there < len(filled.events)
    assert (loaded.present, loaded.present + loaded.events) == (there, len(filled.events))
    assert log(database_url) == filled.events


@pytest.fixture
def begun(database_url: str, tmp_path: Path) -> Iterator[Loader]:
    """What loads partitions of a log that was born and holds nothing."""
    KeyRing.open(tmp_path / "keys", create=True)
    plan = Plan("tiny", HOUSEHOLDS, SEED, UNTIL)
    birth(database_url, synthetic=True, until=UNTIL, seed=SEED, details={"profile": "tiny", "households": HOUSEHOLDS})
    loader = Loader(Order(plan, database_url, tmp_path / "keys", "casework_app"))
    yield loader
    loader.pool.close()


def test_a_partition_that_was_left_in_the_middle_is_brought_to_its_end(begun, database_url, filled):
    weeks = Weeks(begun.city.span)
    for number in (5, 69):
        weeks.add(life_of(begun.city, number).told())
    [first, *_] = batches(weeks)
    half = first[: len(first) // 2]
    begun.recorder.append_simulated([each.event(5) for each in half], [e.recorded_at for e in half], beside(half))

    done = begun.load(5)

    expected = [event for event in filled.events if event[0] == 5]
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


def test_a_part_of_a_profile_has_the_same_lives_as_the_whole(begun, filled):
    told = list(life_of(begun.city, 3).told())

    stream = [event[2:4] for event in filled.events if event[2] == told[0].stream_id]
    assert [(each.stream_id, each.version) for each in told] == stream


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
