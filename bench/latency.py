"""How soon after its commit an event is visible in a view, at 400 commands a second, beside the stock library.

    python -m bench latency [--json] [--rate 400] [--seconds 10] [--rounds 5] [--households 3000]

Ours: commands through the library's API, woken as the API wakes, two real drains and a beat on real servers; an
event is visible when the checkpoint of its partition has passed it in the live set. Theirs: the library's
application committing at the same rate, and its runner keeping one simple view in a process of its own; an event is
visible when the runner's tracking has reached it. A process looks on every millisecond, and nothing is subtracted.
Rounds are interleaved, and in every third other sessions hold transactions open beside ours.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from datetime import date, timedelta
from itertools import count, cycle
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Event, local
from time import monotonic, sleep
from typing import Any, NamedTuple, Protocol

import psycopg
from eventsourcing.persistence import InfrastructureFactory, Tracking
from eventsourcing.projection import ProjectionRunner
from eventsourcing.utils import Environment

from api.waking import Waker
from bench.commands import Stock, stock_casework
from bench.figure import Figure, aside, of_times, show
from bench.server import database, environment_of, installation
from bench.stock import ServiceCounting, ServiceCounts, StockCasework, environment
from casework import wiring
from casework.config import Settings
from casework.demo import catch_up
from casework.errors import Refused
from casework.garbage import keep_for_good
from casework.outcome import Context
from casework.population import load
from casework.projections.sets import enter_live
from workers.queue import DrainWaker

RATE = 400
THREADS = 16
DRAINS = 2
LOOK_SECONDS = 0.001
HOLD_SECONDS = 3.0
WARM_SECONDS = 3.0
VISIBLE_SECONDS = 60.0
LEAST_SHARE = 0.95
"""A round in which fewer commands were given, of those that the rate asks for, measures the callers."""

CONTEXT = Context(actor="bench", role="caseworker")
SETTLED = timedelta(days=400)

OUR_POSITIONS = "SELECT array_agg(position ORDER BY partition) FROM {view}.checkpoint"
THEIR_POSITIONS = "SELECT ARRAY[notification_id] FROM {schema}.{table} WHERE application_name = 'StockCasework'"

HELD = (
    "INSERT INTO public.beside DEFAULT VALUES",
    "SELECT pg_current_xact_id() FROM casework.events LIMIT 1",  # it writes nothing, and keeps what it sees
)


class Commit(NamedTuple):
    """When an event was in the log, and where."""

    at: float
    partition: int
    position: int


class Contestant(Protocol):
    """What gives commands, and where the view says how far it is."""

    url: str
    positions: str
    """A query for one array: the positions that the view has reached, by partition."""

    def command(self) -> Commit:
        """Give the next household a command."""


def main(arguments: Sequence[str]) -> int:
    """Measure and show the figures."""
    options = _options(arguments)
    with installation() as settings:
        show(run(settings, options), as_json=options.json)
    return 0


def run(settings: Settings, options: Any) -> Iterator[Figure]:
    """Yield both figures when all rounds are over."""
    p99 = defaultdict[str, list[float]](list)
    with ExitStack() as stack:
        ours = stack.enter_context(our_casework(settings, options.households))
        theirs = stack.enter_context(stock(str(settings.database_url), options.households))
        ours_seen, theirs_seen = (Measured(each, stack.enter_context(observer(each))) for each in (ours, theirs))
        conditions: list[tuple[str, Measured, Callable[[str], AbstractContextManager[None]]]] = [
            ("ours", ours_seen, lambda url: nullcontext()),
            ("stock", theirs_seen, lambda url: nullcontext()),
            ("ours, held", ours_seen, held_open),
        ]
        for measured in (ours_seen, theirs_seen):
            measured.latencies(options.rate, WARM_SECONDS)
        keep_for_good()  # as a process of the API does
        for number in range(options.rounds):
            for name, measured, beside in conditions[number % 3 :] + conditions[: number % 3]:
                with beside(ours.url):
                    times = measured.latencies(options.rate, options.seconds)
                p99[name].append(share(times, 0.99))
                _say(f"round {number + 1}: {name}", times)
    yield of_times("commit to visible p99, vs stock", p99["ours"], p99["stock"], "ms")
    beside_it = f"beside a transaction held open {HOLD_SECONDS:.0f} s, vs without"
    yield of_times(f"commit to visible p99, {beside_it}", p99["ours, held"], p99["ours"], "ms")


def _say(what: str, times: Sequence[float]) -> None:
    told = ", ".join(f"p{percent} {share(times, percent / 100):.2f}" for percent in (50, 90, 99, 100))
    aside.print(f"{what}: {told} ms of {len(times)} commands", highlight=False, soft_wrap=True)


def share(times: Sequence[float], part: float) -> float:
    """Return the time within which such a part of them were over, in milliseconds."""
    return sorted(times)[min(len(times) - 1, int(len(times) * part))] * 1000


class Measured:
    """A contestant and who looks on."""

    def __init__(self, contestant: Contestant, observer: Connection) -> None:
        self.contestant, self.observer = contestant, observer

    def latencies(self, rate: float, seconds: float) -> list[float]:
        """Return the seconds from each commit to when its event was seen in the view."""
        self.observer.send("look")
        commits = paced(self.contestant.command, rate, seconds)
        self._await(commits)
        self.observer.send("tell")
        if len(commits) < LEAST_SHARE * rate * seconds:
            aside.print(f"Only {len(commits) / seconds:.0f} commands a second could be given: a noisy round.")
        return list(_waits(commits, self.observer.recv()))

    def _await(self, commits: Sequence[Commit]) -> None:
        last: dict[int, int] = {}
        for _, partition, position in commits:
            last[partition] = max(position, last.get(partition, 0))
        ends = monotonic() + VISIBLE_SECONDS
        with psycopg.connect(self.contestant.url, autocommit=True) as db:
            while any(last.get(partition, 0) > at for partition, at in enumerate(self._positions(db))):
                if monotonic() > ends:
                    raise SystemExit(f"After {VISIBLE_SECONDS:.0f} s not all events were visible.")
                sleep(0.05)

    def _positions(self, db: psycopg.Connection[Any]) -> list[int]:
        [(positions,)] = db.execute(self.contestant.positions)
        return list(positions)


def paced(command: Callable[[], Commit], rate: float, seconds: float) -> list[Commit]:
    """Let threads give commands, each at its due time or, where all are late, as soon as one is free."""
    turns, begun = count(), monotonic() + 0.1

    def caller() -> list[Commit]:
        commits = []
        while (due := begun + next(turns) / rate) < begun + seconds:
            sleep(max(0.0, due - monotonic()))
            commits.append(command())
            if monotonic() > begun + seconds + 1:
                break
        return commits

    with ThreadPoolExecutor(THREADS) as threads:
        callers = [threads.submit(caller) for _ in range(THREADS)]
        return [commit for each in callers for commit in each.result()]


def _waits(commits: Sequence[Commit], seen: Sequence[Commit]) -> Iterator[float]:
    """From each commit to the first look that found its partition's view at its position or beyond."""
    looks: dict[int, list[Commit]] = {}
    for look in seen:
        looks.setdefault(look.partition, []).append(look)
    for commit in sorted(commits, key=lambda commit: commit.position):
        mine = looks[commit.partition]
        while mine[0].position < commit.position:
            del mine[0]
        yield max(0.0, mine[0].at - commit.at)


