"""How far a household's integration has come: one pure function over the folded household (DESIGN idea 2).

``assess`` is what live views, rebuilds, reports at past dates, what-if and the October freeze share; nothing else
computes a level. Scores are integers in hundredths (7500 is 75.00). The score measures services delivered by the
city, never conduct, belief or origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from casework.domain.calendar import evaluation_year_end
from casework.domain.clock import Clock, earliest
from casework.domain.household import Household
from casework.domain.indicators import INDICATORS, Count
from casework.domain.policy import LevelPolicy, Policy
from casework.domain.present import Present, is_migrant, is_settled
from casework.domain.registry import Facts
from casework.domain.residence import MERGED_AWAY
from casework.domain.scoring import Ratio, attained, geometric_mean, rounded, weighted_mean
from casework.domain.state import Closing

KNOWN, UNKNOWN, NOT_APPLICABLE = "known", "unknown", "not_applicable"
ASSESSED = "assessed"
"""The one status in which a household counts."""


class IndicatorResult(msgspec.Struct, frozen=True, gc=False):
    """An indicator's counts: numerator and denominator, who and what they are, and until when they hold."""

    code: str
    state: str
    num: int
    den: int
    counts: Sequence[Count]
    holds_until: date | None


class Score(NamedTuple):
    """A level's or the overall score in hundredths, its band, and its completeness as (known, applicable) weight."""

    score: int | None
    band: str
    known_weight: int
    applicable_weight: int


class Assessment(NamedTuple):
    """A household on a day, under a policy.

    ``status`` is ``assessed``, ``out_of_scope``, ``not_arrived``, ``no_members``, ``closed`` or ``merged_away``; only
    the first has indicators. Before ``next_change_on`` nothing here can differ without a new event; None means never.
    """

    as_of: date
    policy: str
    status: str
    settled: bool
    community: str | None
    indicators: dict[str, IndicatorResult]
    levels: dict[str, Score]
    overall: Score
    next_change_on: date | None

    @property
    def is_assessed(self) -> bool:
        """Whether the household counts on this day."""
        return self.status == ASSESSED


class Standing(NamedTuple):
    """Whether a household counts on a day, as :class:`Assessment` names it, and where; and until when that holds."""

    status: str
    settled: bool
    community: str | None
    holds_until: date | None

    @property
    def is_assessed(self) -> bool:
        """Whether the household counts on this day."""
        return self.status == ASSESSED


NOT_APPLICABLE_SCORE = Score(None, "NA", 0, 0)


def assess(household: Household, policy: Policy, as_of: date, facts: Facts) -> Assessment:
    """Assess a household on a day from its events so far and the registry's facts."""
    return assess_present(Present(household, policy, as_of, facts))


def assess_present(h: Present) -> Assessment:
    """Assess a household as it stands on a day; for callers that have more to ask of that day."""
    policy, at = h.policy, standing(h)
    if not at.is_assessed:
        return _unassessed(h, at)
    results = {code: count(h, code, rule.feed) for code, rule in policy.indicators.items()}
    withhold(results)
    scored = {level.code: _level(level, results, policy) for level in policy.levels}
    levels = {code: score for code, (score, _) in scored.items()}
    overall = _overall(policy, list(scored.values()))
    change = earliest([at.holds_until, *(result.holds_until for result in results.values())])
    return Assessment(h.day, policy.version, at.status, at.settled, at.community, results, levels, overall, change)


def _unassessed(h: Present, at: Standing) -> Assessment:
    levels, none = {level.code: NOT_APPLICABLE_SCORE for level in h.policy.levels}, NOT_APPLICABLE_SCORE
    return Assessment(h.day, h.policy.version, at.status, at.settled, None, {}, levels, none, at.holds_until)


def standing(h: Present) -> Standing:
    """Return whether and where the household counts on the day."""
    clock = Clock(h.day)
    status, settled = _scope(h, clock)
    community = _community(h.household, clock) if status == ASSESSED else None
    clock.also(h.people_clock.until)
    return Standing(status, settled, community, clock.until)


