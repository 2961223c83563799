"""Fills a log with a population: partition by partition, in several processes, again and again without a double."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any, NamedTuple

import psycopg

from casework.domain.calendar import shanghai_date
from casework.domain.ids import PARTITIONS, REGISTRY
from casework.log.append import Claim
from casework.log.migrations import Birth, UnsuitableServer, birth, read_birth
from casework.log.pool import APPLICATION_ROLE, open_pool
from casework.log.recorder import LogAggregateRecorder
from casework.population.office import City
from casework.population.profiles import PROFILES
from casework.population.story import life_of
from casework.population.timeline import timeline
from casework.population.told import Span, Told, Weeks, beside
from casework.population.world import world
from casework.privacy.keys import KeyRing
from casework.privacy.search import KeyedHashes
from casework.privacy.vault import Vault

DEFAULT_SEED = 2013
BATCH = 400
"""How many events one append takes: a week of a large partition needs several, those of a small one share one."""

_LAST = """
SELECT position, stream_id, version, meta FROM casework.events
WHERE partition = %s ORDER BY position DESC LIMIT 1"""
_IS_CLAIMED = "SELECT FROM casework.claim WHERE hash = %s"


class Loaded(NamedTuple):
    """What a load did: how many households there are, events it added, and events that were there before.

    ``skipped`` counts what offices recorded twice or too late, so that nothing changed or it was refused.
    """

    households: int
    events: int
    present: int
    skipped: int
    seconds: float


class Plan(NamedTuple):
    """Which population a log holds: as its birth record tells it."""

    profile: str
    households: int
    seed: int
    until: date


class Part(NamedTuple):
    """What was done for one partition."""

    households: int
    events: int = 0
    present: int = 0
    skipped: int = 0


def load(
    database_url: str,
    *,
    keys_dir: Path,
    profile: str = "demo",
    households: int | None = None,
    seed: int = DEFAULT_SEED,
    until: date | None = None,
    resume: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: int | None = None,
    role: str = APPLICATION_ROLE,
) -> Loaded:
    """Fill a migrated log with the first households of a profile, or go on where an earlier load ended.

    The log's birth record keeps profile, number of households, seed and ``until`` (the last simulated day, by
    default the last Sunday): a second load uses those, whatever it is given, and adds only what is missing. With
    ``resume`` nothing is begun: the log must have been. ``progress`` is told households, done and in all.

    Raises :class:`UnsuitableServer` where the log is real, or holds something else than this population, and
    ValueError for an unknown profile, too many households, or a day that is not over.
    """
    began = monotonic()
    keys = KeyRing.open(keys_dir, create=True)
    asked = None if resume else _asked(profile, households, seed, until)
    plan = _plan(database_url, asked)
    with psycopg.connect(database_url, autocommit=True) as db:
        Vault(keys).bind(db)
    total = Part(0)
    for part in _parts(Order(plan, database_url, keys_dir, role), processes or os.cpu_count() or 1):
        total = Part(*(mine + more for mine, more in zip(total, part, strict=True)))
        progress(total.households, plan.households)
    return Loaded(*total, seconds=monotonic() - began)


def last_sunday(today: date) -> date:
    """Return the last Sunday before a day."""
    return today - timedelta(today.isoweekday())


def _asked(profile: str, households: int | None, seed: int, until: date | None) -> Plan:
    if profile not in PROFILES:
        raise ValueError(f"There is no profile {profile}; there are {', '.join(PROFILES)}.")
    most = PROFILES[profile].households
    if households is not None and not 0 < households <= most:
        raise ValueError(f"The profile {profile} has 1 to {most} households.")
    today = shanghai_date(datetime.now(UTC))
    if until is not None and until >= today:
        raise ValueError("The simulated weeks end before today.")
    return Plan(profile, households or most, seed, until or last_sunday(today))


def _plan(database_url: str, asked: Plan | None) -> Plan:
    """Return which population the log holds; where it is not born yet, it is born with what was asked for."""
    if asked is None:
        with psycopg.connect(database_url) as db:
            born = read_birth(db)
    else:
        details = {"profile": asked.profile, "households": asked.households}
        born = birth(database_url, synthetic=True, until=asked.until, seed=asked.seed, details=details)
    return _told_at_birth(born)


def _told_at_birth(born: Birth | None) -> Plan:
    if born is None or born.until is None or born.seed is None or "profile" not in born.details:
        raise UnsuitableServer("This log holds no population that could be continued.")
    return Plan(born.details["profile"], born.details["households"], born.seed, born.until)


class Order(NamedTuple):
    """What a process needs to know to load partitions."""

    plan: Plan
    database_url: str
    keys_dir: Path
    role: str


def _parts(order: Order, processes: int) -> Iterator[Part]:
    """Load every partition, the registry first; return them as they are done."""
    pool = ProcessPoolExecutor(processes, get_context("spawn"), initializer=_begin, initargs=(order,))
    with pool:
        try:
            for done in as_completed([pool.submit(_load, p) for p in (REGISTRY, *range(PARTITIONS))]):
                yield done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_loader: Loader | None = None


def _begin(order: Order) -> None:
    global _loader
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is interrupted waits for us to end a partition
    Thread(target=_end_with_parent, daemon=True).start()
    _loader = Loader(order)


def _end_with_parent() -> None:
    """End at once when the parent was killed: nobody would ever take our results."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
    os._exit(1)