@contextmanager
def observer(contestant: Contestant) -> Iterator[Connection]:
    """A process that, told to look, notes when the view's positions move, until it is asked to tell."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=look, args=(contestant.url, contestant.positions, there), daemon=True)
    process.start()
    try:
        yield here
    finally:
        process.terminate()
        process.join()


def look(url: str, positions: str, orders: Connection) -> None:
    """Look every millisecond, from one order to the next; each look is noted when its answer is there."""
    with psycopg.connect(url, autocommit=True) as db, suppress(EOFError):
        cursor = db.cursor(binary=True)
        while orders.recv() == "look":
            seen: list[Commit] = []
            known: list[int] = []
            asked = False
            while not asked:
                asked = orders.poll()  # once more after it, since whoever asks has seen all
                [(now,)] = cursor.execute(positions, prepare=True)
                at = monotonic()
                if now != known:
                    before = known or [-1] * len(now)
                    seen += [Commit(at, *place) for place in enumerate(now) if place[1] != before[place[0]]]
                    known = now
                sleep(LOOK_SECONDS)
            orders.recv()
            orders.send(seen)


class OurCasework:
    """Commands on a synthetic log, one household after another, a delivery on one more day."""

    def __init__(self, settings: Settings, households: int) -> None:
        self.url = wiring.database_url(settings)
        self.waker = Waker(DrainWaker(str(settings.redis_url)))
        self.casework = wiring.open_casework(settings, wake=self._wake, max_size=THREADS)
        with self.casework.pool.connection() as db, db.transaction():
            self.positions = OUR_POSITIONS.format(view=enter_live(db).name)
        self.committed = local()
        self.wanted = households

    def begin(self) -> None:
        """Choose the households: some that are there for long."""
        today = self.casework.today
        query = "SELECT household_id FROM household WHERE status = 'assessed' AND arrived_on < %s ORDER BY 1 LIMIT %s"
        with self.casework.pool.connection() as db, db.transaction():
            enter_live(db)
            ids = [row[0] for row in db.execute(query, (today - SETTLED, self.wanted))]
        self.turn = cycle([(id, (today - timedelta(number) for number in count(1))) for id in ids])

    def command(self) -> Commit:
        """Record a delivery on the latest day that has none yet."""
        household_id, days = next(self.turn)
        for day in days:
            with suppress(Refused):  # they have been delivered to on that day
                return self._deliver(household_id, day)
        raise AssertionError("There is always an earlier day.")

    def _deliver(self, household_id: Any, day: date) -> Commit:
        fields = {"service": "COM-VISIT", "delivered_on": day}
        outcome = self.casework.give(household_id, "record_delivery", CONTEXT, **fields)
        partition, position = str(outcome.position).split(":")
        return Commit(self.committed.at, int(partition), int(position))

    def _wake(self, partitions: Sequence[int]) -> None:
        self.committed.at = monotonic()  # the log has just answered
        self.waker(partitions)

    def close(self) -> None:
        """Close what it opened."""
        self.waker.close()
        self.casework.close()
        self.casework.pool.close()


@contextmanager
def our_casework(settings: Settings, households: int) -> Iterator[Contestant]:
    """A log of synthetic households, its views at the heads, and the workers that keep them there."""
    wiring.prepare(settings, synthetic=True)
    url = wiring.database_url(settings)
    load(url, keys_dir=settings.keys_dir, households=min(10_000, 2 * households), role=settings.database_role)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE TABLE public.beside (at timestamptz DEFAULT clock_timestamp())")
        db.execute("VACUUM ANALYZE casework.events")
    made = OurCasework(settings, households)
    try:
        with workers(settings):
            catch_up(made.casework)
            made.begin()
            yield made
    finally:
        made.close()


@contextmanager
def workers(settings: Settings) -> Iterator[None]:
    """The drains and a beat as processes of their own, ended with the block."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        for number, name in enumerate(["drains"] * DRAINS + ["beat"]):
            command = wiring.command_line("workers.run", name)
            with (settings.data_dir / f"{name}-{number}.log").open("wb") as log:
                started.append(subprocess.Popen(command, env=environment_of(settings), stdout=log, stderr=log))
        yield
    finally:
        for program in started:
            program.terminate()
        for program in started:
            program.wait(30)


