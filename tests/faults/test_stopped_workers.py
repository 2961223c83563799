"""Row 5: a worker is stopped where it stands and let go on: what it held was given to others, and it fails."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest

from casework.projections.engine import Engine
from tests.faults.amounts import SHARE, amount, within
from tests.faults.invariants import assert_views_hold, is_caught_up
from tests.log.given import stream_in
from tests.processes import Start, stands_still
from tests.projections.lives import life
from tests.projections.simulated import Simulated

FENCE_SECONDS = 10
GOES_ON_SECONDS = 5
STOPPED_SECONDS = amount(short=0, long=120)
SHORT_FENCE = "SET idle_in_transaction_session_timeout = '500ms'"
PLACES = ("claimed", "events-read", "rows-written", "totals-moved", "checkpoints-moved")


@pytest.mark.parametrize("place", PLACES if SHARE else ["rows-written", "checkpoints-moved"])
def test_a_worker_that_was_stopped_writes_nothing_that_others_have_overtaken(log: Simulated, place: str):
    story = life(stream_in(5), 5, steps=40)
    log.tell(story[:5])
    log.drain()
    log.tell([*story[5:10], *life(stream_in(5), 6, steps=0)])  # whoever is new moves a total
    with stopping(log, place) as stale:
        log.tell(story[10:15])
        assert within(0.5 + GOES_ON_SECONDS, lambda: log.drain() and is_caught_up(log))
        before = log.contents("view_1")

        stale.send_signal(signal.SIGCONT)
        _, said = stale.communicate()

        assert stale.returncode == 1
        assert b"idle-in-transaction timeout" in said
        assert log.contents("view_1") == before
    assert_views_hold(log)


def test_without_the_fence_a_stopped_worker_would_keep_its_partition(log: Simulated):
    """So it is the fence that the test above sees, and the partition is nobody else's meanwhile."""
    story = life(stream_in(5), 5)
    log.tell(story[:5])
    log.drain()
    log.tell(story[5:10])
    with stopping(log, "checkpoints-moved", session="SET idle_in_transaction_session_timeout = 0") as stale:
        assert log.drain(Engine(log.pool, today=lambda: log.today)) == 0

        stale.send_signal(signal.SIGCONT)
        stale.communicate()

        assert stale.returncode == 0
    assert is_caught_up(log)
    assert_views_hold(log)


@pytest.mark.skipif(not SHARE, reason="It waits for the fence of real workers; python3 run.py faults does.")
def test_a_worker_that_slept_for_long_goes_on_with_what_is_new(log: Simulated, start: Start):
    story = life(stream_in(5), 5, steps=60)
    log.tell(story[:5])
    log.drain()
    start("beat")
    stale = start("drains", CASEWORK_FAULT="checkpoints-moved=stop@1")
    log.tell(story[5:10])
    assert stands_still(stale)
    other = start("drains")
    log.tell(story[10:15])
    assert within(FENCE_SECONDS + GOES_ON_SECONDS, lambda: is_caught_up(log))
    Event().wait(STOPPED_SECONDS)

    stale.send_signal(signal.SIGCONT)
    other.kill()
    log.tell(story[15:20])

    assert within(GOES_ON_SECONDS, lambda: is_caught_up(log))
    assert stale.poll() is None
    assert_views_hold(log)


@contextmanager
def stopping(log: Simulated, place: str, session: str = SHORT_FENCE) -> Iterator[subprocess.Popen[bytes]]:
    """A drain that stands still in the middle of its transaction; its fence is shorter than a worker's."""
    with log.draining(f"{place}=stop@1", session=session) as process:
        try:
            assert stands_still(process)
            yield process
        finally:
            process.kill()
