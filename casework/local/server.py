"""What both servers have in common: how one is joined or started, and where its address is kept."""

from __future__ import annotations

import secrets
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import psycopg
import redis

from casework.local.home import Home, ServerFailed, write_secret
from casework.local.process import Process, runs, spawn, tries

ANSWER_SECONDS = 60  # after a crash a server first reads its own log
RESTART_SECONDS = 10  # what a killed server leaves behind may for a moment keep the next one from starting


class Server(ABC):
    """One server: its folder, its log, and the file that keeps its address with port and password."""

    name: ClassVar[str]
    address: ClassVar[str]
    pid_name: ClassVar[str]

    def __init__(self, home: Home, binaries: Path, *, fast: bool) -> None:
        self.home, self.binaries, self.fast = home, binaries, fast
        self.folder = home.folder / self.name
        self.pid_file = self.folder / self.pid_name
        self.log = home.folder / f"{self.name}.log"
        self.url_file = home.folder / f"{self.name}.url"

    @abstractmethod
    def prepare(self) -> None:
        """Make what the server needs before it starts."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command line, which everybody can read; the folder is a word of it."""

    @abstractmethod
    def connect(self) -> None:
        """Connect with our password, or raise the client's error."""

    @property
    def url(self) -> str:
        """The address as the last start left it."""
        return self.url_file.read_text()

    def join_or_start(self, started: list[Process]) -> None:
        """Return when the server answers; processes that this takes are added to ``started``."""
        if self.url_file.exists() and self._answers_while(lambda: runs(self.pid_file, self.folder)):
            return
        for _ in tries(RESTART_SECONDS, pause=0.2):
            self._keep_address()
            self.prepare()
            started.append(spawn(self.command(), home=self.home, log=self.log))
            if self._answers_while(lambda: started[-1].poll() is None):
                return
        raise ServerFailed(f"The embedded {self.name} ends when it is started; {self.log} says why.")

    def _answers_while(self, lives: Callable[[], bool]) -> bool:
        """Wait until a connection succeeds (true) or the process is gone (false)."""
        for _ in tries(ANSWER_SECONDS):
            if not lives():
                return False
            with suppress(psycopg.OperationalError, redis.RedisError):
                self.connect()
                return True
        raise ServerFailed(f"The embedded {self.name} does not answer; see {self.log}.")

    def _keep_address(self) -> None:
        """Keep the password for ever, and the port of last time unless another program has it now."""
        if self.url_file.exists():
            known = urlsplit(self.url)
            password, port = known.password, known.port or 0
        elif self.folder.exists():
            raise ServerFailed(f"{self.url_file} is gone, and with it the password of {self.folder}.")
        else:
            password, port = secrets.token_urlsafe(32), 0
        write_secret(self.url_file, self.address.format(password=password, port=_free_port(port)))


def _free_port(wanted: int) -> int:
    """Return this port of loopback, or another if it is taken."""
    try:
        probe = socket.create_server(("127.0.0.1", wanted))
    except OSError:
        probe = socket.create_server(("127.0.0.1", 0))
    with probe:
        return int(probe.getsockname()[1])
