"""A drain that stays for a while: it works until nothing is behind, waits for a hint, and works again.

Sets beside the live one are filled in between, a little at a time, so that what is behind waits for no longer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from threading import Event
from time import monotonic
from typing import Any

from casework.domain.ids import REGISTRY
from casework.projections.engine import AWAY, Engine
from casework.wake import Waiting, Wake

log = logging.getLogger(__name__)

Shown = Callable[[], None]

POLL_SECONDS = 0.2
"""How often all heads are looked at, whatever hints say."""

LAST_SECONDS = 1.0
"""How long the last look may take; what it leaves is found by the next tick."""


def drain_all(engine: Engine, wake: Wake, *, until: float, stop: Event) -> int:
    """Drain until none is behind, and linger for more until a time (of ``monotonic``) or a stop; return the count.

    The time ends it also where more comes than it manages: its successor may hear again what it lost with Redis.
    The subscription ends before the last look at the heads: a commit either was heard, or is seen by that look, or
    found nobody listening and asked for another drain.
    """
    moved = 0
    with wake.listening(stop) as wait:
        while True:
            moved += drain_behind(engine, stop, until=until, shown=wake.tell_shown)
            if stop.is_set() or monotonic() >= until:
                break
            if not fill_some(engine):
                moved += follow_hints(engine, wait, stop, until=until, shown=wake.tell_shown)
    return moved + drain_behind(engine, stop, until=monotonic() + LAST_SECONDS, shown=wake.tell_shown)


def drain_behind(engine: Engine, stop: Event, *, until: float, shown: Shown = lambda: None) -> int:
    """Drain until none is behind, the time is spent or a stop is asked for; return the count of partitions moved.

    ``shown`` is told after each transaction that moved some.
    A database that is away or busy ends it: the next look tries again, and nothing is parked for that.
    """
    moved = 0
    while not stop.is_set():
        now = _drain(engine, stop, shown)
        if not now:
            break
        moved += now
        if monotonic() >= until:
            break
    return moved


def follow_hints(engine: Engine, wait: Waiting, stop: Event, *, until: float, shown: Shown) -> int:
    """Drain what hints name, which costs less than to look at all heads, until it is time to look at all again."""
    moved = 0
    until = min(until, monotonic() + POLL_SECONDS)
    while not stop.is_set() and (left := until - monotonic()) > 0:
        hinted = wait(left)
        if REGISTRY in hinted or len(hinted) > engine.limits.partitions:
            break
        if hinted:
            moved += _drain(engine, stop, shown, hinted)
    return moved


def _drain(engine: Engine, stop: Event, shown: Shown, among: Collection[int] | None = None) -> int:
    try:
        moved = engine.drain(among)
    except AWAY as error:
        log.warning("The database does not answer (%s); the drain goes on later.", type(error).__name__)
        stop.wait(POLL_SECONDS)
        return 0
    if moved:
        shown()
    return moved


def fill_until(engine: Engine, until: float, stop: Event, shown: Shown, *which: Any) -> int:
    """Fill sets, or one partition of one, until nothing is left, a time or a stop, draining first what is behind.

    Returns how often something was filled.
    """
    filled = 0
    while not stop.is_set() and monotonic() < until:
        drain_behind(engine, stop, until=min(until, monotonic() + POLL_SECONDS), shown=shown)
        if not fill_some(engine, *which):
            break
        filled += 1
    return filled


def fill_some(engine: Engine, *which: Any) -> int:
    """Fill a little; 0 where nothing is left, others are at work on it, or the database is away."""
    try:
        return engine.fill(*which)
    except AWAY as error:
        log.warning("The database does not answer (%s); the filling goes on later.", type(error).__name__)
        return 0
