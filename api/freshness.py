"""How fresh a view must be: waiting for one's own writes, and the cut that an answer was computed at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import BoundedSemaphore
from time import monotonic
from typing import Any

from flask import current_app, request

from api.giving import casework
from casework.domain.ids import REGISTRY
from casework.errors import Unavailable
from casework.log import reading as log_reading
from casework.projections.reading import wait_for_position
from casework.projections.sets import Cutting, ViewSet

WAIT_SECONDS = 2.0
LONGEST_WAIT = 10.0

_WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,3})(?:$|[,;\s])", re.ASCII)


class Lagging(Unavailable):
    """The views have not come as far as was asked for; they will in a moment."""

    default_code = "projection-lag"


def await_positions(min_position: str | None) -> None:
    """Wait until the views show what the caller wrote, or with ``Prefer: wait=2`` alone, all that is in the log now.

    Raises :class:`Lagging` where they do not in time.
    """
    preferred = _WAIT.search(request.headers.get("Prefer", ""))
    if min_position is None and preferred is None:
        return
    seconds = min(float(preferred[1]), LONGEST_WAIT) if preferred else WAIT_SECONDS
    ends, moves = monotonic() + seconds, current_app.extensions.get("shown")
    pool = casework().pool
    wanted = _parsed(min_position) if min_position is not None else _heads()
    missing = [each for each in wanted if not wait_for_position(pool, *each, 0.0, moves)]
    if not missing:
        return
    with a_place_to_wait():
        for each in missing:
            if not wait_for_position(pool, *each, max(0.0, ends - monotonic()), moves):
                raise Lagging


def places_to_wait(threads: int) -> BoundedSemaphore:
    """Return how many requests of a process may wait at once: half of its threads always answer."""
    return BoundedSemaphore(max(1, threads // 2))


@contextmanager
def a_place_to_wait() -> Iterator[None]:
    """Take one of the places to wait for as long as the block lasts; raises :class:`Lagging` where all are taken."""
    places: BoundedSemaphore = current_app.extensions["waiting"]
    if not places.acquire(blocking=False):
        raise Lagging
    try:
        yield
    finally:
        places.release()


def refuse_older(min_position: str | None, view: ViewSet, shown: Cutting) -> None:
    """Refuse an answer from a set beside the live one that shows less than was asked for."""
    if min_position is None or view.is_live:
        return
    positions = {**shown.cut, REGISTRY: shown.registry_position}
    if any(positions.get(partition, 0) < position for partition, position in _parsed(min_position)):
        raise Lagging


def meta(shown: Cutting, policy: str) -> dict[str, Any]:
    """Return the cut, date and policy of figures that come from the views."""
    cut = ",".join(f"{partition}:{position}" for partition, position in sorted(shown.cut.items()) if position)
    return {
        "cut": ",".join(filter(None, (cut, f"{REGISTRY}:{shown.registry_position}"))),
        "as_of": shown.as_of,
        "known_at": None,
        "policy": policy,
        "computed_at": datetime.now(UTC),
    }


def _parsed(positions: str) -> Iterable[tuple[int, int]]:
    for position in positions.split(","):
        partition, _, number = position.partition(":")
        yield int(partition), int(number)


def _heads() -> Iterable[tuple[int, int]]:
    with casework().pool.connection() as db:
        return list(log_reading.heads(db).items())