def _load(partition: int) -> Part:
    assert _loader is not None
    return _loader.load(partition)


class Loader:
    """Loads partitions, in a process of its own."""

    def __init__(self, order: Order) -> None:
        self.plan = order.plan
        keys = KeyRing.open(order.keys_dir, create=False)
        self.hashes = KeyedHashes(keys)
        self.city = City(world(self.plan.profile, self.plan.seed), Span(self.plan.until), keys)
        self.pool = open_pool(order.database_url, role=order.role, max_size=1)
        self.recorder = LogAggregateRecorder(self.pool)

    def load(self, partition: int) -> Part:
        """Bring a partition to its end; one that is complete is only counted."""
        numbers = range(0) if partition == REGISTRY else range(partition, self.plan.households, PARTITIONS)
        complete = self._completion(partition)
        if self._ask(_IS_CLAIMED, complete.hash):
            return Part(len(numbers), present=self._last(partition).position)
        weeks = Weeks(self.city.span)
        skipped = 0
        if partition == REGISTRY:
            weeks.add(timeline(self.city.world, self.city.span))
        for number in numbers:
            life = life_of(self.city, number)
            weeks.add(life.told())
            skipped += life.skipped
        present = self._append(partition, weeks, complete)
        return Part(len(numbers), len(weeks) - present, present, skipped)

    def _append(self, partition: int, weeks: Weeks, complete: Claim) -> int:
        """Append what is missing; return how much was there."""
        last = self._last(partition)
        if last.position > len(weeks):
            raise _another_log(partition)
        position = 0
        for batch in batches(weeks):
            there = last.position - position
            if 0 < there <= len(batch) and not last.is_of(batch[there - 1]):
                raise _another_log(partition)
            position += len(batch)
            new = batch[max(0, there) :]
            if new:
                company = beside(new)
                if position == len(weeks):
                    company = company._replace(claims=[*company.claims, complete._replace(stream_id=new[0].stream_id)])
                self.recorder.append_simulated(
                    [told.event(partition) for told in new], [told.recorded_at for told in new], company
                )
        return last.position

    def _completion(self, partition: int) -> Claim:
        """Return the claim that the last append of a partition takes, to say that it is the last."""
        return Claim(self.hashes.claim_hash("source", "population", str(partition)), "source")

    def _last(self, partition: int) -> Last:
        return Last(*(self._ask(_LAST, partition) or [(0, None, 0, b"")])[0])

    def _ask(self, query: str, value: Any) -> list[Any]:
        with self.pool.connection() as db:
            return db.execute(query, (value,)).fetchall()


class Last(NamedTuple):
    """The last event of a partition."""

    position: int
    stream_id: Any
    version: int
    meta: bytes

    def is_of(self, told: Told) -> bool:
        """Say whether it is this one."""
        return (self.stream_id, self.version, bytes(self.meta)) == (told.stream_id, told.version, told.meta)


def batches(weeks: Weeks) -> Iterator[list[Told]]:
    """Return the events in the order in which they were recorded, as many at a time as one append takes."""
    told = chain.from_iterable(weeks)
    while batch := list(islice(told, BATCH)):
        yield batch


def _another_log(partition: int) -> UnsuitableServer:
    return UnsuitableServer(
        f"Partition {partition} holds other events than this population has: it was written to while it was being"
        " loaded, or by another version of this program. Load an empty database."
    )
