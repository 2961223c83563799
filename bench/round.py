"""How long freezing and ranking a round takes, from the log of 100,000 households, by two processes.

    python -m bench round [--json] [--households 100000] [--rounds 1] [--processes 2 [1 4 …]]

A synthetic population in a database of its own. Two processes count the month ends of all units; then one adds them up,
measures every unit of each kind, keeps that, and ranks forty of each with as many draws as the policy says. The figure
is set beside the bar of 60 seconds for 100,000 households, in proportion; with several numbers of processes there is
one for each. Every round, by however many processes, must come to the same digest and ranks.
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
from casework.domain.evaluation import month_ends
from casework.domain.kinds import is_for_persons, round_kinds
from casework.domain.policy import Kind, policy_of
from casework.domain.quota import seats
from casework.domain.ranking import Candidate, rank
from casework.garbage import keep_for_good
from casework.log.migrations import migrate
from casework.log.pool import open_pool
from casework.population import load
from casework.projections import months
from casework.projections.months import Counting
from casework.selection.draws import Contest, RankFigures, rank_figures
from casework.selection.kept_figures import keep, kept
from casework.selection.snapshot import Snapshot, snapshot_of

BAR_SECONDS, BAR_HOUSEHOLDS = 60, 100_000
PROCESSES = 2

NOMINATED = 40
"""How many units of a kind are ranked, where so many can be; five kinds make two hundred nominations."""

PANEL = (70, 75, 80, 85, 90)


class Frozen(NamedTuple):
    """What freezing and ranking took and came to: seconds of each part, and the most memory of a process in MB.

    ``worked`` are the seconds for which all these processes had a core, whoever else was at work; ``reading`` comes
    after the round, and is what its first report takes in place of ``measuring``.
    """

    counting: float
    measuring: float
    ranking: float
    worked: float
    reading: float
    memory: float
    digest: str
    ranked: dict[UUID, RankFigures]

    @property
    def seconds(self) -> float:
        """Of all parts."""
        return self.counting + self.measuring + self.ranking


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
    parts = f"{frozen.counting:.1f} s of counting, {frozen.measuring:.1f} s of measuring, {frozen.ranking:.1f} s"
    ranked = f"of ranking {len(frozen.ranked)} units, {frozen.worked:.1f} s at work in all"
    after = f"{frozen.reading:.2f} s to read what was kept, {frozen.memory:.0f} MB a process at most"
    aside.print(f"{processes} processes: {parts} {ranked}; {after}, {frozen.digest[:12]}")
    return frozen


def fill(url: str, households: int) -> None:
    """Fill a log with households."""
    migrate(url)
    with tempfile.TemporaryDirectory() as keys:
        load(url, keys_dir=Path(keys), profile=profile_of(households), households=households)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE casework.events")


def freeze(url: str, processes: int) -> Frozen:
    """Count the last evaluation year that is over in new processes, measure and rank; then forget the counts."""
    year = evaluation_year(shanghai_date(datetime.now(UTC))) - 1
    with open_pool(url, max_size=1) as pool, pool.connection() as db:
        begun = months.begin(db, year, policy_of(month_ends(year)[-1]))
        kinds = [kind for kind in round_kinds(begun.policy) if not is_for_persons(kind.code)]
        counting, worked, memory = _count(url, begun.id, processes)
        counted, worked_before = perf_counter(), process_time()
        snapshot = snapshot_of(db, begun, kinds)
        keep(db, snapshot)
        measured = perf_counter()
        ranked = rank_all(snapshot, kinds)
        over, worked = perf_counter(), worked + process_time() - worked_before
        if kept(db, begun, snapshot.sha256) != snapshot:
            raise AssertionError("The figures are not kept as they were measured.")
        reading = perf_counter() - over
        db.execute("DELETE FROM casework.month_run")
    digest, memory = snapshot.sha256.hex(), max(memory, peak_memory())
    return Frozen(counting, measured - counted, over - measured, worked, reading, memory, digest, ranked)


def rank_all(snapshot: Snapshot, kinds: Sequence[Kind]) -> dict[UUID, RankFigures]:
    """Rank some units of each kind; each is nominated under its own id."""
    placed, policy, seed = {}, snapshot.run.policy, snapshot.seed
    for kind in kinds:
        able = [each for each in snapshot.metrics[kind.code] if each.not_ranked is None][:NOMINATED]
        placed[kind.code] = rank(kind.code, [Candidate(each.unit, each, PANEL) for each in able], policy, seed)
    shares = seats(placed, policy).of
    contests = [Contest(kind, placed[kind.code], shares[kind.code]) for kind in kinds]
    return rank_figures(contests, policy, seed)


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
