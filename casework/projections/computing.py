"""From stored events to rows, household by household, a bad one never in the way of the others."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple, TypeVar, cast
from uuid import UUID

from casework.domain.events.event import HouseholdEvent
from casework.domain.household import Household
from casework.domain.policy import Policy
from casework.domain.registry import Facts
from casework.garbage import without_collections
from casework.log.codec import EventCodec, Undecodable
from casework.log.reading import Stream
from casework.projections.views import Rows, rows_of

codec = EventCodec()

Answer = TypeVar("Answer")


class Failure(NamedTuple):
    """A household that cannot be computed: its version and why, without personal data."""

    household_id: UUID
    version: int
    error: str


def computed(streams: Iterable[Stream], policy: Policy, as_of: date, facts: Facts) -> list[Rows | Failure]:
    """Fold streams and compute the rows of their households."""
    with without_collections():
        return [tried(stream, partial(_rows, stream, policy, as_of, facts)) for stream in streams]


def _rows(stream: Stream, policy: Policy, as_of: date, facts: Facts) -> Rows:
    return rows_of(folded(stream), policy, as_of, facts)


def tried(stream: Stream, compute: Callable[[], Answer]) -> Answer | Failure:
    """Compute something of one household; what that fails with is told, and not in the way of the others."""
    try:
        return compute()
    except MemoryError:
        raise
    except Exception as error:
        return Failure(stream.id, stream.version, described(error))


def folded(stream: Stream) -> Household:
    """Replay one stream."""
    household = Household(stream.id)
    apply, decode = household.apply, codec.decode
    for version, type_name, state in zip(count(stream.first_version), stream.types, stream.states, strict=False):
        household.version = version
        apply(cast("HouseholdEvent", decode(type_name, state)))
    return household


def described(error: Exception) -> str:
    """Say what went wrong and where, without the values that it went wrong with."""
    kind = type(error).__name__
    if isinstance(error, Undecodable):
        return f"{kind}: {error.type_name[:80]}"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{kind} in {Path(frames[-1].filename).stem}.{frames[-1].name}, line {frames[-1].lineno}"
