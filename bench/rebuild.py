"""How fast all views are rebuilt by two workers, beside the library's own runner keeping one simple view.

    python -m bench.rebuild [--json] [--events 300000] [--sample 20000]

Ours: the demo population in a database of its own on the server, a new view set, and two processes that drain until
nothing is behind. Theirs: events of like size in the library's PostgreSQL recorder on the same server, and its
ProjectionRunner keeping a count by day and kind; of those a sample, since only the rate is compared.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import psycopg
from psycopg import sql

from bench.stock import replay_with_the_runner
from casework import wiring
from casework.config import Settings
from casework.log.migrations import migrate
from casework.log.pool import open_pool
from casework.population import load
from casework.projections import sets
from casework.projections.engine import Engine
from casework.projections.verify import verify

NAME = "rebuild, 2 workers, vs stock runner"
EVENTS_A_HOUSEHOLD = 33
WORKERS = 2


class Figure(NamedTuple):
    """One line of the result; ``ratio`` says how many times better ours is."""

    name: str
    ours: float
    theirs: float
    unit: str
    ratio: float


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table or a line of JSON, and say by the exit status whether the views were right."""
    options = _options(arguments)
    with wiring.with_servers(Settings.from_env()) as settings:
        url = wiring.database_url(settings)
        with database(url) as ours:
            events, seconds, right = rebuild(ours, options.events)
        with database(url) as theirs:
            their_events, their_seconds = replay_with_the_runner(theirs, options.sample)
    rate, their_rate = events / seconds, their_events / their_seconds
    figure = Figure(NAME, round(rate), round(their_rate), "events/s", round(rate / their_rate, 1))
    if options.json:
        print(msgspec.json.encode(figure._asdict()).decode())
    else:
        print(f"{events} events in {seconds:.2f} s by {WORKERS} workers: {rate:,.0f} events/s")
        print(f"{their_events} events in {their_seconds:.2f} s by the stock runner: {their_rate:,.0f} events/s")
        print(f"{figure.name}: {figure.ratio} times")
    return 0 if right else 1


def rebuild(url: str, events: int) -> tuple[int, float, bool]:
    """Fill a log, rebuild its views; return its events, the seconds it took, and whether a sample is right."""
    migrate(url)
    households = max(1, events // EVENTS_A_HOUSEHOLD)
    with tempfile.TemporaryDirectory() as keys:
        load(url, keys_dir=Path(keys), profile=_profile(households), households=households)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE casework.events")
        sets.ensure_live(db)
        row = db.execute("SELECT count(*) FROM casework.events WHERE partition < 64").fetchone()
    context = get_context("spawn")
    start, end = context.Barrier(WORKERS + 1), context.Barrier(WORKERS + 1)
    workers = [context.Process(target=work, args=(url, start, end)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    start.wait()
    began = perf_counter()
    end.wait()
    seconds = perf_counter() - began
    for worker in workers:
        worker.join()
    with open_pool(url) as pool:
        differences = verify(pool, sample=640).differences
    print(*differences, sep="\n", end="", file=sys.stderr)
    return int(row[0]) if row else 0, seconds, not differences


def work(url: str, start: Barrier, end: Barrier) -> None:
    """Drain in a process of its own, beginning and ending with the others."""
    with open_pool(url, max_size=1) as pool:
        engine = Engine(pool)
        start.wait()
        while engine.drain():
            pass
        end.wait()


@contextmanager
def database(server_url: str) -> Iterator[str]:
    """A database for one measurement."""
    name = sql.Identifier(f"casework_bench_{uuid4().hex}")
    with psycopg.connect(server_url, autocommit=True) as db:
        db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'").format(name))
        try:
            yield urlsplit(server_url)._replace(path=f"/{name.as_string().strip(chr(34))}").geturl()
        finally:
            db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _profile(households: int) -> str:
    return "demo" if households <= 10_000 else "load" if households <= 100_000 else "city"


def _options(arguments: Sequence[str]) -> Any:
    parser = argparse.ArgumentParser(prog="bench rebuild", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--events", type=int, default=300_000, help="about how many events ours are")
    parser.add_argument("--sample", type=int, default=20_000, help="how many events theirs are")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
