"""Month ends of an evaluation year, from the log at a cut, by as many processes as there are (DESIGN section 7).

A run is what is asked: a year, a policy and a cut. It has a row for each partition; whoever holds the row's lock
computes the partition and stores it, so that a process may be killed at any point and another takes what it left.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

import msgspec

from casework.domain.calendar import SHANGHAI, month_ends, shanghai_date
from casework.domain.household import Household
from casework.domain.household_year import HouseholdYear, YearCounter
from casework.domain.ids import PARTITIONS, REGISTRY, uuid7, uuid8_from
from casework.domain.policy import Policy, load_policy, parse_policy
from casework.domain.state import Origin
from casework.domain.year_events import ACTING, NOBODY, Acting, origins_of
from casework.faults import fault
from casework.garbage import without_collections
from casework.log import reading
from casework.log.pool import rows
from casework.log.reading import Cut, Db, SignedStream
from casework.projections.computing import Failure, folded, tried
from casework.projections.facts import registry_at
from casework.projections.month_totals import Totals

log = logging.getLogger(__name__)

COUNTING_VERSION = 1
"""Of the way of counting: where it changes, what was counted before is no longer taken for the same."""

KEPT_DAYS = 7
"""For so long a run is kept that no round rests on: of a draft, of one question, or of an instant of no freeze."""

CHUNK = 500


class MonthRun(NamedTuple):
    """What is counted: the month ends of a year under a policy, as they were known at an instant, at a cut."""

    id: UUID
    year: int
    policy: Policy
    known_at: datetime
    cut: Cut

    @property
    def days(self) -> list[date]:
        """The month ends that were over at the instant; at the others nobody is counted."""
        known_on = shanghai_date(self.known_at)
        return [day for day in month_ends(self.year) if day <= known_on]


class Progress(NamedTuple):
    """How far a run is: events of the partitions that are done, of all; households counted, and those missing."""

    done: int
    total: int
    partitions: int
    households: int
    missing: int

    @property
    def is_whole(self) -> bool:
        """Whether every partition is done."""
        return self.partitions == PARTITIONS


# Where the instant of the freeze lies between the two it has the same cut, and the run is the one to be kept.
_BEGIN = """
INSERT INTO casework.month_run (id, year, policy, draft, known_at, cut, passing)
VALUES (%(id)s, %(year)s, %(policy)s, %(draft)s, %(known_at)s, %(cut)s, %(passing)s)
ON CONFLICT (id) DO UPDATE SET known_at = greatest(
    least(month_run.known_at, EXCLUDED.known_at),
    least(
        greatest(month_run.known_at, EXCLUDED.known_at),
        make_timestamptz(EXCLUDED.year, 10, 31, 15, 59, 59.999999, 'UTC')
    )
)"""
_PARTS = """
INSERT INTO casework.month_part (partition, run) SELECT generate_series(0, 63), %s ON CONFLICT DO NOTHING"""
_FORGET = """
DELETE FROM casework.month_run
WHERE (passing OR draft IS NOT NULL OR known_at <> make_timestamptz(year, 10, 31, 15, 59, 59.999999, 'UTC'))
  AND begun_at < clock_timestamp() - make_interval(days => %s)"""
_RUN = "SELECT year, policy, draft, known_at, cut FROM casework.month_run WHERE id = %s"
_UNFINISHED = """
SELECT run.id FROM casework.month_run AS run
WHERE run.year = %s AND EXISTS (SELECT FROM casework.month_part AS p WHERE p.run = run.id AND p.totals IS NULL)
ORDER BY run.begun_at DESC"""
_OPEN = """
SELECT run FROM casework.month_part WHERE totals IS NULL GROUP BY run ORDER BY run"""

# The largest first: what is begun last is soon over.
_CLAIM = """
SELECT part.partition FROM casework.month_part AS part JOIN casework.month_run AS run ON run.id = part.run
WHERE part.run = %b AND part.totals IS NULL
ORDER BY run.cut[part.partition + 1] DESC LIMIT 1 FOR UPDATE OF part SKIP LOCKED"""
_STORE = """
UPDATE casework.month_part SET households = %b::int, missing = %b::uuid[], totals = %b
WHERE partition = %b::smallint AND run = %b"""
_PROGRESS = """
SELECT coalesce(sum(run.cut[part.partition + 1]) FILTER (WHERE part.totals IS NOT NULL), 0)::bigint,
       sum(run.cut[part.partition + 1])::bigint, count(part.totals)::int,
       coalesce(sum(part.households), 0)::bigint, coalesce(sum(cardinality(part.missing)), 0)::bigint
