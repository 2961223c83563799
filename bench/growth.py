"""Whether a rebuild of all views costs as much an event in a log of 5 million as in one of 1 million.

    python -m bench growth [--json] [--events 1000000] [--times 5] [--rounds 2]

The smaller log is a synthetic population. The larger one holds each of its households several times, under ids of
their own, and a partition's events in the order in which so many households would have left them: the copies of an
event one after the other, positions without a gap. Both lie on one embedded server of the bench's own. In each round
a server is started whose files the system has dropped from memory, and two new processes rebuild all views, cold;
then they do so again, warm. They have read the registry before, which costs the same whatever the log holds.

It needs 2.5 kilobytes for each event, the server's own log included, in the folder for temporary files, which TMPDIR
names.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bench.figure import Figure, aside, of_times, show
from bench.rebuild import WORKERS, fill
from bench.server import folder
from casework.domain.policy import load_policy
from casework.local import Servers, local_servers
from casework.log.pool import open_pool
from casework.projections import sets
from casework.projections.engine import Engine
from casework.projections.sets import ViewSet
from casework.projections.verify import verify

BYTES_AN_EVENT = 2500
MEMORY_BAR = 400

SMALL, LARGE = "small", "large"

# A copy's id is a hash of the household's, as a synthetic household's is of its number, with the version's and the
# variant's bits, and with the last six bits, which are the partition.
COPIES = """
INSERT INTO casework.events (partition, stream_id, version, position, type, state, recorded_at, meta)
SELECT original.partition,
       CASE number WHEN 0 THEN original.stream_id ELSE encode(
           set_byte(set_byte(set_byte(hash, 6, 128 | get_byte(hash, 6) & 15), 8, 128 | get_byte(hash, 8) & 63),
                    15, get_byte(hash, 15) & 192 | original.partition), 'hex')::uuid END,
       original.version, (original.position - 1) * %(times)s + number + 1, original.type, original.state,
       original.recorded_at, original.meta
FROM public.original
CROSS JOIN generate_series(0, %(times)s - 1) AS number
CROSS JOIN LATERAL (SELECT decode(md5(original.stream_id::text || number), 'hex') AS hash) AS copied
WHERE original.partition = %(partition)s
ORDER BY original.position, number"""

# A partition's positions are distinct, so that as many as the last are all.
WRONG = """
SELECT count(*) FROM (
    SELECT partition FROM casework.events GROUP BY partition HAVING count(*) <> max(position) OR min(position) <> 1
    UNION ALL
    SELECT partition FROM casework.events WHERE version = 1 AND partition < 64
       AND partition <> get_byte(uuid_send(stream_id), 15) & 63
) AS wrong"""


class Rebuilt(NamedTuple):
    """What a rebuild cost: microseconds an event, and the most memory that a worker had, in megabytes."""

    cost: float
    memory: float


def main(arguments: Sequence[str]) -> int:
    """Measure and show the figures; fails where a sample of the rebuilt views differs from a replay."""
    options = _options(arguments)
    with folder() as home:
        _refuse_a_full_disk(home, options.events * (1 + options.times))
        show(run(home, options), as_json=options.json)
    return 0


def run(home: Path, options: Any) -> Iterator[Figure]:
    """Yield the figures when all rounds are over."""
    with local_servers(home) as servers:
        events = made(servers, options.events, options.times)
    costs: dict[tuple[str, str], list[float]] = {(log, how): [] for log in events for how in ("cold", "warm")}
    memory = 0.0
    for number in range(1, options.rounds + 1):
        for log in events:
            forget(home)
            with local_servers(home) as servers:
                for how in ("cold", "warm"):
                    rebuilt = rebuild(_url(servers, log), events[log])
                    costs[log, how].append(rebuilt.cost)
                    memory = max(memory, rebuilt.memory)
                    told = f"{events[log]:,} events, {how}: {rebuilt.cost:.2f} µs an event, {rebuilt.memory:.0f} MB"
                    aside.print(f"round {number}: {told}", highlight=False, soft_wrap=True)
    name = f"rebuild cost per event, {_short(options.events * options.times)} vs {_short(options.events)}"
    for how, ending in (("warm", ""), ("cold", ", cold")):
        yield of_times(name + ending, costs[LARGE, how], costs[SMALL, how], "µs")
    yield of_times("peak memory of a rebuild's worker, vs the bar", [memory], [MEMORY_BAR], "MB")


def made(servers: Servers, events: int, times: int) -> dict[str, int]:
    """Make both logs; return how many events of households each holds."""
    for name in (SMALL, LARGE):
        template = "template0" if name == SMALL else SMALL
        with psycopg.connect(servers.database_url, autocommit=True) as db:
            create = "CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' LOCALE 'C' STRATEGY file_copy"
            db.execute(sql.SQL(create).format(sql.Identifier(name), sql.Identifier(template)))
        if name == SMALL:
            small = fill(_url(servers, name), events)
        else:
            multiply(_url(servers, name), times)
        _check(_url(servers, name), small * (1 if name == SMALL else times))
    return {SMALL: small, LARGE: small * times}


def multiply(url: str, times: int) -> None:
    """Let a log hold each of its households so many times, as a superuser may who takes the log's guard away."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE TABLE public.original AS SELECT * FROM casework.events ORDER BY partition, position")
        db.execute("CREATE INDEX ON public.original (partition, position)")
        db.execute("ANALYZE public.original")
        with db.transaction():
            db.execute("ALTER TABLE casework.events DISABLE TRIGGER refuse_change")
            db.execute("TRUNCATE casework.events")
            db.execute("INSERT INTO casework.events SELECT * FROM public.original WHERE partition = 64")
            for partition in range(64):
                db.execute(COPIES, {"partition": partition, "times": times})
            db.execute("ALTER TABLE casework.events ENABLE ALWAYS TRIGGER refuse_change")
        db.execute("DROP TABLE public.original")
        db.execute("VACUUM ANALYZE casework.events")


