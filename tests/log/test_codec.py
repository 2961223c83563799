"""Events as bytes: what was ever stored still reads, and writes the same bytes again.

``corpus.jsonl`` holds examples of every event type ever stored, each with all of its fields and with none that may
be left out. Lines are added for a new type or version and never changed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

import casework.domain.household
import casework.domain.registry  # noqa: F401 - with the one above: every event type is registered
from casework.domain.aggregate import EVENT_TYPES, Event, Recorded
from casework.domain.ids import uuid7
from casework.log.codec import EventCodec, EventMapper, Metadata, Undecodable

EVENT_ID = UUID("0198a1b2-0198-7a1b-b201-98a1b2c3d4e5")


class Line(msgspec.Struct, frozen=True):
    """One line of the corpus; the state is kept byte by byte."""

    type: str
    state: msgspec.Raw


def corpus() -> list[Line]:
    read = msgspec.json.Decoder(Line).decode
    return [read(line) for line in Path(__file__).with_name("corpus.jsonl").read_bytes().splitlines()]


class OldGreeting(Event, frozen=True, kw_only=True):
    name: str


class Greeting(Event, frozen=True, kw_only=True):
    names: tuple[str, ...]


class NewGreeting(Event, frozen=True, kw_only=True):
    names: tuple[str, ...]
    language: str = "zh"


OldGreeting.type_name = "test.greeted.v1"
Greeting.type_name = "test.greeted.v2"
NewGreeting.type_name = "test.greeted.v3"

VERSIONED = EventCodec(
    {"test.greeted.v3": NewGreeting},
    {
        "test.greeted.v1": (OldGreeting, lambda old: Greeting(names=(old.name,))),
        "test.greeted.v2": (Greeting, lambda old: NewGreeting(names=old.names)),
    },
)


def test_every_event_type_has_a_line_in_the_corpus() -> None:
    assert {line.type for line in corpus()} >= EVENT_TYPES.keys()


@pytest.mark.parametrize("line", corpus(), ids=lambda line: line.type)
def test_what_was_stored_reads_and_writes_the_same_bytes(line: Line) -> None:
    codec = EventCodec()

    event = codec.decode(line.type, bytes(line.state))

    if event.type_name == line.type:  # an older version reads as its successor, whose bytes may differ
        assert type(event) is EVENT_TYPES[line.type]
        assert codec.encode(event) == bytes(line.state)


@pytest.mark.parametrize("line", corpus(), ids=lambda line: line.type)
def test_the_mapper_stores_an_event_under_its_public_name(line: Line) -> None:
    mapper = EventMapper()
    stored = StoredEvent(uuid7(), 3, line.type, bytes(line.state))

    recorded: Any = mapper.to_domain_event(stored)

    assert isinstance(recorded, Recorded)
    assert mapper.to_stored_event(recorded) == stored


def test_events_are_readable_json_text() -> None:
    for line in corpus():
        assert b": " not in bytes(line.state)
        assert isinstance(msgspec.json.decode(line.state), dict)


@pytest.mark.parametrize(
    ("type_name", "state"),
    [
        ("test.greeted.v1", b'{"name":"Li"}'),
        ("test.greeted.v2", b'{"names":["Li"]}'),
        ("test.greeted.v3", b'{"names":["Li"]}'),
    ],
)
def test_every_version_reads_as_the_newest(type_name: str, state: bytes) -> None:
    assert VERSIONED.decode(type_name, state) == NewGreeting(names=("Li",))


def test_an_upcaster_without_successor_ends_the_chain() -> None:
    codec = EventCodec({}, {"test.greeted.v1": (OldGreeting, lambda old: Greeting(names=(old.name,)))})

    assert codec.decode("test.greeted.v1", b'{"name":"Li"}') == Greeting(names=("Li",))


@pytest.mark.parametrize(
    ("type_name", "state"),
    [
        ("household.dissolved.v1", b"{}"),
        ("household.closed.v2", b"{}"),
        ("", b""),
        ("household.closed.v1", b""),
        ("household.closed.v1", b"{"),
        ("household.closed.v1", b"null"),
        ("household.closed.v1", b"\xff\xfe"),
        ("household.closed.v1", b'{"reason":"left"}'),
        ("household.closed.v1", b'{"occurred_on":"2013-02-30","reason":"left"}'),
        ("household.closed.v1", b'{"occurred_on":"2013-02-01","reason":"\xed\xa0\x80"}'),
        ("household.service-started.v1", b'{"occurred_on":"2013-02-01","episode_id":"7"}'),
    ],
)
def test_what_cannot_be_read_says_its_type(type_name: str, state: bytes) -> None:
    with pytest.raises(Undecodable, match="cannot be read") as undecodable:
        EventCodec().decode(type_name, state)

    assert undecodable.value.type_name == type_name
    assert isinstance(undecodable.value, MapperDeserialisationError)


def test_an_upcaster_that_fails_makes_the_event_undecodable() -> None:
    def refuse(old: Any) -> Event:
        raise ValueError(old.name)

    with pytest.raises(Undecodable):
        EventCodec({}, {"test.greeted.v1": (OldGreeting, refuse)}).decode("test.greeted.v1", b'{"name":"Li"}')


def test_fields_of_later_programs_are_passed_over() -> None:
    state = b'{"occurred_on":"2013-02-01","reason":"left","weather":{"rain":true}}'

    assert EventCodec().encode(EventCodec().decode("household.closed.v1", state)) == (
        b'{"occurred_on":"2013-02-01","reason":"left"}'
    )


def test_many_threads_may_meet_a_type_first() -> None:
    lines = corpus()

    def read_all(_: int) -> list[Event]:
        return [codec.decode(line.type, bytes(line.state)) for line in lines]

    codec = EventCodec()
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(read_all, range(16)))

    assert all(result == results[0] for result in results)


FULL = Metadata(
    event_id=EVENT_ID,
    actor="actor-1",
    role="caseworker",
    bureau="EDUB",
    unit=uuid7(),
    source="edub-roll",
    source_ref="row-17",
    community=uuid7(),
    restricted=True,
    correlation_id=uuid7(),
    causation_id=uuid7(),
    command_id=uuid7(),
    body_hash=bytes(range(32)),
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
)


@pytest.mark.parametrize("metadata", [FULL, Metadata(event_id=EVENT_ID)], ids=["full", "bare"])
def test_metadata_comes_back_as_it_was(metadata: Metadata) -> None:
    assert Metadata.decode(metadata.encode()) == metadata


def test_a_full_example_of_metadata_has_every_field() -> None:
    assert set(msgspec.json.decode(FULL.encode())) == set(Metadata.__struct_fields__)


def test_metadata_that_was_stored_still_reads() -> None:
    stored = b'{"event_id":"0198a1b2-0198-7a1b-b201-98a1b2c3d4e5","role":"bureau","restricted":true,"body_hash":"AAEC"}'

    metadata = Metadata.decode(stored)

    assert metadata == Metadata(event_id=EVENT_ID, role="bureau", restricted=True, body_hash=b"\x00\x01\x02")
    assert metadata.encode() == stored


def test_metadata_of_later_programs_is_passed_over() -> None:
    stored = b'{"event_id":"0198a1b2-0198-7a1b-b201-98a1b2c3d4e5","mood":["calm"]}'

    assert Metadata.decode(stored) == Metadata(event_id=EVENT_ID)


def test_metadata_having_another_id_keeps_the_rest() -> None:
    other = uuid7()

    assert FULL.having(event_id=other) == msgspec.structs.replace(FULL, event_id=other)
