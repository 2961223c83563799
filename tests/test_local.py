"""The embedded servers, really started: what they keep, whom they let in, what they survive."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from casework.local import CARRIED, CARRIERS, ServerFailed, Servers, local_servers

ROOT = os.geteuid() == 0
SITE = Path(str(distribution(CARRIERS[0]).locate_file("")))
NOBODY = 65534

STARTER = """
import encodings.idna  # needed later, when this Python's own folder may be closed to the user
import os, sys
from pathlib import Path
from casework.local import local_servers
if len(sys.argv) > 2:
    os.setgroups([]), os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[2]))
with local_servers(Path(sys.argv[1]), fast=True) as servers:
    print(*servers, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def home(server_folder: Path) -> Path:
    """One folder of servers for all these tests: each finds what the one before it left."""
    return server_folder / "servers"


@pytest.fixture
def empty_home(server_folder: Path) -> Iterator[Path]:
    """A folder where no server has ever been started."""
    folder = server_folder / "new"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def starter(home: Path, *user: str) -> subprocess.Popen[str]:
    """Start servers in another process, which keeps them until its input ends."""
    command = [sys.executable, "-c", STARTER, str(home), *user]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)


def started_by(process: subprocess.Popen[str]) -> Servers:
    assert process.stdout
    return Servers(*process.stdout.readline().split())


def keep_a_row(servers: Servers, row: str) -> None:
    with psycopg.connect(servers.database_url) as db:
        db.execute("CREATE TABLE IF NOT EXISTS kept (row text)")
        db.execute("INSERT INTO kept VALUES (%s)", [row])


def kept_rows(servers: Servers) -> set[str]:
    with psycopg.connect(servers.database_url) as db:
        return {row for (row,) in db.execute("SELECT row FROM kept")}


def process_of(home: Path, pid_file: str = "postgres/postmaster.pid") -> int:
    return int((home / pid_file).read_text().split()[0])


def ping(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        return bool(client.ping())


def command_lines() -> str:
    texts = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            texts.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue  # it has ended
    return "\n".join(texts)


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


def test_the_database_speaks_utf8_sorts_by_code_point_and_lives_in_utc(home: Path):
    with local_servers(home) as servers, psycopg.connect(servers.database_url) as db:
        settings = db.execute(
            "SELECT datname, pg_encoding_to_char(encoding), datcollate, current_setting('TimeZone')"
            " FROM pg_database WHERE datname = current_database()"
        ).fetchone()

    assert settings == ("casework", "UTF8", "C", "UTC")


def test_a_running_server_is_joined_and_left_running_by_who_joined(home: Path):
    with local_servers(home) as first:
        process = process_of(home)

        with local_servers(home) as second:
            assert second == first

        assert process_of(home) == process
        assert ping(first.redis_url)
        keep_a_row(first, "joined")


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
    assert kept_after_start(first)
    assert [process.communicate("")[0] for process in processes] == ["", ""]
    assert [process.returncode for process in processes] == [0, 0]


def kept_after_start(servers: Servers) -> bool:
    keep_a_row(servers, "both")
    return kept_rows(servers) == {"both"}


def test_a_killed_server_starts_again_with_its_rows_even_beside_its_zombie(home: Path):
    with local_servers(home) as servers:
        keep_a_row(servers, "committed")
        killed = process_of(home)
        os.kill(killed, signal.SIGKILL)

        with local_servers(home) as again:
            assert process_of(home) != killed
            assert "committed" in kept_rows(again)


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


def test_nobody_gets_in_without_the_password(home: Path):
    with local_servers(home) as servers:
        for wrong in ("casework:guess", "casework", "postgres"):
            host = urlsplit(servers.database_url).netloc.split("@")[1]
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(f"postgresql://{wrong}@{host}/casework")
        port = urlsplit(servers.redis_url).port
        with pytest.raises(redis.AuthenticationError):
            ping(f"redis://127.0.0.1:{port}")
        with pytest.raises(redis.AuthenticationError):
            ping(f"redis://:guess@127.0.0.1:{port}")


def test_passwords_are_kept_by_scram_and_stand_in_files_for_their_owner_alone(home: Path):
    with local_servers(home) as servers, psycopg.connect(servers.database_url) as db:
        stored = db.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'casework'").fetchone()

    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir() if path.is_file()}
    assert stored is not None
    assert stored[0].startswith("SCRAM-SHA-256$")
    assert set(files) == {"postgres.url", "postgres.log", "valkey.url", "valkey.log", "valkey.conf"}
    assert set(files.values()) == {0o600}


def test_no_password_stands_on_a_command_line(home: Path):
    with local_servers(home) as servers:
        lines = command_lines()

    assert str(home / "valkey.conf") in lines
    assert not any(str(urlsplit(url).password) in lines for url in servers)


def test_the_servers_listen_on_loopback_only(home: Path):
    with local_servers(home) as servers:
        ports = {f"{urlsplit(url).port:04X}" for url in servers}
        tables = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()

    words = [line.split() for line in tables.splitlines()]
    listening = [local for _, local, _, state, *_ in words if state == "0A" and local[-4:] in ports]
    assert len(listening) == 2
    assert all(local.startswith("0100007F:") for local in listening)


def test_a_lost_password_is_said_so(home: Path):
    kept = (home / "postgres.url").read_text()
    (home / "postgres.url").unlink()
    try:
        with pytest.raises(ServerFailed, match=r"postgres\.url is gone"), local_servers(home):
            pass
    finally:
        (home / "postgres.url").touch(0o600)
        (home / "postgres.url").write_text(kept)


@pytest.mark.skipif(not ROOT, reason="only root has the servers run by somebody else")
class TestAsRoot:
    def test_the_servers_run_as_a_user_without_rights(self, home: Path):
        with local_servers(home):
            owner = Path(f"/proc/{process_of(home)}").stat().st_uid

        assert owner != 0
        assert {(home / part).stat().st_uid for part in ("postgres", "valkey", "valkey.conf")} == {owner}

    def test_an_ordinary_user_starts_them_too(self, empty_home: Path):
        if any(not part.stat().st_mode & 0o001 for part in (SITE, *SITE.parents)):
            pytest.skip(f"an ordinary user cannot pass into {SITE}")
        empty_home.mkdir()
        os.chown(empty_home, NOBODY, NOBODY)

        process = starter(empty_home, str(NOBODY))
        servers = started_by(process)

        assert kept_after_start(servers)
        assert ping(servers.redis_url)
        assert Path(f"/proc/{process_of(empty_home)}").stat().st_uid == NOBODY
        process.communicate("")
        assert process.returncode == 0

    def test_binaries_in_a_closed_folder_are_copied_and_the_folder_stays_closed(
        self, empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        dist_infos = [distribution(carrier)._path.name for carrier in CARRIERS]  # type: ignore[attr-defined]
        for part in (*CARRIED, *dist_infos):
            shutil.copytree(SITE / part, closed / part)
        monkeypatch.syspath_prepend(closed)

        with local_servers(empty_home) as servers:
            program = os.readlink(f"/proc/{process_of(empty_home)}/exe")
            assert kept_after_start(servers)

        assert program.startswith(f"{empty_home}/binaries/")
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700

    def test_a_data_folder_that_the_servers_cannot_enter_is_refused(self, tmp_path: Path):
        tmp_path.chmod(0o700)

        with pytest.raises(ServerFailed, match="CASEWORK_DATA_DIR"), local_servers(tmp_path / "data"):
            pass
