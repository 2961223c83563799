"""Servers of the fault tests' own, which they stop, kill, starve and start again."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

from casework.local.binaries import binaries_for
from casework.local.home import Home
from casework.local.postgres import Postgres
from casework.local.process import Process, stop
from casework.local.server import Server
from casework.local.valkey import Valkey


class OwnServers:
    """PostgreSQL and Valkey in a folder; each keeps its address when it is started again."""

    def __init__(self, folder: Path) -> None:
        home = Home.open(folder)
        binaries = binaries_for(home)
        self.postgres = Postgres(home, binaries, fast=True)
        self.valkey = Valkey(home, binaries, fast=True)
        self.processes: dict[str, Process] = {}

    def start(self, server: Server) -> None:
        """Start a server and wait until it answers."""
        started: list[Process] = []
        server.join_or_start(started)
        self.processes[server.name] = started[-1]

    def end(self, server: Server, number: signal.Signals = signal.SIGINT) -> None:
        """Send a server the signal that ends it, and wait until it is gone."""
        self.processes[server.name].send_signal(number)
        self.processes[server.name].wait()

    def configure(self, statement: str) -> None:
        """Change a setting of PostgreSQL for sessions that are open and those to come."""
        with psycopg.connect(self.postgres.url, autocommit=True) as db:
            db.execute("SET statement_timeout = 0")
            db.execute(statement.encode())
            db.execute("SELECT pg_reload_conf()")

    @contextmanager
    def flushed(self) -> Iterator[None]:
        """Valkey forgets all that it holds."""
        with redis.Redis.from_url(self.valkey.url) as client:
            client.flushall()
        yield

    @contextmanager
    def restarted_empty(self) -> Iterator[None]:
        """Valkey is not there, and comes back with nothing."""
        self.end(self.valkey)
        yield
        shutil.rmtree(self.valkey.folder)
        self.start(self.valkey)

    @contextmanager
    def out_of_memory(self) -> Iterator[None]:
        """Valkey refuses all that would need memory."""
        with redis.Redis.from_url(self.valkey.url) as client:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", 1)
            yield
            client.config_set("maxmemory", 0)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Valkey takes connections and never answers."""
        process = self.processes[self.valkey.name]
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)


@contextmanager
def own_servers(folder: Path) -> Iterator[OwnServers]:
    """Both servers, started; what still runs at the end is ended."""
    servers = OwnServers(folder)
    try:
        servers.start(servers.postgres)
        servers.start(servers.valkey)
        yield servers
    finally:
        stop([process for process in servers.processes.values() if process.poll() is None])
