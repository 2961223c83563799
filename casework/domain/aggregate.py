"""Events and the aggregates that record them: decide, then remember."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Self, TypeVar
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened, and nothing else; who, when and where it is stored stand beside it."""

    type_name: ClassVar[str]


EventClass = TypeVar("EventClass", bound=type[Event])

EVENT_TYPES: dict[str, type[Event]] = {}
"""Every event's public type name, which never changes, and the struct that it is read into."""


def event_type(name: str) -> Callable[[EventClass], EventClass]:
    """Give an event its public name, such as ``household.service-granted.v1``."""

    def register(event: EventClass) -> EventClass:
        event.type_name = name
        EVENT_TYPES[name] = event
        return event

    return register


class Recorded(msgspec.Struct, frozen=True):
    """An event at its place in its stream (the library's names for the stream's id and version)."""

    originator_id: UUID
    originator_version: int
    event: Event


class Aggregate(ABC):
    """What a stream's events say, and the commands that may follow.

    A command method checks the rules and then calls :meth:`record`; ``apply`` only remembers.
    Replay runs ``apply`` alone: it never refuses and never asks the time.
    """

    def __init__(self, id: UUID) -> None:
        self.id = id
        self.version = 0
        self.pending: list[Recorded] = []

    @abstractmethod
    def apply(self, event: Any) -> None:
        """Remember what an event says; ``self.version`` is the event's own version."""

    def record(self, event: Event) -> None:
        """Remember a new event and keep it for the log."""
        self.version += 1
        self.apply(event)
        self.pending.append(Recorded(self.id, self.version, event))

    def collect_events(self) -> list[Recorded]:
        """Hand over the events that are not yet in the log."""
        collected, self.pending = self.pending, []
        return collected

    @classmethod
    def fold(cls, aggregate: Self | None, recorded: Iterable[Recorded]) -> Self | None:
        """Replay events onto an aggregate, or onto a new one; None where there is no event (a ``projector_func``)."""
        for item in recorded:
            if aggregate is None:
                aggregate = cls(item.originator_id)
            aggregate.version = item.originator_version
            aggregate.apply(item.event)
        return aggregate
