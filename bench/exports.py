"""All events of a log as a file: written by a worker, downloaded from the API, and what memory that takes at most.

    python -m bench exports [--json] [--households 30500]

A synthetic population; 30,500 households have a million events. First the events of one district are exported, then
those of the whole city, each by a process of its own. Memory is a process's highest (VmHWM), as the system tells it;
beside it stands that of the small file, so that a ratio near 1 says that memory does not grow with the file. Beside the
rates stands the database's own COPY of the same columns.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import msgspec
import psycopg

from bench.api import await_answer
from bench.figure import Figure, aside, show
from bench.server import environment_of, installation
from casework import wiring
from casework.config import Settings
from casework.domain.ids import uuid7
from casework.population import load
from casework.tokens import make_token

DISTRICT = "410102"
LOOK_SECONDS = 0.1
READ_AT_ONCE = 1 << 16
COPY = """
COPY (SELECT stream_id, version, position, type, recorded_at, state, meta FROM casework.events
      WHERE partition < 64 ORDER BY partition, stream_id, version) TO STDOUT"""

Process = subprocess.Popen[bytes]


class Taken(NamedTuple):
    """An export: its rows, its size in bytes, the seconds of writing and of reading it, and the writer's peak in MB."""

    rows: int
    bytes: int
    written: float
    read: float
    peak: int


def main(arguments: Sequence[str]) -> int:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(prog="bench exports", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--households", type=int, default=30_500)
    chosen = parser.parse_args(arguments)
    with installation() as settings:
        wiring.prepare(settings, synthetic=True)
        profile = "demo" if chosen.households <= 10_000 else "load"
        url = wiring.database_url(settings)
        loaded = load(url, keys_dir=settings.keys_dir, profile=profile, households=chosen.households)
        aside.print(f"{loaded.households} households, {loaded.events} events")
        show(_figures(settings), as_json=chosen.json)
    return 0


def _figures(settings: Settings) -> Iterator[Figure]:
    with (
        _program(settings, "api.serve", CASEWORK_API_PORT=str(port := _free_port())) as api,
        _program(settings, "workers.run", "beat"),
        _program(settings, "workers.run", "long") as worker,
    ):
        await_answer(port, api)
        office = Office(port, make_token(settings, role="auditor"), worker)
        small = office.exported(unit=DISTRICT)
        before = _peak(api)
        whole = office.exported()
        after = _peak(api)
    theirs = _copied(settings)
    for name, taken in (("a district", small), ("all", whole)):
        aside.print(f"{name}: {taken.rows} rows, {taken.bytes >> 20} MB, {taken.written:.1f} s and {taken.read:.1f} s")
    yield _rate("timeline written, vs COPY", whole.rows / whole.written, theirs)
    yield _rate("timeline downloaded, vs COPY", whole.rows / whole.read, theirs)
    rows = f"{whole.rows:,} rows vs {small.rows:,}"
    yield _memory(f"worker's peak, {rows}", whole.peak, small.peak)
    yield _memory(f"API process's peak, {rows}", after, before)


class Office:
    """Who asks for exports, and looks at what the worker takes."""

    def __init__(self, port: int, token: str, worker: Process) -> None:
        self.port, self.token, self.worker = port, token, worker

    def exported(self, **asked: str) -> Taken:
        """Have an export written, and download it; fails where a byte of it is not what its manifest says."""
        begun = perf_counter()
        told = self._json("/v1/exports", {"kind": "timeline", **asked})
        peak = 0
        while (state := self._json(told["href"])["state"]) != "done":
            if state == "failed":
                raise SystemExit("The export failed.")
            peak = max(peak, _peak(self.worker))
            sleep(LOOK_SECONDS)
        written = perf_counter() - begun
        export = self._json(told["export_href"])
        manifest, begun = export["manifest"], perf_counter()
        if self._digest(export["content_href"]) != manifest["sha256"]:
            raise SystemExit("The file is not what its manifest says.")
        return Taken(manifest["rows"], manifest["bytes"], written, perf_counter() - begun, peak)

    def _json(self, path: str, body: dict[str, Any] | None = None) -> Any:
        with urlopen(self._request(path, body)) as answer:
            return msgspec.json.decode(answer.read())

    def _digest(self, path: str) -> str:
        digest = sha256()
        with urlopen(self._request(path)) as answer:
            while part := answer.read(READ_AT_ONCE):
                digest.update(part)
        return digest.hexdigest()

    def _request(self, path: str, body: dict[str, Any] | None = None) -> Request:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if body is not None:
            headers["Idempotency-Key"] = str(uuid7())
        data = None if body is None else msgspec.json.encode(body)
        return Request(f"http://127.0.0.1:{self.port}{path}", data, headers)


def _rate(name: str, ours: float, theirs: float) -> Figure:
    return Figure(name, round(ours), round(theirs), "rows/s", round(ours / theirs, 2))


def _memory(name: str, ours: int, theirs: int) -> Figure:
    return Figure(name, ours, theirs, "MB", round(theirs / ours, 2))


def _copied(settings: Settings) -> float:
    """How many events a second the database copies out."""
    begun, rows = perf_counter(), 0
    with psycopg.connect(wiring.database_url(settings)) as db, db.cursor() as cursor, cursor.copy(COPY) as copy:
        for _ in copy:
            rows += 1
    return rows / (perf_counter() - begun)


@contextmanager
def _program(settings: Settings, module: str, *arguments: str, **environ: str) -> Iterator[Process]:
    """Run one of our programs, and end it."""
    environment = {**environment_of(settings), **environ}
    with (settings.data_dir / f"{module}-{'-'.join(arguments)}.log").open("wb") as log:
        program = subprocess.Popen([sys.executable, "-m", module, *arguments], env=environment, stdout=log, stderr=log)
    try:
        yield program
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _peak(program: Process) -> int:
    """The most memory that a program, or a process that it has forked, ever had, in MB."""
    return max((_high(pid) for pid in (program.pid, *_forked(program.pid))), default=0) >> 10


def _high(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _forked(parent: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                status = Path(f"/proc/{name}/stat").read_text()
            except OSError:
                continue
            if int(status.rpartition(")")[2].split()[1]) == parent:
                found.append(int(name))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
