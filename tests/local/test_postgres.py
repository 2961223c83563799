"""What is PostgreSQL's own: its settings, its log, and a killed one's zombie."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest

from casework.local import local_servers
from casework.local.process import tries
from tests.local.given import keep_a_row, keeps_a_first_row, kept_rows, process_of, starter


def test_the_database_speaks_utf8_sorts_by_code_point_and_lives_in_utc(home: Path):
    with local_servers(home) as servers, psycopg.connect(servers.database_url) as db:
        settings = db.execute(
            "SELECT datname, pg_encoding_to_char(encoding), datcollate, current_setting('TimeZone')"
            " FROM pg_database WHERE datname = current_database()"
        ).fetchone()

    assert settings == ("casework", "UTF8", "C", "UTC")


def test_neither_a_refused_nor_a_broken_off_statement_stands_in_the_log(home: Path):
    with local_servers(home) as servers, psycopg.connect(servers.database_url, autocommit=True) as db:
        with pytest.raises(psycopg.DataError):
            db.execute("SELECT 'Wang Fang'::date")
        with pytest.raises(psycopg.errors.AdminShutdown):
            db.execute("SELECT 'Wang Fang', pg_terminate_backend(pg_backend_pid())")

    log = (home / "postgres.log").read_text()
    assert "terminating connection" in log
    assert "Wang Fang" not in log


def test_a_first_start_that_is_broken_off_does_not_stand_in_the_way_of_the_next(empty_home: Path):
    with starter(empty_home) as process:
        for _ in tries(30):
            if list(empty_home.glob("postgres-new-*/base")):
                break
        process.kill()

    with local_servers(empty_home) as servers:
        assert keeps_a_first_row(servers)


def test_a_killed_server_starts_again_with_its_rows_even_beside_its_zombie(home: Path):
    with local_servers(home) as servers:
        keep_a_row(servers, "committed")
        killed = process_of(home)
        os.kill(killed, signal.SIGKILL)

        with local_servers(home) as again:
            assert process_of(home) != killed
            assert "committed" in kept_rows(again)
