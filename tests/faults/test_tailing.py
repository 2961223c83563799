"""Row 4: sixteen appenders, three readers of each partition: nobody misses an event, nobody sees one twice.

The same checker has to find fault with a log whose append takes no lock and whose positions are not unique.
"""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import psycopg
import pytest

from casework.log.append import NOTHING, NewEvent, append_statement, outcome_of
from casework.log.reading import events_after, heads
from tests.faults.amounts import amount, seeds
from tests.log.given import Db, event, events, stream_in

PARTITIONS = (0, 31, 64)
APPENDERS = 16
READERS = 3
APPENDS = amount(short=25, long=1000)

# As an append might be written by somebody who trusts max + 1.
CANARY = """
ALTER TABLE casework.events DROP CONSTRAINT events_position;
DROP FUNCTION casework.append_event;
CREATE FUNCTION casework.append_event(
    p_partition smallint, p_stream_id uuid, p_version int, p_type text, p_state bytea, p_meta bytea
) RETURNS casework.appended LANGUAGE sql AS $$
    INSERT INTO casework.events
    SELECT p_partition, p_stream_id, p_version, coalesce(max(position), 0) + 1, p_type, p_state, clock_timestamp(),
           p_meta
    FROM casework.events WHERE partition = p_partition
    RETURNING ROW('appended', position, NULL, recorded_at, NULL, NULL)::casework.appended
$$"""


def append_slowly(database_url: str, seed: int, together: Barrier) -> None:
    """Append in transactions that take a while, and roll one in four back."""
    chance = random.Random(seed)
    with psycopg.connect(database_url, autocommit=True) as db:
        together.wait()
        for _ in range(APPENDS):
            query, parameters = append_statement(some_events(chance), NOTHING)
            with db.transaction(force_rollback=chance.random() < 0.25), db.cursor(binary=True) as cursor:
                row = cursor.execute(query, parameters).fetchone()
                assert row is not None
                assert outcome_of(row).outcome == "appended"
                for _ in range(chance.randrange(6)):
                    db.execute("SELECT count(*) FROM generate_series(1, 1000)")


def some_events(chance: random.Random) -> list[NewEvent]:
    """One event, several of a stream, or one in each of two partitions."""
    first, second = (stream_in(partition) for partition in chance.sample(PARTITIONS, 2))
    return chance.choice([[event(first, 1)], events(first, range(1, 4)), [event(first, 1), event(second, 1)]])


def tail(database_url: str, partition: int, together: Barrier, done: Event) -> list[tuple[int, str]]:
    """Read on by position until the appenders are done and nothing more comes."""
    seen: list[tuple[int, str]] = []
    with psycopg.connect(database_url, autocommit=True) as db:
        together.wait()
        while True:
            was_done = done.is_set()
            places = events_after(db, partition, seen[-1][0] if seen else 0, 7)
            seen += [(place.position, f"{place.stream_id} {place.version}") for place in places]
            if was_done and not places:
                return seen


def run(database_url: str, seed: int) -> list[tuple[int, list[tuple[int, str]]]]:
    """Let all of them work at once; return what each reader saw of its partition."""
    together = Barrier(APPENDERS + READERS * len(PARTITIONS))
    done = Event()
    with ThreadPoolExecutor(APPENDERS + READERS * len(PARTITIONS)) as threads:
        readers = [(part, threads.submit(tail, database_url, part, together, done)) for part in PARTITIONS * READERS]
        appenders = [threads.submit(append_slowly, database_url, seed + n, together) for n in range(APPENDERS)]
        try:
            for appender in appenders:
                appender.result()
        finally:
            done.set()
        return [(part, reader.result()) for part, reader in readers]


def faults(db: Db, seen_by_readers: list[tuple[int, list[tuple[int, str]]]]) -> Counter[str]:
    """Count what readers missed or saw twice, and positions that are not 1, 2, 3 and so on."""
    found: Counter[str] = Counter()
    for partition, seen in seen_by_readers:
        rows = db.execute(
            "SELECT position, stream_id || ' ' || version FROM casework.events WHERE partition = %s", (partition,)
        ).fetchall()
        stored = {name for _, name in rows}
        ids = [name for _, name in seen]
        found["missed"] += len(stored - set(ids))
        found["never committed"] += len(set(ids) - stored)
        found["twice"] += len(ids) - len(set(ids))
        found["out of order"] += [position for position, _ in seen] != sorted(position for position, _ in seen)
        found["not gapless"] += sorted(position for position, _ in rows) != list(range(1, len(rows) + 1))
    return +found


def test_no_reader_misses_an_event_or_sees_one_twice(database_url: str, admin: Db) -> None:
    for seed in seeds(short=2, long=5):
        seen = run(database_url, seed)

        assert faults(admin, seen) == Counter()
    assert sum(heads(admin).values()) > APPENDERS * APPENDS / 2


def test_an_append_without_lock_and_index_is_caught(database_url: str, admin: Db) -> None:
    admin.execute(CANARY)

    seen = run(database_url, 20130101)

    assert {"missed", "not gapless"} <= faults(admin, seen).keys()


def test_the_index_alone_lets_no_position_live_twice(admin: Db) -> None:
    insert = "INSERT INTO casework.events VALUES (1, %s, 1, 1, 'a.v1', '', now(), '')"
    admin.execute(insert, (stream_in(1),))

    with pytest.raises(psycopg.errors.UniqueViolation):
        admin.execute(insert, (stream_in(1),))
