"""All that a household adds to units' totals of an evaluation year: one pure function over the folded household."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from casework.domain.contributions import Contributions
from casework.domain.evaluation import Year
from casework.domain.household import Household
from casework.domain.month_counting import MonthCounter
from casework.domain.policy import Policy
from casework.domain.registry import Registry
from casework.domain.state import Origin
from casework.domain.year_events import Acting, Decided, Deciding, Told
from casework.domain.year_places import Trained, Training, count_schools

DECIDING = ("agency", "bureau")
"""The kinds of units whose decisions are counted (RULES U10)."""


class HouseholdYear(NamedTuple):
    """What a household adds: at each month end that is over by unit, to who decides, trains and teaches."""

    months: list[Contributions]
    decided: Decided
    trained: Trained
    schools: dict[UUID, list[int]]


class YearCounter:
    """Counts households over an evaluation year, under a policy and the registry at a cut.

    ``days`` are the month ends of the year, or those of them that are over.
    """

    def __init__(self, policy: Policy, registry: Registry, year: int, days: Sequence[date]) -> None:
        self.year = Year.of(year)
        registered = [(id, unit.registered) for id, unit in registry.units.items()]
        agencies = {id for id, unit in registered if unit is not None and unit.kind in DECIDING}
        self.months = MonthCounter(policy, registry.facts, days)
        self.deciding = Deciding(policy, self.year, agencies)
        self.training = Training(policy, self.year)

    def count(
        self, household: Household, types: Sequence[str], told: Told, origins: Mapping[Origin, Acting]
    ) -> HouseholdYear:
        """Count one household, whose entries are of these types (:meth:`Deciding.count`)."""
        months = self.months.count(household)
        decided = self.deciding.count(household, types, told, origins, is_in_scope=any(months))
        return HouseholdYear(months, decided, self.training.count(household), count_schools(household, self.year))
