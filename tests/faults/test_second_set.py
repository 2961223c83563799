"""Row 9: a second view set is filled beside the live one while writers append; killed half-way, it is gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

from casework.domain.ids import uuid7
from casework.projections import reading
from casework.projections.engine import Engine
from casework.projections.reading import Filter
from tests.faults.amounts import amount
from tests.faults.invariants import NOTE, assert_views_hold
from tests.projections.lives import EMPLOYERS, UNTIL, life
from tests.projections.simulated import Simulated

HOUSEHOLDS = amount(short=150, long=5000)
OF_THE_NEW_SET = 2
"""Each drain takes a turn at every set, so every second transaction is the new one's."""


def test_a_set_filled_under_load_and_killed_half_way_equals_the_live_one(log: Simulated):
    log.tell([event for seed in range(HOUSEHOLDS) for event in life(uuid7(), seed, steps=6)])
    log.drain()
    beside = log.new_set()
    log.as_owner(NOTE.format(beside))

    with meanwhile(lambda: write(log)), meanwhile(lambda: read_without_a_gap(log)):
        killed = log.drain_in_process(f"checkpoints-moved=kill@{3 * OF_THE_NEW_SET}")
        left = unfilled(log, beside)
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda engine: fill(log, beside, engine), [log.new_engine(), log.new_engine()]))
    log.drain()

    assert (killed, 0 < left < 64) == (-9, True)
    assert triples(log, beside) == triples(log, "view_1")
    assert log.contents(beside) == log.contents("view_1")
    assert_views_hold(log)
    assert log.as_owner("SELECT count(*) > 64 FROM public.move WHERE view = %s", beside) == [(True,)]


def write(log: Simulated) -> None:
    """A new household, and a fact that others depend on."""
    household_id = uuid7()
    log.tell(life(household_id, household_id.int % 1000, steps=6))
    log.report_contract(EMPLOYERS[0], UNTIL)


def read_without_a_gap(log: Simulated) -> None:
    """Readers see the live set whole, whatever happens beside it."""
    with reading.live_views(log.pool) as (db, view):
        page = reading.households(db, Filter(), after=None, limit=HOUSEHOLDS)
    assert (view.name, len(page.items)) == ("view_1", HOUSEHOLDS)


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Something that somebody else does again and again during the block; their error is raised at its end."""
    done = Event()

    def again() -> int:
        acts = 0
        while not done.wait(0.005) or not acts:
            act()
            acts += 1
        return acts

    with ThreadPoolExecutor(1) as thread:
        acting = thread.submit(again)
        try:
            yield
        finally:
            done.set()
        assert acting.result() > 0


def triples(log: Simulated, view: str) -> list[Any]:
    """Position, registry position and date of every partition."""
    return log.rows("SELECT partition, position, registry_position, as_of FROM checkpoint ORDER BY 1", view=view)


def fill(log: Simulated, view: str, engine: Engine) -> None:
    """Drain until every partition of a set has been filled; while others write, there is always something behind."""
    while unfilled(log, view):
        engine.drain()


def unfilled(log: Simulated, view: str) -> int:
    """How many partitions have no rows yet."""
    [(left,)] = log.rows("SELECT count(*) FROM checkpoint WHERE as_of = '0001-01-01'", view=view)
    return int(left)