FROM casework.month_part AS part JOIN casework.month_run AS run ON run.id = part.run WHERE part.run = %s"""
_MISSING = """
SELECT household FROM casework.month_part, unnest(missing) AS household WHERE run = %s ORDER BY household LIMIT %s"""
_DROP = "DELETE FROM casework.month_run WHERE id = %s"
_TOTALS = "SELECT totals FROM casework.month_part WHERE partition = %b::smallint AND run = %b"


def nominations_end(year: int) -> datetime:
    """Return 31 October 24:00 of a year as it is stored: what is known then is what the round freezes (RULES B1)."""
    return datetime(year, 11, 1, tzinfo=SHANGHAI) - timedelta(microseconds=1)


def begin(
    db: Db, year: int, policy: Policy, *, known_at: datetime | None = None, draft: bytes | None = None
) -> MonthRun:
    """Return the run of a year, begun now unless it was before; outside of transactions.

    Without an instant it is that of the freeze, or now where that is yet to come: then a run that was begun and is not
    whole goes on. ``draft`` is the file of a policy that is not published.
    """
    now = datetime.now(UTC)
    if known_at is None and now < nominations_end(year):
        for run in _unfinished(db, year):
            if run.policy == policy:
                return run
    at = min(known_at or nominations_end(year), now)
    run = MonthRun(UUID(int=0), year, policy, at, reading.cut_at(db, at))
    run = run._replace(id=_id_of(run))
    _keep(db, run, draft)
    return run


@contextmanager
def apart(db: Db, year: int, policy: Policy, known_at: datetime) -> Iterator[MonthRun]:
    """A run of its own, which shares nothing with any that was counted before, and is gone in the end."""
    run = MonthRun(uuid7(), year, policy, known_at, reading.cut_at(db, known_at))
    _keep(db, run, None, passing=True)
    try:
        yield run
    finally:
        db.execute(_DROP, (run.id,))


def _id_of(run: MonthRun) -> UUID:
    asked = (COUNTING_VERSION, run.year, len(run.days), run.policy.sha256, *_places(run.cut))
    return uuid8_from("\0".join(["months", *map(str, asked)]).encode())


def _places(cut: Cut) -> list[int]:
    return [cut[partition] for partition in range(PARTITIONS + 1)]


def _keep(db: Db, run: MonthRun, draft: bytes | None, *, passing: bool = False) -> None:
    row = {**run._asdict(), "policy": run.policy.version, "draft": draft, "cut": _places(run.cut), "passing": passing}
    with db.transaction():
        db.execute(_FORGET, (KEPT_DAYS,))
        db.execute(_BEGIN, row)
        db.execute(_PARTS, (run.id,))


def _unfinished(db: Db, year: int) -> Iterator[MonthRun]:
    for (id,) in db.execute(_UNFINISHED, (year,)).fetchall():
        yield find(db, id)


def find(db: Db, id: UUID) -> MonthRun:
    """Return a run by its id; LookupError where there is none."""
    row = db.execute(_RUN, (id,)).fetchone()
    if row is None:
        raise LookupError(f"There is no run {id}.")
    year, version, draft, known_at, cut = row
    policy = load_policy(version) if draft is None else parse_policy(bytes(draft))
    return MonthRun(id, year, policy, known_at, dict(enumerate(cut)))


def open_runs(db: Db) -> list[UUID]:
    """Return the runs of which partitions wait, whether or not somebody is at work on them."""
    return [id for (id,) in db.execute(_OPEN).fetchall()]


def progress(db: Db, run: UUID) -> Progress:
    """Return how far a run is."""
    row = db.execute(_PROGRESS, (run,)).fetchone()
    assert row is not None
    return Progress(*row)


def missing(db: Db, run: UUID, most: int = 100) -> list[UUID]:
    """Return households that could not be computed, and are in no total of the run."""
    return [household for (household,) in db.execute(_MISSING, (run, most)).fetchall()]


def stored_totals(db: Db, run: UUID) -> Iterator[bytes]:
    """Return the totals of each partition in turn; LookupError where one is not done."""
    for partition in range(PARTITIONS):
        found = rows(db, _TOTALS, (partition, run))
        if not found or found[0][0] is None:
            raise LookupError(f"Partition {partition} of run {run} is not counted.")
        yield found[0][0]


class Counting:
    """Counts the partitions of a run in this process; the registry at its cut is folded once, when there is one."""

    def __init__(self, run: MonthRun) -> None:
        self.run = run
        self._counter: YearCounter | None = None

    def count_next(self, db: Db) -> bool:
        """Count a partition that waits and that nobody is at work on; False where there is none."""
        with db.transaction():
            claimed = rows(db, _CLAIM, (self.run.id,))
            if not claimed:
                return False
            [(partition,)] = claimed
            counter = self._counter = self._counter or counter_of(db, self.run)
            with without_collections():
                totals, households, failed = self._partition(db, partition, counter)
            fault("month-counted")
            rows(db, _STORE, (households, failed, totals.encoded(), partition, self.run.id))
        fault("month-stored")
        return True

    def _partition(self, db: Db, partition: int, counter: YearCounter) -> tuple[Totals, int, list[UUID]]:
        """The totals of a partition, of how many households, and whom they lack."""
        totals, households, failed = Totals(), 0, list[UUID]()
        for chunk in _chunks(db, partition, self.run.cut[partition]):
            for each in _counted(db, chunk, counter):
                if isinstance(each, Failure):
                    log.error("Household %s is missing in a month end: %s", each.household_id, each.error)
                    failed.append(each.household_id)
                else:
                    totals.add(each)
                    households += 1
        return totals, households, failed


def counter_of(db: Db, run: MonthRun) -> YearCounter:
    """Return what counts a run's households, with the registry at its cut."""
    return YearCounter(run.policy, registry_at(db, run.cut[REGISTRY]), run.year, run.days)


