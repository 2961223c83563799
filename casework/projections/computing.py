"""From stored events to rows, household by household, a bad one never in the way of the others."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, cast
from uuid import UUID

from casework.domain.events import HouseholdEvent
from casework.domain.household import Household
from casework.domain.policy import Policy
from casework.domain.registry import Facts
from casework.log.codec import EventCodec, Undecodable
from casework.log.reading import StreamEvent
from casework.projections.views import Rows, rows_of

codec = EventCodec()
_stream = itemgetter(0)


class Failure(NamedTuple):
    """A household that cannot be computed: its version and why, without personal data."""

    household_id: UUID
    version: int
    error: str


def computed(
    events: Iterable[StreamEvent], policy: Policy, as_of: date, facts: Facts
) -> list[Rows | Failure]:
    """Fold streams that come one after the other, each in the order of its versions, and compute their rows."""
    with without_collections():
        return [_computed(id, list(own), policy, as_of, facts) for id, own in groupby(events, key=_stream)]


def _computed(
    household_id: UUID, stream: list[StreamEvent], policy: Policy, as_of: date, facts: Facts
) -> Rows | Failure:
    try:
        return rows_of(folded(household_id, stream), policy, as_of, facts)
    except MemoryError:
        raise
    except Exception as error:
        return Failure(household_id, stream[-1][1], described(error))


@contextmanager
def without_collections() -> Iterator[None]:
    """Leave cycles alone meanwhile: a fold makes none, and looking for them takes a third of its time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def folded(household_id: UUID, events: Iterable[StreamEvent]) -> Household:
    """Replay one stream."""
    household = Household(household_id)
    for _, household.version, type_name, state in events:
        household.apply(cast("HouseholdEvent", codec.decode(type_name, state)))
    return household


def described(error: Exception) -> str:
    """Say what went wrong and where, without the values that it went wrong with."""
    kind = type(error).__name__
    if isinstance(error, Undecodable):
        return f"{kind}: {error.type_name[:80]}"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{kind} in {Path(frames[-1].filename).stem}.{frames[-1].name}, line {frames[-1].lineno}"
