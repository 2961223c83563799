"""What a correction would change: a household's levels, and the figures of the units that count it."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple
from uuid import UUID

from casework.domain.assessment import Assessment, assess
from casework.domain.calendar import evaluation_year, month_ends
from casework.domain.household import Household
from casework.domain.policy import Policy
from casework.domain.registry import Facts
from casework.projections.views import rows_of


class Impact(NamedTuple):
    """Both assessments of a day; and the month ends, and units, at which the household would count otherwise.

    The month ends are those of the day's evaluation year so far, and of the year before.
    """

    before: Assessment
    after: Assessment
    month_ends: list[date]
    units: set[UUID]


def impact(before: Household, after: Household, policy: Policy, as_of: date, facts: Facts) -> Impact:
    """Compare a household as it is with what it would be; nothing else differs."""
    year = evaluation_year(as_of)
    past = [day for day in (*month_ends(year - 1), *month_ends(year)) if day < as_of]
    units = {day: _units(before, after, policy, day, facts) for day in (*past, as_of)}
    return Impact(
        assess(before, policy, as_of, facts),
        assess(after, policy, as_of, facts),
        [day for day in past if units[day]],
        set().union(*units.values()),
    )


def _units(before: Household, after: Household, policy: Policy, day: date, facts: Facts) -> set[UUID]:
    """The units to which the household would contribute something else."""
    old, new = (rows_of(household, policy, day, facts).contributions for household in (before, after))
    return {unit for unit in old.keys() | new.keys() if old.get(unit) != new.get(unit)}
