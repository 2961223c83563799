"""How long freezing and ranking a round takes, from the log of 100,000 households, by two processes.

    python -m bench round [--json] [--households 100000] [--rounds 1] [--processes 2 [1 4 …]]

A synthetic population in a database of its own. Two processes count the month ends of all units; then one adds them up,
measures every unit of each kind, and ranks forty of each with as many draws as the policy says. The figure is set
beside the bar of 60 seconds for 100,000 households, in proportion; with several numbers of processes there is one for
each. Every round, by however many processes, must come to the same digest and ranks.
What each part took, and how much memory a process had, stands on standard error.
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
from time import perf_counter, process_time
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
from casework.domain.evaluation import UnitYear, month_ends, totals_digest
from casework.domain.facts_in_place import FactYear
from casework.domain.kinds import is_for_persons
from casework.domain.policy import policy_of
from casework.domain.quota import seats
from casework.domain.ranking import SEED_BYTES, Candidate, rank
from casework.domain.registry import Registry
from casework.domain.unit_metrics import measure
from casework.garbage import keep_for_good
from casework.log.migrations import migrate
from casework.log.pool import open_pool
from casework.population import load
from casework.projections import months
from casework.projections.months import Counting, MonthRun
from casework.projections.unit_years import registry_of, unit_years
from casework.selection.draws import Contest, RankFigures, rank_figures

BAR_SECONDS, BAR_HOUSEHOLDS = 60, 100_000
PROCESSES = 2

NOMINATED = 40
"""How many units of a kind are ranked, where so many can be; five kinds make two hundred nominations."""

PANEL = (70, 75, 80, 85, 90)


class Frozen(NamedTuple):
    """What freezing and ranking took and came to: seconds of each part, and the most memory of a process in MB.

    ``worked`` are the seconds for which the processes that counted had a core, whoever else was at work.
    """

    counting: float
    worked: float
    adding: float
    ranking: float
    memory: float
    digest: str
    ranked: dict[UUID, RankFigures]

    @property
    def seconds(self) -> float:
        """Of all parts."""
        return self.counting + self.adding + self.ranking


def main(arguments: Sequence[str]) -> int:
    """Measure and show the figure; fails where two rounds differ."""
    options = _options(arguments)
    with wiring.with_servers(Settings.from_env()) as settings:
        show(run(wiring.database_url(settings), options), as_json=options.json)
    return 0


def run(url: str, options: Any) -> Iterator[Figure]:
    """Yield a figure for each number of processes."""
    frozen: dict[int, list[Frozen]] = {}
    with database(url) as log:
        fill(log, options.households)
        for processes in options.processes:
            frozen[processes] = [_told(freeze(log, processes), processes) for _ in range(options.rounds)]
    first, *others = [each for rounds in frozen.values() for each in rounds]
    if any((each.digest, each.ranked) != (first.digest, first.ranked) for each in others):
        raise AssertionError("The rounds came to different digests or ranks.")
    bar = BAR_SECONDS * options.households / BAR_HOUSEHOLDS
    for processes, rounds in frozen.items():
        by = "" if processes == PROCESSES else f" by {processes} processes"
        name = f"freeze and rank, {options.households / 1000:g}k households{by}, vs {bar:g} s"
        yield of_times(name, [each.seconds for each in rounds], [bar] * len(rounds), "s")


def _told(frozen: Frozen, processes: int) -> Frozen:
    """Tell what a round took."""
    counting, worked, adding, ranking, memory, digest, ranked = frozen
    parts = f"{counting:.1f} s of counting ({worked:.1f} s at work), {adding:.1f} s of adding up, {ranking:.1f} s"
    most = f"{memory:.0f} MB a process at most"
    aside.print(f"{processes} processes: {parts} of ranking {len(ranked)} units, {most}, {digest[:12]}")
    return frozen


def fill(url: str, households: int) -> None:
    """Fill a log with households."""
    migrate(url)
    with tempfile.TemporaryDirectory() as keys:
        load(url, keys_dir=Path(keys), profile=profile_of(households), households=households)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE casework.events")


def freeze(url: str, processes: int) -> Frozen:
    """Count the last evaluation year that is over in new processes, add it up and rank; then forget it."""
    year = evaluation_year(shanghai_date(datetime.now(UTC))) - 1
    with open_pool(url, max_size=1) as pool, pool.connection() as db:
        begun = months.begin(db, year, policy_of(month_ends(year)[-1]))
        counting, worked, memory = _count(url, begun.id, processes)
        counted = perf_counter()
        registry = registry_of(db, begun)
        years = unit_years(db, begun, registry)
        digest = totals_digest(years)
        added = perf_counter()
        ranked = rank_all(years, registry, begun, digest[:SEED_BYTES])
        ranking = perf_counter() - added
        db.execute("DELETE FROM casework.month_run")
    return Frozen(counting, worked, added - counted, ranking, max(memory, peak_memory()), digest.hex(), ranked)


def rank_all(years: dict[UUID, UnitYear], registry: Registry, run: MonthRun, seed: bytes) -> dict[UUID, RankFigures]:
    """Measure every unit, and rank some of each kind of units; each is nominated under its own id."""
    placed, facts = {}, FactYear(registry, run.year)
    kinds = {kind.code: kind for kind in run.policy.selection.kinds if kind.active and not is_for_persons(kind.code)}
    for kind in kinds.values():
        measured = measure(kind, years, registry, run.policy, run.year, facts)
        able = [each for each in measured if each.not_ranked is None][:NOMINATED]
        placed[kind.code] = rank(kind.code, [Candidate(each.unit, each, PANEL) for each in able], run.policy, seed)
    shares = seats(placed, run.policy).of
    contests = [Contest(kinds[code], places, shares[code]) for code, places in placed.items()]
    return rank_figures(contests, run.policy, seed)


def _count(url: str, run: UUID, processes: int) -> tuple[float, float, float]:
    """Return the seconds from the start of the processes to the last one's end, those at work, and the most memory."""
    context = get_context("spawn")
    told: Queue[tuple[float, float]] = context.Queue()
    workers = [context.Process(target=work, args=(url, run, told), daemon=True) for _ in range(processes)]
    began = perf_counter()
    for worker in workers:
        worker.start()
    worked, memory = zip(*[told.get() for _ in workers], strict=True)
    seconds = perf_counter() - began
    for worker in workers:
        worker.join()
    return seconds, sum(worked), max(memory)


def work(url: str, run: UUID, told: Queue[tuple[float, float]]) -> None:
    """Count partitions in a process of its own until none waits; tell how long it worked, and its memory."""
    keep_for_good()
    with open_pool(url, max_size=1) as pool, pool.connection() as db:
        counting = Counting(months.find(db, run))
        while counting.count_next(db):
            pass
    told.put((process_time(), peak_memory()))


def _options(arguments: Sequence[str]) -> Any:
    parser = argparse.ArgumentParser(prog="bench round", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--households", type=int, default=BAR_HOUSEHOLDS, help="how many households")
    parser.add_argument("--rounds", type=int, default=1, help="how often it is measured")
    parser.add_argument("--processes", type=int, nargs="+", default=[PROCESSES], help="how many processes count")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
