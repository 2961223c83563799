"""The database's shape: each file is applied once, and a log is born once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from importlib.metadata import version
from importlib.resources import files

import psycopg
import pytest

from casework.log.migrations import UnsuitableServer, birth, migrate, pending, read_birth
from casework.log.recorder import LogRecorder
from tests.conftest import NewDatabase
from tests.log.given import Db, event, stream_in

NAMES = sorted(file.name for file in files("casework.log").joinpath("schema").iterdir() if file.name.endswith(".sql"))


def test_every_file_is_applied_in_order_and_only_once(empty_database: NewDatabase) -> None:
    with empty_database() as url:
        with psycopg.connect(url) as db:
            assert pending(db) == NAMES

        assert migrate(url) == NAMES
        assert migrate(url) == []

        with psycopg.connect(url) as db:
            assert pending(db) == []


def test_no_extension_is_needed(database_url: str) -> None:
    """The embedded server has none."""
    with psycopg.connect(database_url) as db:
        assert db.execute("SELECT extname FROM pg_extension").fetchall() == [("plpgsql",)]


def test_files_are_numbered_without_a_gap() -> None:
    assert [int(name[:4]) for name in NAMES] == list(range(1, len(NAMES) + 1))


def test_of_several_migrations_at_once_one_does_the_work(empty_database: NewDatabase) -> None:
    with empty_database() as url, ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(migrate, [url] * 4))

    assert sorted(applied) == [[], [], [], NAMES]


def test_a_file_that_fails_leaves_nothing_behind(empty_database: NewDatabase) -> None:
    with empty_database() as url:
        with psycopg.connect(url) as db:
            db.execute("CREATE SCHEMA vault")  # the second file makes it
        with pytest.raises(psycopg.errors.DuplicateSchema):
            migrate(url)

        with psycopg.connect(url) as db:
            assert pending(db) == NAMES
            db.execute("DROP SCHEMA vault")
        assert migrate(url) == NAMES


def test_view_sets_that_are_there_already_can_be_filled_on(empty_database: NewDatabase) -> None:
    with empty_database() as url:
        with psycopg.connect(url) as db:
            apply_up_to(db, "0006")
            db.execute("SELECT casework.create_view_set('2013.1', 1)")

        assert migrate(url)[0] == "0007_rebuild.sql"

        with psycopg.connect(url) as db:
            row = db.execute("SELECT filling_to, filled_to, filled FROM view_1.checkpoint LIMIT 1").fetchone()
        assert row == (None, None, 0)


def apply_up_to(db: Db, number: str) -> None:
    """Leave the database as an older program did."""
    db.execute("CREATE SCHEMA casework")
    db.execute("CREATE TABLE casework.migration (name text PRIMARY KEY)")
    for name in NAMES:
        if name[:4] <= number:
            db.execute(files("casework.log").joinpath("schema", name).read_bytes())
            db.execute("INSERT INTO casework.migration VALUES (%s)", (name,))


def test_a_log_is_born_once(database_url: str) -> None:
    first = birth(database_url, synthetic=True, until=date(2013, 10, 20), seed=7, details={"profile": "tiny"})

    again = birth(database_url, seed=8)

    assert again == first
    assert (first.epoch, first.synthetic, first.until, first.seed) == (1, True, date(2013, 10, 20), 7)
    assert first.details == {"profile": "tiny"}


def test_the_first_event_makes_a_log_real_for_ever(database_url: str, recorder: LogRecorder, admin: Db) -> None:
    assert read_birth(admin) is None

    recorder.append([event(stream_in(1), 1)])

    born = read_birth(admin)
    assert born is not None
    assert not born.synthetic
    with pytest.raises(UnsuitableServer, match="real"):
        birth(database_url, synthetic=True)


def test_the_first_event_leaves_a_synthetic_log_as_it_was_born(database_url: str, recorder: LogRecorder) -> None:
    born = birth(database_url, synthetic=True)

    recorder.append([event(stream_in(1), 1), event(stream_in(2), 1)])

    assert birth(database_url) == born


def test_the_library_is_of_the_version_that_the_log_was_tried_with() -> None:
    assert version("eventsourcing").startswith("9.5.")
