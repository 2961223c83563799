"""Appends: what they answer, what they refuse, and that they write all or nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from eventsourcing import persistence

from casework.domain.ids import uuid7
from casework.errors import ClaimTaken, VersionConflict
from casework.log.append import Beside
from casework.log.failures import EventTooLarge, LogUnavailable, StreamConflict
from casework.log.recorder import LogRecorder
from tests.log.given import Db, claim, event, events, held, log_of, stream_in, wait_for_waiting


def test_positions_are_gapless_and_in_the_order_given(recorder: LogRecorder, admin: Db) -> None:
    one, other = stream_in(7), stream_in(7)

    first = recorder.append([event(one, 1)])
    second = recorder.append([event(one, 2), event(other, 1), event(one, 3)])
    third = recorder.append([event(other, 2)])

    assert (first.positions, second.positions, third.positions) == ([1], [2, 3, 4], [5])
    assert log_of(admin, 7) == [(1, one, 1), (2, one, 2), (3, other, 1), (4, one, 3), (5, other, 2)]


def test_a_rolled_back_append_leaves_no_gap(recorder: LogRecorder, db: Db) -> None:
    with db.transaction(force_rollback=True):
        db.execute("SELECT casework.append_event(3::smallint, %s, 1, 'a.v1', '', '')", (stream_in(3),))

    assert recorder.append([event(stream_in(3), 1)]).positions == [1]


@pytest.mark.parametrize("versions", [range(1, 2), range(4, 5), range(2, 4), range(4, 6)])
def test_versions_that_do_not_follow_are_a_conflict(recorder: LogRecorder, admin: Db, versions: range) -> None:
    stream = stream_in(5)
    recorder.append(events(stream, range(1, 3)))

    with pytest.raises(StreamConflict) as conflict:
        recorder.append(events(stream, versions))

    assert isinstance(conflict.value, VersionConflict)
    assert isinstance(conflict.value, persistence.IntegrityError)
    assert len(log_of(admin, 5)) == 2


@pytest.mark.parametrize("versions", [range(-1, 0), range(2, 3), range(-1, 1), range(2, 4)])
def test_a_stream_begins_at_its_beginning(recorder: LogRecorder, admin: Db, versions: range) -> None:
    recorder.append([event(stream_in(5), 1)])

    with pytest.raises(StreamConflict):
        recorder.append(events(stream_in(5), versions))

    assert len(log_of(admin, 5)) == 1


def test_of_many_who_append_the_same_version_one_wins(recorder: LogRecorder, admin: Db) -> None:
    stream = stream_in(6)

    def append(_: int) -> bool:
        try:
            recorder.append([event(stream, 1)])
        except StreamConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(append, range(24)))

    assert won.count(True) == 1
    assert log_of(admin, 6) == [(1, stream, 1)]


def test_an_append_to_two_partitions_writes_both(recorder: LogRecorder, admin: Db) -> None:
    low, high = stream_in(2), stream_in(40)
    recorder.append(events(high, range(1, 4)))

    appended = recorder.append([event(high, 4), event(low, 1), event(high, 5)])

    assert appended.positions == [4, 1, 5]
    times = admin.execute("SELECT DISTINCT recorded_at FROM casework.events WHERE version IN (4, 5) OR partition = 2")
    assert times.fetchall() == [(appended.recorded_at,)]


@pytest.mark.parametrize("wrong", [2, 40])
def test_an_append_to_two_partitions_writes_neither_where_one_conflicts(
    recorder: LogRecorder, admin: Db, wrong: int
) -> None:
    other = ({2, 40} - {wrong}).pop()

    with pytest.raises(StreamConflict):
        recorder.append([event(stream_in(wrong), 9), event(stream_in(other), 1)])

    assert log_of(admin, 2) == log_of(admin, 40) == []


def test_an_append_to_two_partitions_takes_the_lower_lock_first(recorder: LogRecorder, database_url: str) -> None:
    with ThreadPoolExecutor(1) as threads:
        with held(database_url, 2) as lower:
            answer = threads.submit(recorder.append, [event(stream_in(40), 1), event(stream_in(2), 1)])
            wait_for_waiting(lower, 2)
            free = lower.execute("SELECT pg_try_advisory_xact_lock(1128354629, 40)").fetchone()

        assert free == (True,)
        assert answer.result().positions == [1, 1]


def test_opposite_transfers_at_once_do_not_deadlock(recorder: LogRecorder, admin: Db) -> None:
    def transfer(turn: int) -> list[int]:
        pair = [event(stream_in(10), 1), event(stream_in(20), 1)]
        return recorder.append(pair if turn % 2 else pair[::-1]).positions

    with ThreadPoolExecutor(6) as threads:
        positions = list(threads.map(transfer, range(60)))

    assert sorted(positions) == [[number, number] for number in range(1, 61)]
    assert len(log_of(admin, 10)) == len(log_of(admin, 20)) == 60


def test_three_partitions_are_too_many(recorder: LogRecorder) -> None:
    with pytest.raises(ValueError, match="two partitions"):
        recorder.append([event(stream_in(number), 1) for number in range(3)])


def test_the_server_refuses_two_partitions_in_the_wrong_order(db: Db) -> None:
    nothing = "ROW(NULL, NULL, NULL, NULL, NULL)::casework.batch"
    beside = "ROW(" + ", ".join(["NULL"] * 13) + ")::casework.beside"

    with pytest.raises(psycopg.errors.InvalidParameterValue):
        db.execute(f"SELECT casework.append_to_two(2::smallint, {nothing}, 1::smallint, {nothing}, {beside})")


@pytest.mark.parametrize("partition", [777, -5, 65, 64, 4])
def test_a_stream_lives_in_its_own_partition(recorder: LogRecorder, admin: Db, partition: int) -> None:
    strays = [each._replace(partition=partition) for each in events(stream_in(3), range(1, 3))]

    alone = (strays[:1], strays[1:], strays)
    for refused in (*alone, [strays[0], event(stream_in(64), 1)], [strays[0], event(stream_in(2), 1)]):
        with pytest.raises(persistence.PersistenceError):
            recorder.append(refused)

    assert admin.execute("SELECT count(*) FROM casework.events").fetchone() == (0,)


def test_a_unit_lives_in_the_registrys_partition(recorder: LogRecorder) -> None:
    unit = event(stream_in(64), 1)

    with pytest.raises(persistence.PersistenceError):
        recorder.append([unit._replace(partition=unit.stream_id.int & 63 or 1)])

    assert recorder.append([unit]).positions == [1]


def test_a_lock_that_is_held_too_long_is_unavailable(recorder: LogRecorder, database_url: str, db: Db) -> None:
    with held(database_url, 9):
        db.execute("SET lock_timeout = '20ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            db.execute("SELECT casework.append_event(9::smallint, %s, 1, 'a.v1', '', '')", (stream_in(9),))
        with pytest.raises(LogUnavailable):
            recorder.append([event(stream_in(9), 1)])

    assert recorder.append([event(stream_in(9), 1)]).positions == [1]


def test_an_event_over_64_kb_is_refused(recorder: LogRecorder, admin: Db) -> None:
    stream, other = stream_in(1), stream_in(2)
    fitting = event(stream, 1)
    fitting = fitting._replace(state=b"x" * (65536 - len(fitting.meta)))
    larger = fitting._replace(state=fitting.state + b"x")

    for refused in ([larger], [event(other, 1), larger], [event(stream, 1), larger._replace(version=2)]):
        with pytest.raises(EventTooLarge):
            recorder.append(refused)

    assert log_of(admin, 1) == log_of(admin, 2) == []
    assert recorder.append([fitting]).positions == [1]


@pytest.mark.parametrize("level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
def test_stricter_isolation_is_refused(db: Db, level: psycopg.IsolationLevel) -> None:
    db.isolation_level = level

    with pytest.raises(psycopg.errors.InvalidTransactionState), db.transaction():
        db.execute("SELECT casework.append_event(1::smallint, %s, 1, 'a.v1', '', '')", (stream_in(1),))

    db.isolation_level = None


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO casework.events SELECT * FROM casework.events",
        "UPDATE casework.events SET version = 2",
        "DELETE FROM casework.events",
        "TRUNCATE casework.events",
        "DELETE FROM casework.claim",
        "UPDATE casework.log_birth SET synthetic = true",
        "SELECT casework.head_of(1::smallint)",
    ],
)
def test_the_application_may_only_append(recorder: LogRecorder, db: Db, statement: str) -> None:
    recorder.append([event(stream_in(1), 1)])

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute(statement)


@pytest.mark.parametrize(
    "statement", ["UPDATE casework.events SET version = 2", "DELETE FROM casework.events", "TRUNCATE casework.events"]
)
@pytest.mark.parametrize("replica", ["origin", "replica"])
def test_nobody_changes_events(recorder: LogRecorder, admin: Db, statement: str, replica: str) -> None:
    recorder.append([event(stream_in(1), 1)])
    admin.execute(f"SET session_replication_role = {replica}")

    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"):
        admin.execute(statement)

    assert len(log_of(admin, 1)) == 1


def test_recorded_times_never_go_back(recorder: LogRecorder, admin: Db) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    admin.execute("INSERT INTO casework.events VALUES (30, %s, 1, 1, 'a.v1', '', %s, '')", (stream_in(30), later))

    alone = recorder.append([event(stream_in(30), 1)])
    several = recorder.append(events(stream_in(30), range(1, 4)))
    both = recorder.append([event(stream_in(30), 1), event(stream_in(12), 1)])

    assert alone.recorded_at == several.recorded_at == both.recorded_at == later


def test_a_refused_append_of_two_takes_no_claim_and_stores_no_event(recorder: LogRecorder, admin: Db) -> None:
    holder, other = stream_in(1), stream_in(2)
    recorder.append([event(holder, 1)], Beside(claims=[claim(b"b")]))

    with pytest.raises(ClaimTaken) as taken:
        recorder.append([event(other, 1)], Beside(claims=[claim(b"a", kind="source"), claim(b"b", uuid7())]))

    assert taken.value.values == {"held_by": holder, "kind": "person"}
    assert admin.execute("SELECT hash FROM casework.claim").fetchall() == [(b"b",)]
    assert log_of(admin, 2) == []
