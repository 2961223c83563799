"""Row 9: a second view set is filled beside the live one while writers append; killed half-way, it is gone on with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from casework.domain.ids import uuid7
from casework.projections import reading, rebuild
from casework.projections.engine import Engine
from casework.projections.flipping import clean, flip
from casework.projections.reading import Filter
from tests.faults.amounts import amount, within
from tests.faults.invariants import NOTE, assert_views_hold
from tests.projections.lives import EMPLOYERS, UNTIL, life
from tests.projections.simulated import Simulated

HOUSEHOLDS = amount(short=150, long=5000)
FILLED_SECONDS = 30
PASSES = 3
"""A turn of the process passes the fault point with each set that it drains, and once more when it fills."""


def test_a_set_filled_under_load_and_killed_half_way_equals_the_live_one(log: Simulated):
    log.tell([event for seed in range(HOUSEHOLDS) for event in life(uuid7(), seed, steps=6)])
    log.drain()
    beside = rebuild.begin(log.engine)
    log.as_owner(NOTE.format(beside.name))

    with meanwhile(lambda: write(log)), meanwhile(lambda: read_without_a_gap(log)):
        killed = log.drain_in_process(f"checkpoints-moved=kill@{3 * PASSES}")
        left = unfilled(log, beside.name)
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda engine: fill(log, beside.name, engine), [log.new_engine(), log.new_engine()]))
    log.drain()

    assert (killed, 0 < left < 64) == (-9, True)
    assert triples(log, beside.name) == triples(log, "view_1")
    assert log.contents(beside.name) == log.contents("view_1")
    assert log.differences(beside) == []
    assert_views_hold(log)
    assert log.as_owner("SELECT count(*) >= 64 FROM public.move WHERE view = %s", beside.name) == [(True,)]


def test_a_rebuild_that_is_cancelled_half_way_is_gone_and_the_live_set_untouched(log: Simulated):
    log.tell([event for seed in range(HOUSEHOLDS) for event in life(uuid7(), seed, steps=6)])
    log.drain()
    beside, filler = rebuild.begin(log.engine), log.new_engine(households=2)

    with meanwhile(lambda: write(log)), meanwhile(filler.fill), meanwhile(lambda: read_without_a_gap(log)):
        assert within(FILLED_SECONDS, lambda: unfilled(log, beside.name) < 60)
        cleaned = clean(log.pool)
    log.drain()

    assert cleaned.dropped == [beside.name]
    assert filler.fill() == 0
    assert_views_hold(log)


@pytest.mark.parametrize("place", ["live-locked", "flipped"])
def test_a_flip_that_is_killed_has_not_taken_place(log: Simulated, place: str):
    log.tell([event for seed in range(20) for event in life(uuid7(), seed, steps=6)])
    log.drain()
    beside = rebuild.begin(log.engine)
    log.drain()

    killed = flip_in_process(log, f"{place}=kill")

    assert killed == -9
    with reading.live_views(log.pool) as (_, view):
        assert view.name == "view_1"
    assert flip(log.engine, beside) == (beside.name, "view_1")
    assert_views_hold(log)


def flip_in_process(log: Simulated, fault: str) -> int:
    """Flip to the set that is being made in a process of its own; return its exit status."""
    program = (
        "import sys; from casework.log.pool import open_pool; from casework.projections.engine import Engine;"
        "from casework.projections.flipping import flip; from casework.projections.rebuild import begin;"
        "engine = Engine(open_pool(sys.argv[1])); flip(engine, begin(engine))"
    )
    environ = {**os.environ, "CASEWORK_FAULT": fault}
    return subprocess.run([sys.executable, "-c", program, log.url], env=environ).returncode


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
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
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
        engine.fill()


def unfilled(log: Simulated, view: str) -> int:
    """How many partitions have no rows yet."""
    [(left,)] = log.rows("SELECT count(*) FROM checkpoint WHERE as_of = '0001-01-01' OR filling_to > 0", view=view)
    return int(left)
