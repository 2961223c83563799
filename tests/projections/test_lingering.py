"""A drain that stays for a while."""

from __future__ import annotations

from threading import Event
from time import monotonic

from casework.domain.ids import uuid7
from casework.projections.lingering import drain_behind
from tests.projections.lives import life
from tests.projections.simulated import Simulated


def test_a_drain_ends_when_its_time_is_spent_though_more_is_behind(log: Simulated):
    log.tell([event for seed in range(3) for event in life(uuid7(), seed)])

    moved = drain_behind(log.new_engine(partitions=1), Event(), until=monotonic())

    assert moved == 1
    assert log.drain() > 0
