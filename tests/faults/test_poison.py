"""Row 7: events that nobody can read or apply park their household, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest

from casework import status
from casework.config import Settings
from casework.domain.ids import partition_of
from casework.domain.registry import Registry
from casework.projections import reading
from tests.faults.amounts import amount, within
from tests.faults.invariants import assert_views_hold, is_caught_up
from tests.log.given import stream_in
from tests.processes import Start
from tests.projections.lives import life
from tests.projections.simulated import META, Simulated

SHOWN_SECONDS = 10
HUGE = amount(short=5, long=50) * 1_000_000
FITS = b'{"occurred_on":"2013-10-01","outcome":"present"}'
VISITED = "household.residence-verified.v1"


class Poison(NamedTuple):
    """An event that a superuser put in, past the append."""

    type: str
    state: Callable[[], bytes]


NOBODY = b'{"occurred_on":"2013-10-01","person_id":"00000000-0000-4000-8000-000000000000","reason":"left_city"}'
MOVED = b'{"occurred_on":"2013-10-01","from_community":"1","to_community":"%b"}'
POISONS = {
    "bytes that are no JSON": Poison(VISITED, lambda: b"\x00\xff{"),
    "a field of another type": Poison(VISITED, lambda: b'{"occurred_on":7}'),
    "an unknown type": Poison("household.unheard-of.v1", lambda: FITS),
    "an event that cannot be applied": Poison("household.member-left.v1", lambda: NOBODY),
    "a huge payload that is no JSON": Poison(VISITED, lambda: b"\xff" * HUGE),
    "a huge event that could be read": Poison("household.moved.v1", lambda: MOVED % (b"4" * HUGE)),
    "a community with a lone surrogate": Poison("household.moved.v1", lambda: MOVED % b"\\ud800"),
    "a community with a NUL": Poison("household.moved.v1", lambda: MOVED % b"\\u0000"),
    "lists in lists without end": Poison(VISITED, lambda: b"[" * HUGE),
}


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS)
def test_its_household_is_parked_and_shown_and_the_rest_go_on(log: Simulated, poison: Poison):
    bad = stream_in(5)
    stream, others = life(bad, 1), [life(stream_in(part), part) for part in (5, 6)]
    log.tell([*stream, *others[0][:5], *others[1][:5]])
    log.drain()

    put_in(log, bad, len(stream) + 1, poison.type, poison.state())
    log.tell([*others[0][5:], *others[1][5:]])
    log.drain()

    [parked] = shown(log)["parked"]
    assert parked["household_id"] == str(bad)
    assert len(parked["error"]) < 200
    assert is_caught_up(log)
    assert_views_hold(log)

    mend(log, bad)
    assert log.engine.unpark(5) == 0

    assert shown(log)["parked"] == []
    assert_views_hold(log)


def test_many_parked_pause_their_partition_and_it_says_so(log: Simulated, start: Start):
    start("beat", CASEWORK_LOG_LEVEL="error")
    start("drains", CASEWORK_LOG_LEVEL="error")
    bad = [stream_in(5) for _ in range(21)]
    for household_id in bad:
        log.tell(life(household_id, 1, steps=1)[:1])
    assert within(SHOWN_SECONDS, lambda: is_caught_up(log))

    with log.pool.connection() as db, db.transaction():  # so that they come at once
        db.execute("SELECT FROM view_1.checkpoint WHERE partition = 5 FOR UPDATE")
        for household_id in bad:
            put_in(log, household_id, 2, "household.unheard-of.v1", FITS)
    assert within(SHOWN_SECONDS, lambda: shown(log)["views"]["view_1"]["paused"])
    log.tell(life(stream_in(6), 2))
    assert within(SHOWN_SECONDS, lambda: lags(log) == {5: 21})

    assert "21 of 21 households failed" in shown(log)["views"]["view_1"]["paused"][5]
    assert shown(log)["parked"] == []

    for household_id in bad:
        mend(log, household_id)
    log.engine.unpark(5)
    assert within(SHOWN_SECONDS, lambda: is_caught_up(log))
    assert_views_hold(log)


def lags(log: Simulated) -> dict[int, int]:
    """The partitions that are behind."""
    return {row.partition: row.lag for row in reading.status(log.pool)["view_1"] if row.lag}


def put_in(log: Simulated, household_id: UUID, version: int, type_name: str, state: bytes) -> None:
    """Let a superuser write an event without asking the append."""
    query = """
    INSERT INTO casework.events (partition, stream_id, version, position, type, state, recorded_at, meta)
    SELECT %b::smallint, %b, %b, max(position) + 1, %b, %b, max(recorded_at), %b
    FROM casework.events WHERE partition = %b::smallint"""
    partition = partition_of(household_id)
    log.as_owner(query, partition, household_id, version, type_name, state, META, partition)


def mend(log: Simulated, household_id: UUID) -> None:
    """Let a superuser put right the last event of a household, past the trigger that refuses it."""
    with psycopg.connect(log.url) as db:
        db.execute("ALTER TABLE casework.events DISABLE TRIGGER refuse_change")
        db.execute(
            "UPDATE casework.events SET type = %s, state = %s WHERE stream_id = %s"
            " AND version = (SELECT max(version) FROM casework.events WHERE stream_id = %s)",
            (VISITED, FITS, household_id, household_id),
        )
        db.execute("ALTER TABLE casework.events ENABLE ALWAYS TRIGGER refuse_change")


def shown(log: Simulated) -> Any:
    """What the operator sees."""
    return status.report(Settings.from_env({}), log.pool, Registry())