@contextmanager
def held_open(url: str) -> Iterator[None]:
    """Sessions that hold a transaction open for some seconds, again and again: a write, and one that wrote nothing."""
    over = Event()

    def hold(statement: str) -> None:
        with psycopg.connect(url) as db:
            db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while not over.is_set():
                db.execute(statement)
                over.wait(HOLD_SECONDS)
                db.commit()

    with ThreadPoolExecutor(len(HELD)) as threads:
        holders = [threads.submit(hold, statement) for statement in HELD]
        try:
            yield
        finally:
            over.set()
        for holder in holders:
            holder.result()


class TheirCasework:
    """The library's application, giving one household after another a service."""

    def __init__(self, url: str, app: StockCasework, ids: Sequence[Any], positions: str) -> None:
        self.url, self.positions = url, positions
        self.stock, self.turn = Stock(app), cycle(ids)

    def command(self) -> Commit:
        """Grant a service."""
        [recording] = self.stock.grant(next(self.turn))
        return Commit(monotonic(), 0, recording.notification.id)


@contextmanager
def stock(server_url: str, households: int) -> Iterator[Contestant]:
    """The library's application and, in a process of its own, its runner, which begins at what is there."""
    context = get_context("spawn")
    with database(server_url) as url, stock_casework(url, connections=THREADS) as app:
        with ThreadPoolExecutor(THREADS) as threads:
            ids = Stock(app).fill(threads, households)
        env = Environment(ServiceCounting.name, {**os.environ, **environment(url)})
        view = InfrastructureFactory[ServiceCounts].construct(env).tracking_recorder(ServiceCounts)
        view.insert_tracking(Tracking(app.name, app.recorder.max_notification_id() or 0))
        positions = THEIR_POSITIONS.format(schema=view.datastore.schema, table=view.tracking_table_name)
        runner = context.Process(target=keep_the_view, args=(environment(url),), daemon=True)
        runner.start()
        try:
            yield TheirCasework(url, app, ids, positions)
        finally:
            runner.terminate()
            runner.join()
            view.datastore.close()


def keep_the_view(env: dict[str, str]) -> None:
    """Let the library's runner keep its view until the process ends."""
    with ProjectionRunner(
        application_class=StockCasework, projection_class=ServiceCounting, view_class=ServiceCounts, env=env
    ) as runner:
        runner.run_forever()


def _options(arguments: Sequence[str]) -> Any:
    parser = argparse.ArgumentParser(prog="bench latency", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one line of JSON for each figure")
    parser.add_argument("--rate", type=float, default=RATE, help="how many commands are given in a second")
    parser.add_argument("--seconds", type=float, default=10, help="how long commands are given in each round")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument("--households", type=int, default=3000, help="how many get commands, in turn")
    return parser.parse_args(arguments)
