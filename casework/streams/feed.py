"""What a subscriber is given next: the reading behind every channel.

The partitions are read in the order of their positions, each as far as its head was when the reading began, and in
turns, so that a busy one holds up no other. Whatever is withheld is passed over without a trace: neither ``sequence``
nor anything else says that it was there. An event that should perhaps be told and cannot be read is never passed over:
its partition waits there until it can.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from casework.domain.events.consents import PersonErased
from casework.domain.ids import REGISTRY
from casework.log import reading
from casework.log.codec import EventCodec, Undecodable
from casework.log.reading import Cut, Db, LoggedEvent, Stretch
from casework.streams.context import Context
from casework.streams.cursor import PARTITIONS, Cursor
from casework.streams.disclosure import Compiled, Envelope, Happened, disclose
from casework.streams.kept import KeptContexts
from casework.streams.notices import notices

log = logging.getLogger(__name__)

LOOKED = 10_000
SECONDS = 0.2
_AT_ONCE = 1000
"""Positions looked at in one turn, before it is asked again whether there is time for more."""
_FIRST = 100

_codec = EventCodec()


class Held(NamedTuple):
    """Where a partition waits, and why; the reason names nobody."""

    position: int
    reason: str


class Batch(NamedTuple):
    """What is given out, and where that leads.

    ``places`` are partition and position of each envelope, in the order of the envelopes. ``caught_up`` says that
    there is nothing more as of now; ``held`` where which partitions wait for an event that cannot be read.
    """

    envelopes: list[Envelope]
    places: list[tuple[int, int]]
    cursor: Cursor
    caught_up: bool
    held: Mapping[int, Held]


def read(
    db: Db,
    cursor: Cursor,
    compiled: Compiled,
    contexts: KeptContexts,
    *,
    limit: int,
    looked: int = LOOKED,
    seconds: float = SECONDS,
) -> Batch:
    """Return what is told after a cursor, ``limit`` envelopes at most.

    Looks at no more than so many positions, nor begins another turn after so many seconds, or for the last tenth of
    ``limit``; the cursor moves on over all that was looked at. Under a grant that is not in force only notices about
    the grant are given.
    """
    ends = monotonic() + seconds
    turns = _Reading(db, cursor, compiled, contexts, limit)
    turns.take_notices()
    while looked > 0 and turns.has_room and (ahead := turns.ahead()):
        looked -= turns.take(ahead, min(looked, turns.worth_a_look))
        if monotonic() >= ends:
            break
    return turns.batch()


class _Reading:
    """One reading, turn by turn."""

    def __init__(self, db: Db, cursor: Cursor, compiled: Compiled, contexts: KeptContexts, limit: int) -> None:
        self._db, self._cursor, self._compiled, self._contexts, self._limit = db, cursor, compiled, contexts, limit
        self._positions = list(cursor.positions)
        self._heads: Cut = reading.heads(db)
        self._in_force = compiled.grant.in_force(compiled.today)
        self._types = [*compiled.grant.extent.types, PersonErased.type_name]
        self.envelopes: list[Envelope] = []
        self._places: list[tuple[int, int]] = []
        self._held: dict[int, Held] = {}
        self._looked = self._told = 0

    @property
    def has_room(self) -> bool:
        """Whether another turn pays: not for a few envelopes more, since each turn asks the database anew."""
        return len(self.envelopes) < max(self._limit - self._limit // 10, 1)

    @property
    def worth_a_look(self) -> int:
        """At how many positions to look to fill the room that is left, as far as those before tell: what is beyond
        it would be read in vain."""
        room = self._limit - len(self.envelopes)
        if not self._looked:
            return min(max(room, _FIRST), _AT_ONCE)
        return min(1 + room * self._looked // max(self._told, 1), _AT_ONCE)

    def take_notices(self) -> None:
        """Tell what happened to the grant itself: first of all, since it says what to delete."""
        after, upto = self._positions[REGISTRY], self._heads[REGISTRY]
        if after < upto:
            for position, envelope in notices(self._db, self._compiled, after, upto):
                if len(self.envelopes) == self._limit:
                    self._positions[REGISTRY] = position - 1
                    return
                self._give(envelope, REGISTRY, position)
            self._positions[REGISTRY] = upto

    def ahead(self) -> list[int]:
        """The partitions in which there is more, beginning with another one each time."""
        if not self._in_force:
            return []
        turn = (sum(self._positions) * 2654435761 >> 16) % PARTITIONS  # Knuth's multiplier scatters it
        order = [*range(turn, PARTITIONS), *range(turn)]
        return [each for each in order if self._positions[each] < self._heads[each] and each not in self._held]

    def take(self, ahead: list[int], most: int) -> int:
        """Take one turn over some partitions, an equal share of each; return how many positions were looked at."""
        share = max(1, most // len(ahead))
        stretches = [self._stretch(partition, share) for partition in ahead[:most]]
        found: dict[int, list[Happened]] = {each.partition: [] for each in stretches}
        for partition, household, logged in reading.events_within(self._db, stretches, self._types):
            happened = None if partition in self._held else self._readable(partition, household, logged)
            if happened is not None and self._may_tell(happened):
                found[partition].append(happened)
        wanted = {happened.household_id for each in found.values() for happened in each}
        now = self._contexts.of(self._db, wanted, self._compiled.today) if wanted else {}
        before = len(self.envelopes)
        for stretch in stretches:
            if not self._tell(stretch, found[stretch.partition], now):
                break
        looked = sum(each.upto - each.after for each in stretches)
        self._looked, self._told = self._looked + looked, self._told + len(self.envelopes) - before
        return looked

    def batch(self) -> Batch:
        """All that was taken."""
        cursor = self._cursor.moved(self._positions, len(self.envelopes))
        return Batch(self.envelopes, self._places, cursor, not self.ahead(), self._held)

    def _stretch(self, partition: int, share: int) -> Stretch:
        after = self._positions[partition]
        return Stretch(partition, after, min(self._heads[partition], after + share))

    def _readable(self, partition: int, household: UUID, logged: LoggedEvent) -> Happened | None:
        """The event as it reads, or None: its partition waits for it."""
        try:
            return Happened(household, logged, _codec.decode(logged.type, logged.state))
        except Undecodable:
            self._hold(partition, logged.position, f"an event of type {logged.type} cannot be read")
            return None

    def _may_tell(self, happened: Happened) -> bool:
        return self._compiled.entitlement.may_tell(happened.event, happened.logged.meta)

    def _tell(self, stretch: Stretch, found: Iterable[Happened], now: Mapping[UUID, Context]) -> bool:
        """Tell what is to be told of a stretch, and move past it; false once there is no room for more."""
        partition = stretch.partition
        for happened in found:
            position = happened.logged.position
            if len(self.envelopes) == self._limit:
                self._positions[partition] = position - 1
                return False
            context = now.get(happened.household_id)
            if context is None:
                self._hold(partition, position, "a household cannot be read")
                break
            envelope = disclose(happened, self._compiled, context)
            if envelope is not None:
                self._give(envelope, partition, position)
        held = self._held.get(partition)
        self._positions[partition] = stretch.upto if held is None else held.position - 1
        return True

    def _hold(self, partition: int, position: int, reason: str) -> None:
        self._held[partition] = Held(position, reason)
        log.error("Feeds wait at %s:%s: %s", partition, position, reason)

    def _give(self, envelope: Envelope, partition: int, position: int) -> None:
        envelope.sequence = f"{self._cursor.sequence + len(self.envelopes) + 1:012}"
        self.envelopes.append(envelope)
        self._places.append((partition, position))
