"""Ids: in the order of their birth, and in their partitions for ever."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID, uuid5

import pytest

from casework.domain import ids
from casework.domain.ids import partition_of, uuid7, uuid8_from, vault_partition_of
from casework.domain.registry import NAMESPACE, POLICY_ID, feed_id, unit_id


def test_ids_of_one_process_sort_by_their_birth() -> None:
    born = [uuid7() for _ in range(20_000)]

    assert born == sorted(born)
    assert len(set(born)) == len(born)


def test_threads_never_get_the_same_id() -> None:
    with ThreadPoolExecutor(8) as threads:
        per_thread = list(threads.map(lambda _: [uuid7() for _ in range(2000)], range(8)))

    assert all(born == sorted(born) for born in per_thread)
    assert len(set().union(*per_thread)) == 16_000


def test_an_id_has_the_bits_of_the_rfc() -> None:
    before = time.time_ns() // 1_000_000
    born = [uuid7() for _ in range(100)]
    after = time.time_ns() // 1_000_000

    for one in born:
        assert one.version == 7
        assert one.variant == RFC_4122
        assert before <= one.int >> 80 <= after + 1


def test_ids_go_on_while_the_clock_stands_or_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_380_000_000_000_000_000
    times = [now, now, now - 10**9, now + 10**6, now]
    monkeypatch.setattr(ids, "_sequence", ids._Sequence())
    monkeypatch.setattr(ids, "time_ns", lambda: times.pop(0))

    born = [uuid7() for _ in range(5)]

    assert born == sorted(born)
    assert [one.int >> 80 for one in born] == [1_380_000_000_000] * 3 + [1_380_000_000_001] * 2


def test_a_full_millisecond_runs_over_into_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    sequence = ids._Sequence()
    monkeypatch.setattr(ids, "_sequence", sequence)
    monkeypatch.setattr(ids, "time_ns", lambda: 1_380_000_000_000_000_000)
    first = uuid7()
    sequence.counter = (1 << 42) - 2

    last, next_one = uuid7(), uuid7()

    assert first < last < next_one
    assert next_one.int >> 80 == (last.int >> 80) + 1
    assert last.version == next_one.version == 7


def test_a_forked_process_has_a_sequence_of_its_own() -> None:
    uuid7()
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, b"".join(uuid7().bytes for _ in range(100)))
        os._exit(0)
    ours = {uuid7() for _ in range(100)}
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read()

    theirs = {UUID(bytes=told[at : at + 16]) for at in range(0, len(told), 16)}
    assert len(theirs) == 100
    assert not ours & theirs


def test_the_same_key_has_the_same_id() -> None:
    assert uuid8_from(b"client-1/key-1") == uuid8_from(b"client-1/key-1") != uuid8_from(b"client-1/key-2")
    assert str(uuid8_from(b"client-1/key-1")) == "0626294d-836b-8047-bcb2-2f0d631776ef"


def test_an_id_from_a_key_has_the_bits_of_the_rfc() -> None:
    for number in range(100):
        made = uuid8_from(b"%d" % number)
        assert made.version == 8
        assert made.variant == RFC_4122


def test_households_live_in_the_partition_of_their_last_six_bits() -> None:
    for number in range(256):
        household = UUID(int=uuid7().int & ~0xFF | number)
        assert partition_of(household) == vault_partition_of(household) == number & 63
    assert {partition_of(uuid8_from(b"%d" % number)) for number in range(2000)} == set(range(64))


def test_the_registry_lives_in_its_own_partition() -> None:
    streams = [unit_id("410105"), feed_id("EDUB", "EDU"), POLICY_ID, uuid5(NAMESPACE, "round-2014")]

    assert {partition_of(stream) for stream in streams} == {ids.REGISTRY} == {64}


def test_registry_ids_are_the_same_for_ever() -> None:
    assert str(unit_id("410105")) == "d886ce2c-b9b4-5442-b64d-e540df597c59"
