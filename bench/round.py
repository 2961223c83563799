"""How long a round's freeze takes: the month ends of all units, from the log of 100,000 households, by two processes.

    python -m bench round [--json] [--households 100000] [--rounds 1] [--processes 2]

A synthetic population in a database of its own; the figure is set beside the bar of 60 seconds for 100,000 households,
in proportion. Every round must come to the same digest. How much memory a process had stands on standard error.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from bench.figure import Figure, aside, of_times, show
from bench.growth import peak_memory
from bench.rebuild import profile_of
from bench.server import database
from casework import wiring
from casework.config import Settings
from casework.domain.calendar import evaluation_year, shanghai_date
from casework.domain.evaluation import month_ends, totals_digest
from casework.domain.policy import policy_of
from casework.garbage import keep_for_good
from casework.log.migrations import migrate
from casework.log.pool import open_pool
from casework.population import load
from casework.projections import months
from casework.projections.months import Counting
from casework.projections.unit_years import registry_of, unit_years

BAR_SECONDS, BAR_HOUSEHOLDS = 60, 100_000


class Frozen(NamedTuple):
    """What a freeze took and came to: seconds of counting and of adding up, and the most memory of a process in MB."""

    counting: float
    adding: float
    memory: float
    digest: str


def main(arguments: Sequence[str]) -> int:
    """Measure and show the figure; fails where two rounds differ."""
    options = _options(arguments)
    with wiring.with_servers(Settings.from_env()) as settings:
        show(run(wiring.database_url(settings), options), as_json=options.json)
    return 0


def run(url: str, options: Any) -> Iterator[Figure]:
    """Yield the one figure."""
    frozen: list[Frozen] = []
    with database(url) as log:
        fill(log, options.households)
        for number in range(1, options.rounds + 1):
            frozen.append(freeze(log, options.processes))
            last = frozen[-1]
            told = (
                f"{last.counting:.1f} s of counting, {last.adding:.1f} s of adding up, {last.memory:.0f} MB a process"
            )
            aside.print(f"round {number}: {told}, {last.digest[:16]}", highlight=False, soft_wrap=True)
    if len({each.digest for each in frozen}) > 1:
        raise AssertionError("The rounds came to different digests.")
    bar = BAR_SECONDS * options.households / BAR_HOUSEHOLDS
    times = [each.counting + each.adding for each in frozen]
    name = f"freeze and rank, {options.households / 1000:g}k households, vs {bar:g} s"
    yield of_times(name, times, [bar] * len(times), "s")


def fill(url: str, households: int) -> None:
    """Fill a log with households."""
    migrate(url)
    with tempfile.TemporaryDirectory() as keys:
        load(url, keys_dir=Path(keys), profile=profile_of(households), households=households)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE casework.events")


def freeze(url: str, processes: int) -> Frozen:
    """Count the last evaluation year that is over in new processes, and add it up; then forget it."""
    year = evaluation_year(shanghai_date(datetime.now(UTC))) - 1
    with open_pool(url, max_size=1) as pool, pool.connection() as db:
        begun = months.begin(db, year, policy_of(month_ends(year)[-1]))
        counting, memory = _count(url, begun.id, processes)
        began = perf_counter()
        digest = totals_digest(unit_years(db, begun, registry_of(db, begun))).hex()
        adding = perf_counter() - began
        db.execute("DELETE FROM casework.month_run")
    return Frozen(counting, adding, max(memory, peak_memory()), digest)


def _count(url: str, run: UUID, processes: int) -> tuple[float, float]:
    """Return the seconds from the start of the processes to the last one's end, and the most memory of one."""
    context = get_context("spawn")
    peaks: Queue[float] = context.Queue()
    workers = [context.Process(target=work, args=(url, run, peaks), daemon=True) for _ in range(processes)]
    began = perf_counter()
    for worker in workers:
        worker.start()
    most = max(peaks.get() for _ in workers)
    seconds = perf_counter() - began
    for worker in workers:
        worker.join()
    return seconds, most


def work(url: str, run: UUID, peaks: Queue[float]) -> None:
    """Count partitions in a process of its own until none waits; tell in the end how much memory it ever had."""
    keep_for_good()
    with open_pool(url, max_size=1) as pool, pool.connection() as db:
        counting = Counting(months.find(db, run))
        while counting.count_next(db):
            pass
    peaks.put(peak_memory())


def _options(arguments: Sequence[str]) -> Any:
    parser = argparse.ArgumentParser(prog="bench round", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--households", type=int, default=BAR_HOUSEHOLDS, help="how many households")
    parser.add_argument("--rounds", type=int, default=1, help="how often it is measured")
    parser.add_argument("--processes", type=int, default=2, help="how many processes count")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
