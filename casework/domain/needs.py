"""Until when a recorded need counts (RULES D6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from casework.domain.calendar import add_months
from casework.domain.clock import Clock
from casework.domain.state import Need


class LiveNeed(NamedTuple):
    """A need that counts on the day; a lapsed one counts as unmet whatever was given (RULES D6)."""

    need: Need
    lapsed: bool


def live_need(needs: Sequence[Need], tails: Mapping[str, int], clock: Clock) -> LiveNeed | None:
    """Of some needs of one kind, the one that is live; ``tails`` are the months that it stays so once cleared."""
    for need in sorted(needs, key=_assessed, reverse=True):
        if need.result != "present" or not clock.reached(need.assessed_on):
            continue
        if need.cleared_on is None or not clock.reached(need.cleared_on):
            return LiveNeed(need, lapsed=False)
        months = tails.get(need.cleared_reason or "", 0)
        if months and clock.within(add_months(need.cleared_on, months)):
            return LiveNeed(need, lapsed=need.cleared_reason == "lapsed")
    return None


def _assessed(need: Need) -> tuple[date, int]:
    return (need.assessed_on, need.version)
