"""Row 2: whatever happens to Redis, commands succeed, no event is lost, and the views move on."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest
import redis

from casework.application import Casework
from casework.projections import reading
from casework.wake import connect
from tests.faults.amounts import amount, within
from tests.faults.clients import Client, answers_of, working
from tests.faults.invariants import assert_each_once, assert_views_hold, is_caught_up
from tests.faults.servers import OwnServers
from tests.processes import Start, starting
from tests.projections.simulated import Simulated
from workers.queue import DrainWaker

CATCH_UP_SECONDS = 10
MOVE_SECONDS = 10
AWAY_SECONDS = amount(short=2, long=60)
ANSWER_SECONDS = 1.0
"""A request waits a tenth of a second for Redis; a client as it comes from its package would wait for 3.6."""


@pytest.fixture
def start(log: Simulated, own: OwnServers) -> Iterator[Start]:
    with starting(log.url, own.valkey.url) as start:
        yield start


@pytest.mark.parametrize("fault", ["flushed", "restarted_empty", "out_of_memory", "silent"])
def test_nothing_depends_on_redis(log: Simulated, office: Casework, own: OwnServers, start: Start, fault: str):
    office.wake = DrainWaker(own.valkey.url)
    for kind in ("beat", "drains"):
        start(kind, CASEWORK_LOG_LEVEL="error", CASEWORK_DRAIN_LINGER_SECONDS="5")
    with working(office, 4, pause=0.05) as clients:
        assert within(CATCH_UP_SECONDS, lambda: somebody_listens(own))

        with getattr(own, fault)():
            views_move_for(AWAY_SECONDS if fault != "flushed" else 0, log, clients)

        assert within(CATCH_UP_SECONDS, lambda: somebody_listens(own))
        views_move_for(0, log, clients)
    assert within(CATCH_UP_SECONDS, lambda: is_caught_up(log))
    assert_each_once(log, answers_of(clients))
    assert_views_hold(log)
    office.wake.close()


def views_move_for(seconds: float, log: Simulated, clients: list[Client]) -> None:
    """Every client goes on getting answers, and what they wrote is soon shown."""
    until = monotonic() + seconds
    while True:
        for client in clients:
            assert client.goes_on(ANSWER_SECONDS)
            partition, position = [*client.answers.values()][-1].position.split(":")  # type: ignore[union-attr]
            assert reading.wait_for_position(log.pool, int(partition), int(position), timeout=4 * MOVE_SECONDS)
        if monotonic() >= until:
            return


def somebody_listens(own: OwnServers) -> bool:
    """Whether a drain lingers and hears what is committed: the ordinary way."""
    channel = "casework:0:wake"
    try:
        with connect(own.valkey.url, answer_seconds=1) as client:
            return dict(client.pubsub_numsub(channel)).get(channel.encode(), 0) > 0
    except redis.RedisError:
        return False
