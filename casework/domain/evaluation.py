"""What is known of a unit for an evaluation year, and the digest by which anybody can say that it is the same.

The counts come from the log at one cut (:mod:`casework.projections.months`); unit metrics read nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import msgspec

from casework.domain.calendar import add_months, month_ends, next_day
from casework.domain.metrics import Counts

__all__ = [
    "AgencyCounts",
    "ProviderCounts",
    "SchoolCounts",
    "UnitYear",
    "Year",
    "month_ends",
    "totals_digest",
]


class Year(NamedTuple):
    """The days of an evaluation year, both inside (RULES B10)."""

    first: date
    last: date

    @classmethod
    def of(cls, year: int) -> Year:
        """The evaluation year that ends on 30 September of a year."""
        return cls.ending(month_ends(year)[-1])

    @classmethod
    def ending(cls, last: date) -> Year:
        """The twelve months up to a day."""
        return cls(next_day(add_months(last, -12)), last)

    def includes(self, day: date | None) -> bool:
        """Whether a day lies inside."""
        return day is not None and self.first <= day <= self.last


class AgencyCounts(NamedTuple):
    """What an agency or a bureau decided in the year (RULES U10).

    ``decided`` are all decisions of the year, ``overdue`` what was undecided past its limit on 30 September.
    ``ended_direct`` of ``ended`` had one referral at most; ``answered_in_time`` of ``referrals_due`` were answered
    within the limit. ``faulted`` episodes were corrected as entered wrongly, or voided, in the year; ``episodes`` were
    decided in it. ``served`` are distinct households in scope.
    """

    decided_in_time: int = 0
    decided: int = 0
    overdue: int = 0
    ended_direct: int = 0
    ended: int = 0
    answered_in_time: int = 0
    referrals_due: int = 0
    faulted: int = 0
    episodes: int = 0
    served: int = 0


class ProviderCounts(NamedTuple):
    """What became of the people whom a provider trained, each counted once (RULES U11, A5)."""

    completed: int = 0
    enrolled: int = 0
    certified: int = 0
    completers: int = 0
    employed: int = 0
    unemployed_at_entry: int = 0
    with_need: int = 0
    trainees: int = 0


class SchoolCounts(NamedTuple):
    """Who asked a school for a place and got one, and which of the pupils of a year ago stayed (DOMAIN 8.6, K08)."""

    admitted: int = 0
    applicants: int = 0
    kept: int = 0
    pupils_a_year_ago: int = 0


class UnitYear(NamedTuple):
    """What is known of a unit for an evaluation year (1 Oct year-1 to 30 Sep year), from the log at a cut.

    ``months`` are twelve tallies as :mod:`casework.domain.metrics` stores them, 31 Oct to 30 Sep: of a community,
    township, district, zone or city those of the whole subtree as it was at that month end.
    """

    months: tuple[Counts, ...]
    agency: AgencyCounts | None = None
    provider: ProviderCounts | None = None
    school: SchoolCounts | None = None


_encode = msgspec.json.Encoder().encode


def totals_digest(years: Mapping[UUID, UnitYear]) -> bytes:
    """Return the SHA-256 of all units' totals, the same for the same numbers on any machine.

    It is taken over one line of JSON without blanks for each unit, in the order of their ids as bytes:
    ``["<unit id>",[[…],…],[…]|null,[…]|null,[…]|null]`` and a line feed: months, agency, provider, school.
    """
    digest = sha256()
    for unit in sorted(years):
        digest.update(_encode((unit, *years[unit])) + b"\n")
    return digest.digest()
