"""Servers started by another process, and rows that they shall keep."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import redis

from casework.local import Servers

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


def starter(home: Path, *user: str) -> subprocess.Popen[str]:
    """Start servers in another process, which keeps them until its input ends."""
    command = [sys.executable, "-c", STARTER, str(home), *user]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)


def started_by(process: subprocess.Popen[str]) -> Servers:
    assert process.stdout
    return Servers(*process.stdout.readline().split())


def process_of(home: Path, pid_file: str = "postgres/postmaster.pid") -> int:
    return int((home / pid_file).read_text().split()[0])


def keep_a_row(servers: Servers, row: str) -> None:
    with psycopg.connect(servers.database_url) as db:
        db.execute("CREATE TABLE IF NOT EXISTS kept (row text)")
        db.execute("INSERT INTO kept VALUES (%s)", [row])


def kept_rows(servers: Servers) -> set[str]:
    with psycopg.connect(servers.database_url) as db:
        return {row for (row,) in db.execute("SELECT row FROM kept")}


def keeps_a_first_row(servers: Servers) -> bool:
    keep_a_row(servers, "first")
    return kept_rows(servers) == {"first"}


def ping(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        return bool(client.ping())
