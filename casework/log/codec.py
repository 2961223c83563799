"""Events and what stands beside them, as bytes: compact JSON under stable public type names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Self, cast
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent

import casework.domain.rounds.events  # noqa: F401 - whoever reads the registry meets them
from casework.domain.aggregate import EVENT_TYPES, Event, Recorded

Upcasters = Mapping[str, tuple[type[Event], Callable[[Any], Event]]]
"""By old type name: the struct that its bytes are read into, and the way to the next version's struct."""

_encoder = msgspec.json.Encoder()
_learning = Lock()  # msgspec 0.22 crashes where two threads at once are the first to read the same struct


class Undecodable(MapperDeserialisationError):
    """A stored event that this program cannot read: an unknown type, or bytes that do not fit it."""

    def __init__(self, type_name: str, reason: str) -> None:
        self.type_name = type_name
        super().__init__(f"An event of type {type_name} cannot be read: {reason}")


class Metadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who wrote an event, for whom and why; the same for every event of one command, but for the id."""

    event_id: UUID
    actor: str | None = None
    role: str | None = None
    bureau: str | None = None
    unit: UUID | None = None
    source: str | None = None
    source_ref: str | None = None
    community: UUID | None = None
    restricted: bool = False
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    command_id: UUID | None = None
    body_hash: bytes | None = None
    traceparent: str | None = None

    def encode(self) -> bytes:
        """Return the bytes that are stored."""
        return _encoder.encode(self)

    @classmethod
    def decode(cls, meta: bytes) -> Metadata:
        """Read stored bytes; fields of later versions are passed over."""
        return _decode_metadata(meta)

    def having(self, **changes: Any) -> Self:
        """Return a copy with other values."""
        return msgspec.structs.replace(self, **changes)


_decode_metadata: Callable[[bytes], Metadata] = msgspec.json.Decoder(Metadata).decode


LARGEST_EVENT = 65_536
"""Bytes; the append takes none that is larger (0003_append.sql), so nothing that is was ever a command's."""


class EventCodec:
    """Between events and bytes; it learns how to read a type when it first meets it."""

    def __init__(self, types: Mapping[str, type[Event]] = EVENT_TYPES, upcasters: Upcasters | None = None) -> None:
        self.types = types
        self.upcasters = upcasters or {}
        self._readers: dict[str, Callable[[bytes], Event]] = {}

    def encode(self, event: Event) -> bytes:
        """Return an event's bytes; its type name is stored beside them."""
        return _encoder.encode(event)

    def decode(self, type_name: str, state: bytes) -> Event:
        """Return the event as its newest version, or raise :class:`Undecodable`."""
        reader = self._readers.get(type_name) or self.reader(type_name)
        if len(state) > LARGEST_EVENT:
            raise Undecodable(type_name, "it is larger than any event that the log takes.")
        try:
            return reader(state)
        except (msgspec.MsgspecError, ValueError) as error:
            raise Undecodable(type_name, str(error)) from error

    def reader(self, type_name: str) -> Callable[[bytes], Event]:
        """Return what turns a type's bytes into an event of the newest version."""
        reader = self._readers.get(type_name)
        if reader is None:
            with _learning:
                reader = self._readers[type_name] = self._new_reader(type_name)
        return reader

    def _new_reader(self, type_name: str) -> Callable[[bytes], Event]:
        if type_name in self.upcasters:
            struct, upcast = self.upcasters[type_name]
            return self._upcasting(msgspec.json.Decoder(struct).decode, upcast)
        if type_name in self.types:
            return msgspec.json.Decoder(self.types[type_name]).decode
        raise Undecodable(type_name, "no event has this name.")

    def _upcasting(self, decode: Callable[[bytes], Event], upcast: Callable[[Any], Event]) -> Callable[[bytes], Event]:
        def read(state: bytes) -> Event:
            event = upcast(decode(state))
            while event.type_name in self.upcasters:
                event = self.upcasters[event.type_name][1](event)
            return event

        return read


class EventMapper(Mapper[UUID]):
    """The library's mapper between :class:`Recorded` events and stored ones."""

    def __init__(self, codec: EventCodec | None = None) -> None:
        self.codec = codec or EventCodec()

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Return the event as it is stored."""
        recorded = cast(Recorded, domain_event)
        return StoredEvent(
            originator_id=recorded.originator_id,
            originator_version=recorded.originator_version,
            topic=recorded.event.type_name,
            state=_encoder.encode(recorded.event),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Return the stored event at its place, or raise :class:`Undecodable`."""
        return cast(
            "DomainEventProtocol[UUID]",
            Recorded(
                cast(UUID, stored_event.originator_id),
                stored_event.originator_version,
                self.codec.decode(stored_event.topic, stored_event.state),
            ),
        )
