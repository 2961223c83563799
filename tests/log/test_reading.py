"""Reads of the log: by position, by stream, by command, and as it was at an instant."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from eventsourcing.persistence import ProgrammingError

from casework.domain.ids import uuid7
from casework.domain.registry import unit_id
from casework.log import reading
from casework.log.recorder import LogRecorder
from tests.log.given import LOCK, Db, event, events, held, stream_in, wait_for_waiting

NOON = datetime(2013, 5, 6, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def write(admin: Db, stream_id: UUID, times: Sequence[datetime], *, first: int = 1, partition: int = 3) -> None:
    """Put events into the log at their times, as a restore would."""
    rows = [(partition, stream_id, n, first + n - 1, time) for n, time in enumerate(times, 1)]
    with admin.cursor() as cursor:
        meta = b'{"event_id":"0198a1b2-0198-7a1b-b201-98a1b2c3d4e5"}'
        insert = "INSERT INTO casework.events VALUES (%s, %s, %s, %s, 'a.v1', '{}', %s, %s)"
        cursor.executemany(insert, [(*row, meta) for row in rows])


def test_heads_are_each_partitions_last_position(recorder: LogRecorder, db: Db) -> None:
    recorder.append(events(stream_in(0), range(1, 4)))
    recorder.append([event(stream_in(63), 1)])
    recorder.append([event(unit_id("410105"), 1)])

    heads = reading.heads(db)

    assert list(heads) == list(range(65))
    assert {partition: head for partition, head in heads.items() if head} == {0: 3, 63: 1, 64: 1}


def test_events_after_a_position_come_in_order_and_by_the_page(recorder: LogRecorder, db: Db) -> None:
    one, other = stream_in(3), stream_in(3)
    recorder.append([event(one, 1), event(other, 1), event(one, 2), event(one, 3)])

    assert reading.events_after(db, 3, 1, 2) == [(2, other, 1), (3, one, 2)]
    assert reading.events_after(db, 3, 3, 2) == [(4, one, 3)]
    assert reading.events_after(db, 3, 4, 2) == reading.events_after(db, 4, 0, 2) == []


def test_streams_come_whole_one_after_the_other(recorder: LogRecorder, db: Db) -> None:
    one, other, left_out = stream_in(3), stream_in(3), stream_in(3)
    recorder.append([event(one, 1), event(other, 1, state=b"[1]"), event(left_out, 1), event(one, 2)])

    found = reading.streams_of(db, 3, [other, one])

    happened = "test.happened.v1"
    assert found == [(other, 1, happened, b"[1]"), (one, 1, happened, b"{}"), (one, 2, happened, b"{}")]
    assert reading.streams_of(db, 3, []) == reading.streams_of(db, 4, [one]) == []


def test_streams_are_cut_by_position_and_by_time(admin: Db, db: Db) -> None:
    one, other = stream_in(3), stream_in(3)
    write(admin, one, [NOON, NOON + HOUR, NOON + 2 * HOUR])
    write(admin, other, [NOON + 2 * HOUR, NOON + 3 * HOUR], first=4)

    def places(**cut: int | datetime) -> list[tuple[UUID, int]]:
        return [row[:2] for row in reading.streams_of(db, 3, [one, other], **cut)]  # type: ignore[arg-type]

    assert places(upto=4) == [(one, 1), (one, 2), (one, 3), (other, 1)]
    assert places(known_at=NOON + HOUR) == [(one, 1), (one, 2)]
    assert places(known_at=NOON + 2 * HOUR, upto=2) == [(one, 1), (one, 2)]
    assert places(known_at=NOON - HOUR) == places(upto=0) == []


def test_walking_over_stream_ids_meets_each_stream_once(recorder: LogRecorder, db: Db) -> None:
    streams = sorted(stream_in(3) for _ in range(23))
    for stream in random.Random(1).sample(streams, 23):
        recorder.append(events(stream, range(1, 3)))

    walked = reading.stream_ids(db, 3, limit=5)
    while page := reading.stream_ids(db, 3, walked[-1], limit=5):
        walked += page

    assert walked == streams


def test_streams_that_began_after_a_position_are_left_out(recorder: LogRecorder, db: Db) -> None:
    one, other = sorted(stream_in(3) for _ in range(2))
    recorder.append([event(other, 1), event(one, 1), event(one, 2)])

    assert reading.stream_ids(db, 3, upto=1) == [other]
    assert reading.stream_ids(db, 3, upto=2) == [one, other]
    assert [row[:2] for row in reading.streams_between(db, 3, one, other, upto=2)] == [(one, 1), (other, 1)]
    assert [row[:2] for row in reading.streams_between(db, 3, one, one)] == [(one, 1), (one, 2)]


def test_a_timeline_is_read_by_the_page(recorder: LogRecorder, db: Db) -> None:
    stream = stream_in(3)
    appended = recorder.append(events(stream, range(1, 8), actor="actor-1"))

    pages = [reading.timeline(db, stream, after_version=after, limit=3) for after in (0, 3, 6, 7)]

    assert [[entry.version for entry in page] for page in pages] == [[1, 2, 3], [4, 5, 6], [7], []]
    assert [entry.version for entry in reading.timeline(db, stream)] == list(range(1, 8))
    first = pages[0][0]
    assert (first.position, first.type, first.recorded_at) == (1, "test.happened.v1", appended.recorded_at)
    assert first.meta.actor == "actor-1"


def test_a_timeline_as_it_was_known(admin: Db, db: Db) -> None:
    stream = stream_in(3)
    write(admin, stream, [NOON, NOON + HOUR, NOON + HOUR, NOON + 2 * HOUR])

    assert [entry.version for entry in reading.timeline(db, stream, known_at=NOON + HOUR)] == [1, 2, 3]
    assert [entry.version for entry in reading.timeline(db, stream, known_at=NOON + HOUR, after_version=2)] == [3]


def test_a_commands_events_are_exactly_those_that_it_wrote(recorder: LogRecorder, db: Db) -> None:
    stream, other = stream_in(3), stream_in(3)
    command, cause = uuid7(), uuid7()
    recorder.append([event(stream, 1, command_id=cause), *events(stream, range(2, 4), command_id=command)])
    recorder.append([event(stream, 4, causation_id=command), event(stream, 5, actor=f"{command}")])
    recorder.append([event(other, 1, command_id=command)])

    assert [entry.version for entry in reading.command_events(db, stream, command)] == [2, 3]
    assert [entry.version for entry in reading.command_events(db, stream, cause)] == [1]
    assert reading.command_events(db, stream, uuid7()) == []


def test_the_registry_is_read_by_position(recorder: LogRecorder, db: Db) -> None:
    unit, household = unit_id("410105"), stream_in(3)
    recorder.append([event(household, 1), *events(unit, range(1, 4))])

    assert [(row.position, row.stream_id, row.version) for row in reading.registry_events(db, 1)] == [
        (2, unit, 2),
        (3, unit, 3),
    ]
    assert [row.position for row in reading.registry_events(db, upto=2)] == [1, 2]


@pytest.mark.parametrize("seed", range(6))
def test_a_cut_is_the_last_position_recorded_by_then(admin: Db, db: Db, seed: int) -> None:
    chance = random.Random(seed)
    logs = {}
    for partition in range(4):
        # Few different minutes: runs of equal times are what a binary search gets wrong.
        minutes = sorted(chance.choices(range(40), k=chance.randrange(60)))
        logs[partition] = [NOON + minute * timedelta(minutes=1) for minute in minutes]
        write(admin, stream_in(partition), logs[partition], partition=partition)

    for minute in range(-1, 42):
        instant = NOON + timedelta(minutes=minute)
        cut = reading.cut_at(db, instant)
        expected = {partition: sum(time <= instant for time in times) for partition, times in logs.items()}
        assert {partition: cut[partition] for partition in logs} == expected


def test_a_cut_holds_every_append_that_was_answered(recorder: LogRecorder, db: Db) -> None:
    for number in range(1, 6):
        appended = recorder.append([event(stream_in(3), 1)])

        assert reading.cut_at(db, appended.recorded_at)[3] == number
        assert reading.cut_at(db, appended.recorded_at - timedelta(microseconds=1))[3] < number


def test_a_cut_waits_for_an_append_in_flight(recorder: LogRecorder, db: Db, admin: Db, database_url: str) -> None:
    recorder.append([event(stream_in(3), 1)])

    with ThreadPoolExecutor(1) as threads:
        with held(database_url, 3) as writer:
            writer.execute("SELECT casework.append_event(3::smallint, %s, 1, 'a.v1', '', '')", (stream_in(3),))
            now = datetime.now(UTC) + HOUR
            cut = threads.submit(reading.cut_at, db, now)
            wait_for_waiting(admin, 3)
            assert not cut.done()

        assert cut.result()[3] == 2


def test_a_cut_keeps_no_lock(recorder: LogRecorder, db: Db, admin: Db) -> None:
    recorder.append([event(stream_in(3), 1)])

    reading.cut_at(db, NOON)

    locks = admin.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s", (LOCK,))
    assert locks.fetchone() == (0,)


def test_a_future_instant_means_now(recorder: LogRecorder, db: Db, admin: Db) -> None:
    recorder.append([event(stream_in(3), 1)])
    write(admin, stream_in(4), [datetime.now(UTC) + HOUR], partition=4)

    cut = reading.cut_at(db, datetime.now(UTC) + 2 * HOUR)

    assert (cut[3], cut[4]) == (1, 0)


def test_a_cut_is_not_resolved_inside_a_transaction(database_url: str, db: Db) -> None:
    with db.transaction(), pytest.raises(ProgrammingError, match="outside"):
        reading.cut_at(db, NOON)
    with psycopg.connect(database_url) as opening, pytest.raises(ProgrammingError, match="outside"):
        reading.cut_at(opening, NOON)
