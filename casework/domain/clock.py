"""A day that remembers until when the answers given on it hold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from casework.domain.calendar import next_day


class Clock(msgspec.Struct, gc=False):
    """One day, asked whether dates have come.

    Every rule compares days only through :meth:`reached` and :meth:`within`. As days pass, the first comparison to
    turn out otherwise is that of ``until``; before it, with no new event, every answer is the same.
    """

    day: date
    until: date | None = None

    def reached(self, day: date) -> bool:
        """Whether a day has come; one that has not bounds how long the answers hold."""
        if day <= self.day:
            return True
        if day < (self.until or date.max):  # what lies beyond the calendar never comes
            self.until = day
        return False

    def within(self, last_day: date) -> bool:
        """Whether this is no later than a last day inside."""
        if last_day < self.day:
            return False
        return not self.reached(next_day(last_day))

    def also(self, until: date | None) -> None:
        """Answers of another clock were used, which hold until that day."""
        if until is not None and (self.until is None or until < self.until):
            self.until = until


def is_over(until: date | None, day: date) -> bool:
    """Whether what holds until a day (its first day outside; None: for ever) no longer does on another."""
    return until is not None and until <= day


def earliest(days: Iterable[date | None]) -> date | None:
    """The first of some days, leaving out those that never come."""
    return min((day for day in days if day is not None), default=None)