def _scope(h: Present, clock: Clock) -> tuple[str, bool]:
    """Whether the household counts on the day, and whether as one that gained local hukou (RULES C2 to C4)."""
    household = h.household
    if any(each.reason == "registered_in_error" and not clock.reached(each.reopened_on) for each in household.closings):
        return "closed", False
    if not clock.reached(household.arrived_on):
        return "not_arrived", False
    closing = household.closing_on(clock)
    gone = closing is not None
    if closing is not None and not _settles(closing, clock):
        return (closing.reason if closing.reason == MERGED_AWAY else "closed"), False
    if not h.members:
        return "no_members", False
    persons = [member.person for member in h.members]
    migrant = h.policy.include_local_hukou or any(is_migrant(person, clock) for person in persons)
    settled = any(is_settled(person, clock) for person in persons)
    in_scope = migrant or settled
    return (ASSESSED if in_scope else "out_of_scope"), in_scope and (settled or gone)


def _settles(closing: Closing, clock: Clock) -> bool:
    """Closed for local hukou, it is assessed to the end of that evaluation year (RULES C3)."""
    return closing.reason == "gained_local_hukou" and clock.within(evaluation_year_end(closing.closed_on))


def _community(household: Household, clock: Clock) -> str | None:
    for on, _, community in reversed(household.residences):
        if clock.reached(on):
            return community
    return None


def count(h: Present, code: str, feed: str | None) -> IndicatorResult:
    """Count one indicator, or what only units count; unknown where its feed has not come (RULES F4)."""
    clock = Clock(h.day)
    counts = list(INDICATORS[code](h, clock))
    clock.also(h.people_clock.until)
    if not counts:
        return IndicatorResult(code, NOT_APPLICABLE, 0, 0, (), clock.until)
    if not _feed_known(h, feed, clock):
        return IndicatorResult(code, UNKNOWN, 0, 0, (), clock.until)
    num = sum([count.met for count in counts])
    return IndicatorResult(code, KNOWN, num, len(counts), counts, clock.until)


def _feed_known(h: Present, feed: str | None, clock: Clock) -> bool:
    """Whether the month that is required by now is closed, or nobody feeds this (RULES F1 to F3)."""
    closed = h.facts.feed(feed) if feed else None
    if closed is None:
        return True
    known, until = closed.state_on(h.day, h.policy.feed_days)
    clock.also(until)
    return known


def withhold(results: dict[str, IndicatorResult]) -> None:
    """Without the feed nobody knows who has a place, so nobody knows whose place is free and equal (RULES F4)."""
    place, equal = results.get("SCH1"), results.get("SCH3")
    if place is not None and equal is not None and place.state == UNKNOWN:
        until = earliest([place.holds_until, equal.holds_until])
        results["SCH3"] = IndicatorResult("SCH3", UNKNOWN, 0, 0, (), until)


def _level(level: LevelPolicy, results: dict[str, IndicatorResult], policy: Policy) -> tuple[Score, Ratio | None]:
    """A level's score, and its mean before it is rounded."""
    rules, known, applicable = policy.indicators, 0, 0
    parts: list[tuple[int, Ratio]] = []
    for code in level.indicators:
        result = results[code]
        if result.state == NOT_APPLICABLE:
            continue
        rule = rules[code]
        applicable += rule.weight
        if result.state == KNOWN:
            known += rule.weight
            parts.append((rule.weight, attained(result.num, result.den, rule.goal)))
    mean = weighted_mean(parts) if parts else None
    score = None if mean is None else rounded(mean)
    return Score(score, band_of(policy, score, known, applicable, None), known, applicable), mean


def _overall(policy: Policy, levels: Sequence[tuple[Score, Ratio | None]]) -> Score:
    means = [mean for _, mean in levels if mean is not None]
    known = sum([score.known_weight for score, _ in levels])
    applicable = sum([score.applicable_weight for score, _ in levels])
    score = geometric_mean(means, policy.floor) if means else None
    weakest = min([score.score for score, _ in levels if score.score is not None], default=None)
    return Score(score, band_of(policy, score, known, applicable, weakest), known, applicable)


def band_of(policy: Policy, score: int | None, known: int, applicable: int, weakest: int | None) -> str:
    """The band of a rounded score (RULES F8, F9); ``weakest`` is the lowest level, where the overall asks for it."""
    if applicable == 0:
        return "NA"
    least = policy.completeness_min
    if score is None or known * least.den < least.num * applicable:
        return "U"
    band = next(band for band, cut in policy.bands if score >= cut)
    weak = band == "A" and weakest is not None and weakest < policy.weakest_level_for_a
    return "B" if weak else band
