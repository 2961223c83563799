"""Connections that die: an append whose answer was lost is neither a false conflict nor stored twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from eventsourcing.persistence import OperationalError

from casework.domain.ids import uuid7
from casework.log.append import Beside, SearchKey, VaultRow
from casework.log.failures import LogUnavailable, StreamConflict
from casework.log.pool import Pool, open_pool
from casework.log.recorder import LogRecorder
from tests.log.given import SOMEBODY, Db, claim, event, events, held, log_of, stream_in, wait_for_waiting
from tests.log.proxy import Proxy, When, proxy_to

WHEN = pytest.mark.parametrize("when", ["sent", "answered"])


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    with proxy_to(database_url) as proxy:
        yield proxy


@pytest.fixture
def pool(proxy: Proxy) -> Iterator[Pool]:
    """One connection at a time, through the proxy."""
    with open_pool(proxy.url, max_size=1) as pool:
        pool.wait()
        yield pool


@WHEN
def test_one_event_is_stored_once(recorder: LogRecorder, proxy: Proxy, admin: Db, when: When) -> None:
    stream = stream_in(3)
    recorder.append([event(stream, 1)])  # prepares the statement: the next thing sent is the append itself

    proxy.cut(when)
    appended = recorder.append([event(stream, 2)])

    assert proxy.cuts == 1
    assert appended.positions == [2]
    assert log_of(admin, 3) == [(1, stream, 1), (2, stream, 2)]


@WHEN
def test_several_events_and_what_stands_beside_them_are_stored_once(
    recorder: LogRecorder, proxy: Proxy, admin: Db, when: When
) -> None:
    stream, person_id = stream_in(3), uuid7()
    row, key = VaultRow(person_id, "person", "key-1", b"s", bytes(32)), SearchKey(person_id, "name", b"k")
    recorder.append(events(stream, range(1, 3)), Beside(claims=[claim(b"a")]))

    proxy.cut(when)
    appended = recorder.append(events(stream, range(3, 5)), Beside([row], [key], [claim(b"b")], [SOMEBODY]))

    assert proxy.cuts == 1
    assert appended.positions == [3, 4]
    assert len(log_of(admin, 3)) == 4
    assert admin.execute("SELECT hash, stream_id FROM casework.claim").fetchall() == [(b"b", stream)]
    assert admin.execute("SELECT revision FROM vault.person").fetchall() == [(1,)]


@WHEN
def test_events_of_two_partitions_are_stored_once(recorder: LogRecorder, proxy: Proxy, admin: Db, when: When) -> None:
    low, high = stream_in(3), stream_in(5)
    before = recorder.append([event(low, 1), event(high, 1)])

    proxy.cut(when)
    appended = recorder.append([event(high, 2), event(low, 2)])

    assert appended.positions == [2, 2]
    assert appended.recorded_at > before.recorded_at
    assert (len(log_of(admin, 3)), len(log_of(admin, 5))) == (2, 2)


def test_an_event_that_appears_only_later_is_waited_for(
    recorder: LogRecorder, proxy: Proxy, admin: Db, database_url: str
) -> None:
    stream = stream_in(3)
    recorder.append([event(stream, 1)])

    with ThreadPoolExecutor(1) as threads:
        with held(database_url, 3):
            proxy.cut("sent")
            answer = threads.submit(recorder.append, [event(stream, 2)])
            wait_for_waiting(admin, 3, number=2)

        assert answer.result().positions == [2]
    assert log_of(admin, 3) == [(1, stream, 1), (2, stream, 2)]


def test_a_conflict_with_somebody_elses_event_stays_a_conflict(
    recorder: LogRecorder, admin: Db, database_url: str
) -> None:
    stream = stream_in(3)

    with ThreadPoolExecutor(1) as threads:
        with held(database_url, 3) as other:
            answer = threads.submit(recorder.append, [event(stream, 1)])
            [waiting] = wait_for_waiting(admin, 3)
            admin.execute("SELECT pg_terminate_backend(%s)", (waiting,))
            other.execute("SELECT casework.append_event(3::smallint, %s, 1, 'a.v1', '', '')", (stream,))

        with pytest.raises(StreamConflict):
            answer.result()
    assert admin.execute("SELECT type FROM casework.events").fetchall() == [("a.v1",)]


def test_an_append_that_dies_again_and_again_is_given_up(recorder: LogRecorder, admin: Db, database_url: str) -> None:
    with ThreadPoolExecutor(1) as threads, held(database_url, 3):
        answer = threads.submit(recorder.append, [event(stream_in(3), 1)])
        for _ in range(3):
            [waiting] = wait_for_waiting(admin, 3)
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", (waiting,))

        with pytest.raises(LogUnavailable) as unavailable:
            answer.result()

    assert isinstance(unavailable.value, OperationalError)
    assert log_of(admin, 3) == []


@WHEN
def test_a_read_is_made_once_more(recorder: LogRecorder, proxy: Proxy, when: When) -> None:
    stream = stream_in(3)
    recorder.append(events(stream, range(1, 4)))

    proxy.cut(when)

    assert len(recorder.select_events(stream)) == 3
    assert proxy.cuts == 1


def test_a_pool_replaces_the_connections_that_the_server_closed(database_url: str, admin: Db) -> None:
    with open_pool(database_url, min_size=4, max_size=4) as pool:
        pool.wait()
        closed = admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()

        stream = stream_in(3)
        positions = [LogRecorder(pool).append([event(stream, number)]).positions for number in range(1, 9)]

    assert len(closed) >= 4
    assert positions == [[number] for number in range(1, 9)]


def test_a_server_that_is_away_is_unavailable(database_url: str) -> None:
    with proxy_to(database_url) as proxy:
        away = proxy.url
    with open_pool(away, min_size=0, timeout=0.2) as pool, pytest.raises(LogUnavailable):
        LogRecorder(pool).append([event(stream_in(3), 1)])


def test_a_standby_is_unavailable(database_url: str) -> None:
    read_only = psycopg.conninfo.make_conninfo(database_url, options="-c default_transaction_read_only=on")
    with open_pool(read_only) as pool, pytest.raises(LogUnavailable):
        LogRecorder(pool).append([event(stream_in(3), 1)])
