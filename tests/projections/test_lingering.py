"""A drain that stays for a while."""

from __future__ import annotations

from threading import Event
from time import monotonic

import pytest

from casework.domain.ids import uuid7
from casework.projections import lingering
from casework.projections.lingering import drain_behind, follow_hints
from tests.log.given import stream_in
from tests.projections.lives import life
from tests.projections.simulated import Simulated


def behind(log: Simulated) -> set[int]:
    """The partitions that wait."""
    with log.pool.connection() as db, db.transaction():
        return {waiting.partition for waiting in log.engine.behind(db)}


def test_a_drain_ends_when_its_time_is_spent_though_more_is_behind(log: Simulated):
    log.tell([event for seed in range(3) for event in life(uuid7(), seed)])

    moved = drain_behind(log.new_engine(partitions=1), Event(), until=monotonic())

    assert moved == 1
    assert log.drain() > 0


def told(log: Simulated, *partitions: int) -> None:
    """Bring all partitions to today, then let these have a new household each."""
    log.drain()
    log.tell([event for partition in partitions for event in life(stream_in(partition), partition)])


def follow(log: Simulated, *hints: set[int]) -> int:
    """Follow these hints, and then stop."""
    left, stop = list(hints), Event()

    def wait(seconds: float) -> set[int]:
        if left:
            return left.pop(0)
        stop.set()
        return set()

    return follow_hints(log.engine, wait, stop, until=monotonic() + 3600, shown=lambda: None)


def test_hints_are_followed_to_what_they_name(log: Simulated, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lingering, "POLL_SECONDS", 3600)
    told(log, 3, 5, 7)

    assert follow(log, {3, 40}, {7}) == 2
    assert behind(log) == {5}
    assert log.drain() == 1
    assert log.differences() == []


def test_what_concerns_all_or_many_ends_the_following_of_hints(log: Simulated):
    told(log, 3)

    assert follow(log, {64}, {3}) == 0
    assert follow(log, set(range(17)), {3}) == 0
    assert behind(log) == {3}


def test_all_heads_are_looked_at_again_though_hints_go_on(log: Simulated):
    told(log, 3, 5)
    begun = monotonic()

    follow_hints(log.engine, lambda seconds: {3}, Event(), until=begun + 3600, shown=lambda: None)

    assert monotonic() - begun >= lingering.POLL_SECONDS
    assert behind(log) == {5}
