"""The registry as workers need it: folded up to a position, and what a stretch of it changes for whom."""

from __future__ import annotations

import logging
from typing import NamedTuple
from uuid import UUID

from casework.domain.aggregate import EVENT_TYPES, Recorded
from casework.domain.registry import (
    COLLECTIVE_CONTRACT,
    Facts,
    FeedClosed,
    Registry,
    UnitFactReported,
    UnitFactVoided,
)
from casework.errors import CaseworkError
from casework.log import reading
from casework.log.reading import Db, RegistryEvent
from casework.projections.computing import codec, described

log = logging.getLogger(__name__)

_CONTRACT = COLLECTIVE_CONTRACT.encode()


class Changed(NamedTuple):
    """What moved in the registry: employers with another collective contract, whether a feed closed a month."""

    units: frozenset[UUID]
    feeds: bool


class RegistryReader:
    """What assessments ask of the registry, up to a position; folded once and then continued as it grows.

    An event that cannot be read stops it at the position before, for all partitions alike, until a program that
    can read it takes over; households go on to be drained with the registry as it was there.
    """

    def __init__(self) -> None:
        self._registry = Registry()
        self._stuck_at: int | None = None
        self._last: tuple[tuple[int, int], Changed] | None = None

    def reach(self, db: Db, head: int) -> int:
        """Fold up to the head, or as far as the events can be read; return the position reached."""
        if head > self._registry.position and self._stuck_at is None:
            for event in reading.registry_events(db, self._registry.position, head):
                if not self._take(event):
                    break
        return self._registry.position

    def facts(self, db: Db, position: int) -> Facts:
        """Return the facts at exactly a position that can be read."""
        if position < self._registry.position:
            self._registry, self._stuck_at = Registry(), None
        reached = self.reach(db, position)
        if reached != position:
            raise LookupError(f"The registry can be read up to {reached}, not to {position}.")
        return self._registry.facts

    def changed(self, db: Db, after: int, upto: int) -> Changed:
        """Return what a stretch that can be read changes for assessments; the last answer is remembered."""
        stretch = (after, upto)
        if self._last is None or self._last[0] != stretch:
            self._last = stretch, _changed(db, after, upto)
        return self._last[1]

    def _take(self, event: RegistryEvent) -> bool:
        try:
            read = _read(event)
            if read is not None:
                self._registry.fold([(event.position, Recorded(event.stream_id, event.version, read))])
            self._registry.position = event.position
        except MemoryError:
            raise
        except Exception as error:
            self._registry.position = event.position - 1
            self._stuck_at = event.position
            log.error("Position 64:%d of the registry cannot be read: %s", event.position, described(error))
            return False
        return True


def registry_at(db: Db, position: int) -> Registry:
    """Fold the whole registry, units and their places included, up to a position.

    CaseworkError, which names the position, where this program cannot read one of its events.
    """
    registry = Registry()
    for event in reading.registry_events(db, upto=position):
        try:
            read = codec.decode(event.type, event.state)
            registry.fold([(event.position, Recorded(event.stream_id, event.version, read))])
        except MemoryError:
            raise
        except Exception as error:
            raise CaseworkError("registry-unreadable", position=event.position, error=described(error)) from error
    return registry


def _changed(db: Db, after: int, upto: int) -> Changed:
    events = [(e.stream_id, _read(e)) for e in reading.registry_events(db, after, upto)]
    units = frozenset(unit for unit, event in events if isinstance(event, UnitFactReported | UnitFactVoided))
    return Changed(units, any(isinstance(event, FeedClosed) for _, event in events))


def _read(event: RegistryEvent) -> UnitFactReported | UnitFactVoided | FeedClosed | None:
    """Return an event that assessments ask for, None for the many others; Undecodable for an unknown type."""
    kind = EVENT_TYPES.get(event.type)
    of_contract = kind in (UnitFactReported, UnitFactVoided) and _CONTRACT in event.state
    relevant = kind is None or kind is FeedClosed or of_contract
    match codec.decode(event.type, event.state) if relevant else None:
        case UnitFactReported(fact=fact) | UnitFactVoided(fact=fact) as read if fact == COLLECTIVE_CONTRACT:
            return read
        case FeedClosed() as read:
            return read
    return None
