"""The embedded servers, really started: who joins, who stops them, and what survives."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from casework.local import ServerFailed, local_servers
from tests.local.given import keep_a_row, keeps_a_first_row, kept_rows, ping, process_of, started_by, starter


def test_the_data_and_the_addresses_survive_a_restart(home: Path):
    with local_servers(home) as before:
        keep_a_row(before, "restarted")
        with redis.Redis.from_url(before.redis_url) as client:
            client.set("kept", "yes")

    with local_servers(home) as after:
        assert after == before
        assert "restarted" in kept_rows(after)
        with redis.Redis.from_url(after.redis_url, decode_responses=True) as client:
            assert client.get("kept") == "yes"


def test_a_running_server_is_joined_and_left_running_by_who_joined(home: Path):
    with local_servers(home) as first:
        process = process_of(home)

        with local_servers(home) as second:
            assert second == first

        assert process_of(home) == process
        assert ping(first.redis_url)
        keep_a_row(first, "joined")


def test_a_running_server_is_joined_by_any_name_of_its_folder(home: Path):
    alias = home.with_name("alias")
    alias.symlink_to(home)

    with local_servers(home) as first:
        servers = [process_of(home), process_of(home, "valkey/valkey.pid")]
        with local_servers(alias) as second:
            assert second == first
            assert [process_of(home), process_of(home, "valkey/valkey.pid")] == servers


def test_who_starts_a_server_stops_it(home: Path):
    with local_servers(home) as servers:
        pass

    assert not (home / "postgres/postmaster.pid").exists()
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(servers.database_url)
    with pytest.raises(redis.ConnectionError):
        ping(servers.redis_url)


def test_of_two_processes_at_once_one_starts_the_servers_and_the_other_joins(empty_home: Path):
    processes = [starter(empty_home), starter(empty_home)]

    first, second = map(started_by, processes)

    assert first == second
    assert keeps_a_first_row(first)
    assert [process.communicate("")[0] for process in processes] == ["", ""]
    assert [process.returncode for process in processes] == [0, 0]


def test_servers_stop_in_good_order_when_their_starter_is_killed(home: Path):
    process = starter(home)
    keep_a_row(started_by(process), "orphan")
    servers = [process_of(home), process_of(home, "valkey/valkey.pid")]

    process.kill()
    process.communicate()

    with local_servers(home) as again:
        assert process_of(home) not in servers
        assert "orphan" in kept_rows(again)
    lines = (home / "postgres.log").read_text()
    assert "not properly shut down" not in lines.rpartition("starting PostgreSQL")[2]


def test_an_interrupt_from_the_terminal_ends_the_starter_which_stops_the_servers_in_good_order(home: Path):
    process = starter(home)
    started_by(process)

    os.killpg(process.pid, signal.SIGINT)
    process.communicate()

    assert not (home / "postgres/postmaster.pid").exists()
    assert "database system is shut down" in (home / "postgres.log").read_text().splitlines()[-1]


def test_a_port_that_another_program_has_taken_is_given_up(home: Path):
    with local_servers(home) as before:
        keep_a_row(before, "moved")
    port = urlsplit(before.database_url).port

    with socket.create_server(("127.0.0.1", port or 0)), local_servers(home) as after:
        assert urlsplit(after.database_url).port != port
        assert "moved" in kept_rows(after)


def test_a_lost_password_is_said_so(empty_home: Path):
    (empty_home / "postgres").mkdir(parents=True)

    with pytest.raises(ServerFailed, match=r"postgres\.url is gone"), local_servers(empty_home):
        pass
