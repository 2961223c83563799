"""What may be told now of events that were to be told before: of what waits, a moment before it is sent or shown."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from casework.domain.events.consents import PersonErased
from casework.domain.ids import REGISTRY
from casework.log import reading
from casework.log.codec import EventCodec, Undecodable
from casework.log.reading import Db, Stretch
from casework.streams.disclosure import Compiled, Envelope, Happened, disclose
from casework.streams.kept import KeptContexts
from casework.streams.notices import notices

Place = tuple[int, int]
"""Partition and position."""

_codec = EventCodec()


class Again(NamedTuple):
    """Of some places what is told there now, without its ``sequence``, and those of which nobody can read it now."""

    told: dict[Place, Envelope]
    held: set[Place]


def told_again(db: Db, compiled: Compiled, contexts: KeptContexts, places: Collection[Place]) -> Again:
    """Return what is told at some places; what is in neither part of the answer is withheld."""
    again = Again(dict(_notices(db, compiled, places)), set())
    if not compiled.grant.in_force(compiled.today):
        return again
    found = dict(_readable(db, compiled, places, again.held))
    now = contexts.of(db, {each.household_id for each in found.values()}, compiled.today) if found else {}
    for place, happened in found.items():
        context = now.get(happened.household_id)
        if context is None:
            again.held.add(place)
        elif (envelope := disclose(happened, compiled, context)) is not None:
            again.told[place] = envelope
    return again


def _notices(db: Db, compiled: Compiled, places: Collection[Place]) -> Iterator[tuple[Place, Envelope]]:
    asked = {position for partition, position in places if partition == REGISTRY}
    if asked:
        for position, envelope in notices(db, compiled, min(asked) - 1, max(asked)):
            if position in asked:
                yield (REGISTRY, position), envelope


def _readable(
    db: Db, compiled: Compiled, places: Collection[Place], held: set[Place]
) -> Iterator[tuple[Place, Happened]]:
    stretches = [Stretch(partition, at - 1, at) for partition, at in places if partition != REGISTRY]
    types = [*compiled.grant.extent.types, PersonErased.type_name]
    for partition, household_id, logged in reading.events_within(db, stretches, types):
        place = (partition, logged.position)
        try:
            happened = Happened(household_id, logged, _codec.decode(logged.type, logged.state))
        except Undecodable:
            held.add(place)
            continue
        if compiled.entitlement.may_tell(happened.event, logged.meta):
            yield place, happened
