"""Lives that were told to their ends, without a log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

from casework.domain.aggregate import Recorded
from casework.domain.household import Household
from casework.log.codec import EventCodec
from casework.population.family import Family
from casework.population.office import City
from casework.population.story import life_of
from casework.population.told import Told

SEED = 2013
UNTIL = date(2014, 9, 28)

NewCity = Callable[[str], City]

_decode = EventCodec().decode


class Lived(NamedTuple):
    """A household whose life was told: its truth, its aggregate and the file apart, events, and what had no effect."""

    family: Family
    household: Household
    apart: Household
    told: list[Told]
    refused: Counter[str]
    unchanged: int


def lived(city: City, number: int) -> Lived:
    """Tell the life of a household."""
    life = life_of(city, number)
    told = list(life.told())
    return Lived(life.family, life.household, life.office.apart, told, life.office.refused, life.office.unchanged)


def event_of(told: Told) -> Any:
    """Read an event."""
    return _decode(told.type, told.state)


def recorded(told: Told) -> Recorded:
    """Read an event at its place in its stream."""
    return Recorded(told.stream_id, told.version, event_of(told))
