"""Whom the embedded servers let in, and where their passwords stand."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from casework.local import local_servers
from tests.local.given import ping


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


def command_lines() -> str:
    texts = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            texts.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue  # it has ended
    return "\n".join(texts)


def test_the_servers_listen_on_loopback_only(home: Path):
    with local_servers(home) as servers:
        ports = {f"{urlsplit(url).port:04X}" for url in servers}
        tables = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()

    words = [line.split() for line in tables.splitlines()]
    listening = [local for _, local, _, state, *_ in words if state == "0A" and local[-4:] in ports]
    assert len(listening) == 2
    assert all(local.startswith("0100007F:") for local in listening)
