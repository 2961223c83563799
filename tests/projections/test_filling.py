"""A set beside the live one is filled a little at a time, and whoever goes on with it goes on where it was left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from casework.domain.aggregate import EVENT_TYPES, Recorded
from casework.domain.events.residence import ResidenceVerified
from tests.log.given import stream_in
from tests.projections.lives import EMPLOYERS, UNTIL, life
from tests.projections.simulated import Simulated, cut

PARTITION = 5
HOUSEHOLDS = 9


@pytest.fixture
def streams() -> list[list[Recorded]]:
    """Nine households of one partition."""
    return [life(stream_in(PARTITION), seed) for seed in range(HOUSEHOLDS)]


@pytest.fixture
def rebuilt(log: Simulated, streams: list[list[Recorded]]) -> str:
    """A set beside the live one, which shows the first half of what happens; nothing of it is filled."""
    log.tell(cut(streams, 0.5)[0])
    log.drain()
    return log.new_set()


def households(log: Simulated, view: str) -> int:
    """How many households a set has rows of."""
    [(count,)] = log.rows("SELECT count(*) FROM household", view=view)
    return int(count)


def test_a_drain_leaves_the_filling_alone(log: Simulated, rebuilt: str):
    while log.engine.drain():
        pass

    assert households(log, rebuilt) == 0


def test_a_partition_is_filled_piece_by_piece(log: Simulated, rebuilt: str):
    engine = log.new_engine(filled=2)

    seen = []
    while engine.fill():
        seen.append(households(log, rebuilt))
        assert log.differences(log.view(rebuilt)) == []

    assert seen == [2, 4, 6, 8, 9]
    assert log.contents(rebuilt) == log.contents("view_1")


def test_a_killed_filling_loses_one_piece(log: Simulated, rebuilt: str):
    killed = log.drain_in_process("rows-written=kill@3", filled=2)
    there = households(log, rebuilt)

    log.drain()

    assert (killed, there) == (-9, 4)
    assert log.rows("SELECT count(*) FROM checkpoint WHERE filling_to IS NOT NULL", view=rebuilt) == [(0,)]
    assert log.contents(rebuilt) == log.contents("view_1")


def test_what_happens_meanwhile_comes_after_the_filling(log: Simulated, rebuilt: str, streams: list[list[Recorded]]):
    engine = log.new_engine(filled=2)
    engine.fill()
    log.tell(cut(streams, 0.5)[1])
    log.report_contract(EMPLOYERS[0], UNTIL)
    log.today += timedelta(90)
    log.drain(log.new_engine(filled=3))
    log.close_feed("HRSS", "EMP", "2013-08")

    log.drain(engine)

    assert log.differences(log.view(rebuilt)) == log.differences() == []
    assert log.contents(rebuilt) == log.contents("view_1")


def test_one_partition_of_one_set_can_be_filled_alone(log: Simulated, rebuilt: str):
    other = life(stream_in(6), 1)
    log.tell(other)

    while log.engine.fill(rebuilt, 6):
        pass

    assert log.rows("SELECT household_id FROM household", view=rebuilt) == [(other[0].originator_id,)]
    assert log.engine.fill("view_99", 6) == 0


def test_what_is_parked_while_a_partition_is_filled_can_be_tried_again(
    log: Simulated, rebuilt: str, streams: list[list[Recorded]], monkeypatch: pytest.MonkeyPatch
):
    first = min(stream[0].originator_id for stream in streams)
    [version] = [len(cut([stream], 0.5)[0]) for stream in streams if stream[0].originator_id == first]
    log.tell_poison(first, version + 1, "household.mended-meanwhile.v1")
    engine = log.new_engine(filled=2)
    engine.fill()
    parked = log.rows("SELECT household_id FROM parked", view=rebuilt)

    monkeypatch.setitem(EVENT_TYPES, "household.mended-meanwhile.v1", ResidenceVerified)
    left = log.engine.unpark(PARTITION)
    log.drain(engine)

    assert (parked, left) == ([(first,)], 0)
    assert log.contents(rebuilt) == log.contents("view_1")


def test_a_pause_while_a_partition_is_filled_keeps_what_is_there(log: Simulated, rebuilt: str):
    engine = log.new_engine(filled=4)
    engine.fill()
    for _ in range(21):
        log.tell_poison(stream_in(7), 1)

    log.drain(engine)

    filled = log.rows("SELECT count(*) FROM household WHERE partition = %s", PARTITION, view=rebuilt)
    assert filled == [(HOUSEHOLDS,)]
    assert log.rows("SELECT partition FROM checkpoint WHERE paused IS NOT NULL", view=rebuilt) == [(7,)]
