"""How fast all views are rebuilt by two workers, beside the library's own runner keeping one simple view.

    python -m bench rebuild [--json] [--events 300000] [--sample 6000] [--rounds 3]

Ours: the demo population in a database of its own; in each round a new view set, and two new processes that drain
until nothing is behind. Theirs, in between: events of like size in the library's PostgreSQL recorder on the same
server, and its ProjectionRunner keeping a count by day and service; fewer, since only rates are compared.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from time import perf_counter
from typing import Any

import psycopg

from bench.figure import Figure, aside, of_rates, show
from bench.server import database
from bench.stock import replay_with_the_runner
from casework import wiring
from casework.config import Settings
from casework.domain.policy import load_policy
from casework.log.migrations import migrate
from casework.log.pool import open_pool
from casework.population import load
from casework.projections import sets
from casework.projections.engine import Engine
from casework.projections.sets import ViewSet
from casework.projections.verify import verify

NAME = "rebuild, 2 workers, vs stock runner"
EVENTS_A_HOUSEHOLD = 33
WORKERS = 2


def main(arguments: Sequence[str]) -> int:
    """Measure and show the figure; fails where a sample of the rebuilt views differs from a replay."""
    options = _options(arguments)
    with wiring.with_servers(Settings.from_env()) as settings:
        show(run(wiring.database_url(settings), options), as_json=options.json)
    return 0


def run(url: str, options: Any) -> Iterator[Figure]:
    """Yield the one figure."""
    ours, theirs = [], []
    with database(url) as log:
        events = fill(log, options.events)
        for number in range(1, options.rounds + 1):
            ours.append(events / rebuild(log))
            with database(url) as stock:
                their_events, seconds = replay_with_the_runner(stock, options.sample)
            theirs.append(their_events / seconds)
            aside.print(f"round {number}: {events} events at {ours[-1]:,.0f}/s, theirs at {theirs[-1]:,.0f}/s")
    yield of_rates(NAME, ours, theirs, "events/s")


def fill(url: str, events: int) -> int:
    """Fill a log with about so many events of households; return how many they are."""
    migrate(url)
    households = max(1, events // EVENTS_A_HOUSEHOLD)
    with tempfile.TemporaryDirectory() as keys:
        load(url, keys_dir=Path(keys), profile=profile_of(households), households=households)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE casework.events")
        row = db.execute("SELECT count(*) FROM casework.events WHERE partition < 64").fetchone()
    return int(row[0]) if row else 0


def rebuild(url: str) -> float:
    """Let new processes fill a new set; return the seconds from their common start to the last one's end."""
    with open_pool(url) as pool, pool.connection() as db:
        name, policy = sets.create(db, sets.DEFAULT_POLICY), load_policy(sets.DEFAULT_POLICY)
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
        differences = verify(pool, sample=640, view=ViewSet(name, policy)).differences
    if differences:
        raise AssertionError(f"The rebuilt views are not what a replay has: {differences[0]}")
    return seconds


def work(url: str, start: Barrier, end: Barrier) -> None:
    """Drain in a process of its own, beginning and ending with the others."""
    with open_pool(url, max_size=1) as pool:
        engine = Engine(pool)
        start.wait()
        while engine.drain() or engine.fill():
            pass
        end.wait()


def profile_of(households: int) -> str:
    """Return the smallest profile that has so many households."""
    return "demo" if households <= 10_000 else "load" if households <= 100_000 else "city"


def _options(arguments: Sequence[str]) -> Any:
    parser = argparse.ArgumentParser(prog="bench rebuild", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--events", type=int, default=300_000, help="about how many events ours are")
    parser.add_argument("--sample", type=int, default=6_000, help="how many events theirs are, in each round")
    parser.add_argument("--rounds", type=int, default=3, help="how often both are measured")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
