"""What a household adds to units at the month ends of an evaluation year, each indicator asked again only when due.

At each month end it is what :func:`casework.projections.views.rows_of` finds on that day: the same rules, asked less
often, since every answer says until when it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from casework.domain.assessment import KNOWN, NOT_APPLICABLE, IndicatorResult, Standing, count, standing, withhold
from casework.domain.clock import earliest, is_over
from casework.domain.contributions import (
    OF_GIVERS,
    Contributions,
    community_unit,
    feed_of,
    of_community,
    of_givers,
)
from casework.domain.household import Household
from casework.domain.metrics import MEASURED_LEVELS, MEASURES
from casework.domain.policy import Policy
from casework.domain.present import Job, Present
from casework.domain.registry import Facts

NOWHERE: Contributions = {}
"""What a household adds on a day on which it does not count; never written to."""

_BY_GIVER = frozenset(code for _, code in OF_GIVERS)


class MonthCounter:
    """Counts households on some days, which follow one another, under a policy and the registry's facts at a cut."""

    def __init__(self, policy: Policy, facts: Facts, days: Sequence[date]) -> None:
        self.policy = policy
        self.facts = facts
        self.days = days
        self.feeds = [(code, feed_of(code, policy)) for code in MEASURES]
        self._weights: dict[str, list[int]] = {}

    def count(self, household: Household) -> list[Contributions]:
        """Return what the household adds to each unit, day by day; where nothing changed, the same object again."""
        walk = _Walk(self, household)
        return [walk.on(day) for day in self.days]

    def weights(self, results: dict[str, IndicatorResult]) -> list[int]:
        """Return the known, then the applicable weight of each level, as an assessment has them."""
        states = "".join([results[code].state[0] for code in self.policy.indicators])
        found = self._weights.get(states)
        if found is None:
            found = self._weights[states] = self._weighed(results)
        return found

    def _weighed(self, results: dict[str, IndicatorResult]) -> list[int]:
        levels, rules = {level.code: level.indicators for level in self.policy.levels}, self.policy.indicators
        there = {code: result.state for code, result in results.items() if result.state != NOT_APPLICABLE}
        applicable = [[code for code in levels[level] if code in there] for level in MEASURED_LEVELS]
        known = [[code for code in codes if there[code] == KNOWN] for codes in applicable]
        return [sum(rules[code].weight for code in codes) for codes in (*known, *applicable)]


class _Walk:
    """One household on its way from day to day: what was answered, and until when that holds."""

    def __init__(self, counter: MonthCounter, household: Household) -> None:
        self.counter = counter
        self.household = household
        self.present: Present | None = None
        self.standing: Standing | None = None
        self.results: dict[str, IndicatorResult] = {}
        self.jobs: list[Job] = []
        self.givers: Contributions = {}
        self.weights: list[int] = []
        self.found = NOWHERE
        self.until: date | None = date.min

    def on(self, day: date) -> Contributions:
        """What the household adds on a day, not before the last that was asked about."""
        if not is_over(self.until, day):
            return self.found
        h = self._present_on(day)
        moved = self.standing is None or is_over(self.standing.holds_until, day)
        if moved or self.standing is None:
            self.standing = standing(h)
        if not self.standing.is_assessed:
            self.until, self.found = self.standing.holds_until, NOWHERE
            return self.found
        changed = self._ask_again(h)
        self.until = earliest([self.standing.holds_until, *[r.holds_until for r in self.results.values()]])
        if moved or changed:
            self.found = self._contributions(self.standing, changed)
        return self.found

    def _present_on(self, day: date) -> Present:
        """The household on the day, with its members and jobs as they were where that holds."""
        h = Present(self.household, self.counter.policy, day, self.counter.facts)
        if self.present is not None:
            h.continue_from(self.present)
        self.present = h
        return h

    def _ask_again(self, h: Present) -> set[str]:
        """Ask what no longer holds; return what is counted otherwise than before."""
        results, changed = self.results, set()
        for code, feed in self.counter.feeds:
            before = results.get(code)
            if before is None or is_over(before.holds_until, h.day):
                now = results[code] = count(h, code, feed)
                if before is None or code in _BY_GIVER or _differ(before, now):
                    changed.add(code)
        withhold(results)
        if "WRK5" in changed:
            self.jobs = h.jobs
        return changed

    def _contributions(self, at: Standing, changed: set[str]) -> Contributions:
        community = at.community or self.household.residences[-1][2]
        if "\0" in community:
            raise ValueError("A NUL cannot be stored.")
        weights = self.counter.weights(self.results)
        if weights != self.weights or not _BY_GIVER.isdisjoint(changed):
            self.givers = of_givers(self.jobs, self.results, weights)
        self.weights = weights
        return {community_unit(community): of_community(self.jobs, self.results, weights), **self.givers}


def _differ(before: IndicatorResult, now: IndicatorResult) -> bool:
    return (before.state, before.num, before.den) != (now.state, now.num, now.den)