def rebuild(url: str, events: int) -> Rebuilt:
    """Let new processes fill a new set, and take it away; return what that cost."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CHECKPOINT")
    with open_pool(url) as pool:
        with pool.connection() as db:
            name, policy = sets.create(db, sets.DEFAULT_POLICY), load_policy(sets.DEFAULT_POLICY)
        seconds, memory = _seconds_of_workers(url)
        differences = verify(pool, sample=640, view=ViewSet(name, policy)).differences
    if differences:
        raise AssertionError(f"The rebuilt views are not what a replay has: {differences[0]}")
    with psycopg.connect(url) as db:
        db.execute("DELETE FROM casework.view_set WHERE name = %s", (name,))
        db.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
    return Rebuilt(seconds / events * 1e6, memory)


def _seconds_of_workers(url: str) -> tuple[float, float]:
    """Let workers drain until nothing is behind; return the seconds from the first's start, and the most memory."""
    context = get_context("spawn")
    start, end = context.Barrier(WORKERS + 1), context.Barrier(WORKERS + 1)
    peaks: Queue[float] = context.Queue()
    workers = [context.Process(target=work, args=(url, start, end, peaks), daemon=True) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    start.wait()
    began = perf_counter()
    end.wait()
    seconds = perf_counter() - began
    most = max(peaks.get() for _ in workers)
    for worker in workers:
        worker.join()
    return seconds, most


def work(url: str, start: Barrier, end: Barrier, peaks: Queue[float]) -> None:
    """Drain in a process of its own; tell in the end how much memory it ever had."""
    with open_pool(url, max_size=1) as pool:
        engine = Engine(pool)
        with pool.connection() as db, db.transaction():
            engine.behind(db)
        start.wait()
        while engine.drain() or engine.fill():
            pass
        end.wait()
    peaks.put(peak_memory())


def forget(home: Path) -> None:
    """Let the system drop a stopped server's files from memory, so that the next one reads them from disk."""
    for file in home.joinpath("postgres").rglob("*"):
        if file.is_file() and not file.is_symlink():
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)  # only what is on the disk can be dropped
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def peak_memory() -> float:
    """This process's own: what getrusage tells begins with the memory of the process that started it."""
    [peak] = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    return int(peak) / 1024


def _check(url: str, events: int) -> None:
    with psycopg.connect(url) as db:
        found = db.execute("SELECT count(*) FROM casework.events WHERE partition < 64").fetchone()
        wrong = db.execute(WRONG).fetchone()
    if (found, wrong) != ((events,), (0,)):
        raise AssertionError(f"{found} events instead of {events}, and {wrong} that are out of place.")


def _url(servers: Servers, database: str) -> str:
    return urlsplit(servers.database_url)._replace(path=f"/{database}").geturl()


def _refuse_a_full_disk(home: Path, events: int) -> None:
    needed, free = events * BYTES_AN_EVENT, shutil.disk_usage(home).free
    if free < needed:
        raise SystemExit(f"{home} has {free / 1e9:.0f} GB left, and {needed / 1e9:.0f} GB are needed.")


def _short(number: int) -> str:
    return f"{number / 1e6:g} M" if number >= 1_000_000 else f"{number / 1e3:g} k"


def _options(arguments: Sequence[str]) -> Any:
    parser = argparse.ArgumentParser(prog="bench growth", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one line of JSON for each figure")
    parser.add_argument("--events", type=int, default=1_000_000, help="about how many events the smaller log has")
    parser.add_argument("--times", type=int, default=5, help="how many times as many the larger one has")
    parser.add_argument("--rounds", type=int, default=2, help="how often both are rebuilt")
    return parser.parse_args(arguments)