def _counted(db: Db, chunk: Sequence[SignedStream], counter: YearCounter) -> list[HouseholdYear | Failure]:
    folds = [tried(signed.stream, partial(folded, signed.stream)) for signed in chunk]
    origins = acting_at(db, [fold for fold in folds if isinstance(fold, Household)])
    return [
        fold
        if isinstance(fold, Failure)
        else tried(signed.stream, partial(count_household, counter, signed, fold, origins))
        for signed, fold in zip(chunk, folds, strict=True)
    ]


def count_household(
    counter: YearCounter, signed: SignedStream, household: Household, origins: Mapping[Origin, Acting]
) -> HouseholdYear:
    """Return what a household that was folded from a stream adds; ``origins`` as :func:`acting_at` tells them."""
    return counter.count(household, signed.stream.types, partial(_told, signed.metas), origins)


def _told(metas: Sequence[bytes | None], place: int) -> Acting:
    meta = metas[place]
    return NOBODY if meta is None else _acting(meta)


def acting_at(db: Db, households: Sequence[Household]) -> dict[Origin, Acting]:
    """Return who acted in the events that granted what was brought from other households."""
    wanted = {origin for household in households for origin in origins_of(household)}
    return {Origin(*place): _acting(meta) for place, meta in reading.metas_at(db, sorted(wanted)).items()}


def _chunks(db: Db, partition: int, upto: int) -> Iterator[list[SignedStream]]:
    for first, last in reading.stretches_of_streams(db, partition, upto, CHUNK):
        yield reading.signed_streams_between(db, partition, first, last, upto, ACTING)


_acting = msgspec.json.Decoder(Acting).decode
