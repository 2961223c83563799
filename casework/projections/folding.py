"""From stored events to folded households, one bad stream never in the way of the others."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, cast
from uuid import UUID

from casework.domain.events import HouseholdEvent
from casework.domain.household import Household
from casework.log.codec import EventCodec, Undecodable
from casework.log.reading import StreamEvent

codec = EventCodec()


class Failure(NamedTuple):
    """A household that cannot be computed: its version and why, without personal data."""

    household_id: UUID
    version: int
    error: str


def folded(events: Iterable[StreamEvent]) -> Iterator[Household | Failure]:
    """Fold streams that come one after the other, each in the order of its versions."""
    for stream_id, own in groupby(events, key=itemgetter(0)):
        yield _fold(stream_id, list(own))


def _fold(stream_id: UUID, events: list[StreamEvent]) -> Household | Failure:
    household = Household(stream_id)
    try:
        for _, household.version, type_name, state in events:
            household.apply(cast("HouseholdEvent", codec.decode(type_name, state)))
    except MemoryError:
        raise
    except Exception as error:
        return Failure(stream_id, events[-1][1], described(error))
    return household


def described(error: Exception) -> str:
    """Say what went wrong and where, without the values that it went wrong with."""
    kind = type(error).__name__
    if isinstance(error, Undecodable):
        return f"{kind}: {error.type_name[:80]}"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{kind} in {Path(frames[-1].filename).stem}.{frames[-1].name}, line {frames[-1].lineno}"
