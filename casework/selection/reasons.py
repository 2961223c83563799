"""Why a unit's metric is another than before: what each count, weight and goal adds to the difference, in points.

A weighted mean is taken apart by the mean of both sides (share × change of the score + score × change of the share),
the balance of the levels by the logarithmic mean, a rate by letting its own counts, the pooled rate of its kind and the
goal change in every order. So the parts add up to the difference; what no part explains, such as another way of
putting levels together, is told as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import permutations
from math import factorial, log
from typing import NamedTuple

from casework.domain.kinds import is_balanced, levels_of
from casework.domain.measured import Rate, UnitMetric
from casework.domain.policy import Kind, Policy
from casework.domain.scoring import Ratio
from casework.domain.shrinkage import Pool, shrunk

SMALLEST = 1e-9
"""Of a hundred points: less is not told."""

COUNTS, POOL, GOAL, WEIGHT, SCORE, BALANCE = "counts", "pool", "goal", "weight", "score", "balance"


class Reason(NamedTuple):
    """What moved a metric, and by how many of its hundred points.

    ``code`` is an indicator, level or part. ``what``: its own ``counts``; the ``pool``, that is the rate of all units
    of the kind; its ``goal``; its ``weight`` (also where another part does not apply any more); the ``score`` of a part
    that is no rate; or the ``balance``, the way in which levels are put together.
    """

    code: str
    what: str
    points: float


class Side(NamedTuple):
    """A unit as it was measured, and under what."""

    measured: UnitMetric
    kind: Kind
    policy: Policy


def reasons(before: Side, after: Side) -> list[Reason]:
    """Return what moved a unit's metric, the most first; nothing where it has none on one of the sides."""
    old, new = before.measured.metric, after.measured.metric
    if old is None or new is None:
        return []
    found = list(_of_parts(before, after))
    rest = float(new - old) - sum(each.points for each in found)
    found.append(Reason("levels", BALANCE, rest))
    told = [each for each in found if abs(each.points) > SMALLEST]
    return sorted(told, key=lambda each: (-abs(each.points), each.code, each.what))


def _of_parts(before: Side, after: Side) -> Iterator[Reason]:
    old, new = before.measured.parts, after.measured.parts
    yield from _weighted(old, new, before.kind.parts, after.kind.parts)
    shares = _mean_shares(old, new, before.kind.parts, after.kind.parts)
    for part, share in shares.items():
        if old.get(part) is None or new.get(part) is None:
            continue
        if part == "levels":
            yield from _of_levels(before, after, share)
        else:
            yield from _of_part(part, before, after, share)


def _of_part(part: str, before: Side, after: Side, share: float) -> Iterator[Reason]:
    old, new = before.measured.indicators.get(part), after.measured.indicators.get(part)
    if old is not None and new is not None:
        yield from _of_rate(part, old, new, (Ratio(1, 1), Ratio(1, 1)), share)
    else:
        yield Reason(part, SCORE, share * _difference(before.measured.parts, after.measured.parts, part))


def _of_levels(before: Side, after: Side, share: float) -> Iterator[Reason]:
    old, new = before.measured.levels, after.measured.levels
    both = [code for code in old if old[code] is not None and new.get(code) is not None]
    if is_balanced(before.kind, before.policy) and is_balanced(after.kind, after.policy):
        steps = _balanced_shares(before, after, both)
    else:
        alike = dict.fromkeys((*old, *new), 1)
        yield from (each._replace(points=share * each.points) for each in _weighted(old, new, alike, alike))
        steps = _mean_shares(old, new, alike, alike)
    for level in levels_of(before.kind, before.policy):
        if level.code in both and level.code in steps:
            yield from _of_level(level.code, before, after, share * steps[level.code])


def _balanced_shares(before: Side, after: Side, levels: Sequence[str]) -> dict[str, float]:
    """How far the balanced score follows each level: by the logarithmic means of the score and of the level."""
    old, new = _above_floor(before), _above_floor(after)
    score = _log_mean(_float(before.measured.parts["levels"]), _float(after.measured.parts["levels"]))
    shares = {code: (1 / len(old) + 1 / len(new)) / 2 for code in levels}
    return {code: share * score / _log_mean(old[code], new[code]) for code, share in shares.items()}


def _above_floor(side: Side) -> dict[str, float]:
    floor = float(side.policy.floor)
    return {code: max(float(level), floor) for code, level in side.measured.levels.items() if level is not None}


def _of_level(level: str, before: Side, after: Side, share: float) -> Iterator[Reason]:
    (old, old_goals), (new, new_goals) = _attained(level, before), _attained(level, after)
    weights = [{code: rule.weight for code, rule in side.policy.indicators.items()} for side in (before, after)]
    for each in _weighted(old, new, *weights):
        yield each._replace(points=share * each.points)
    for code, part in _mean_shares(old, new, *weights).items():
        rates = before.measured.indicators.get(code), after.measured.indicators.get(code)
        if rates[0] is not None and rates[1] is not None:
            yield from _of_rate(code, rates[0], rates[1], (old_goals[code], new_goals[code]), share * part)


def _attained(level: str, side: Side) -> tuple[dict[str, Fraction | None], dict[str, Ratio]]:
    """How much of its goal each indicator of a level reaches, and the goals."""
    codes = next(each.indicators for each in side.policy.levels if each.code == level)
    goals = {code: side.policy.indicators[code].goal for code in codes}
    rates = side.measured.indicators
    return {code: _reached(rates[code].shrunk, goals[code]) if code in rates else None for code in codes}, goals


def _reached(rate: Fraction, goal: Ratio) -> Fraction:
    return 100 * min(Fraction(1), rate * goal.den / goal.num)


def _of_rate(code: str, old: Rate, new: Rate, goals: tuple[Ratio, Ratio], share: float) -> Iterator[Reason]:
    def reached(counts: Rate, pool: Rate, goal: Ratio) -> Fraction:
        per = Fraction(counts.den) / counts.n
        cell = Ratio(counts.num, counts.den)
        return _reached(shrunk(cell, int(per), Pool(pool.mu, pool.m)), goal)

    for what, points in zip(
        (COUNTS, POOL, GOAL), _in_every_order(reached, (old, old, goals[0]), (new, new, goals[1])), strict=True
    ):
        yield Reason(code, what, share * float(points))


def _in_every_order(score: Callable[..., Fraction], old: tuple[object, ...], new: tuple[object, ...]) -> list[Fraction]:
    """What each argument's change adds, on average over all orders in which they can change (Shapley's value)."""
    added = [Fraction(0)] * len(old)
    for order in permutations(range(len(old))):
        now, before = list(old), score(*old)
        for place in order:
            now[place] = new[place]
            after = score(*now)
            added[place] += after - before
            before = after
    return [each / factorial(len(old)) for each in added]


Scores = Mapping[str, Fraction | None]
Weights = Mapping[str, int]


def _weighted(old: Scores, new: Scores, old_weights: Weights, new_weights: Weights) -> Iterator[Reason]:
    """What the shares of a weighted mean add by changing: more for what is better than the mean of both sides."""
    before, after = _shares(old, old_weights), _shares(new, new_weights)
    scores = {code: _mean_score(old.get(code), new.get(code)) for code in {**before, **after}}
    mean = sum((before.get(code, 0) + after.get(code, 0)) / 2 * score for code, score in scores.items())
    for code, score in scores.items():
        yield Reason(code, WEIGHT, (after.get(code, 0.0) - before.get(code, 0.0)) * (score - mean))


def _mean_shares(old: Scores, new: Scores, old_weights: Weights, new_weights: Weights) -> dict[str, float]:
    """The shares of what applies on both sides, each the mean of the two."""
    before, after = _shares(old, old_weights), _shares(new, new_weights)
    return {code: (before[code] + after[code]) / 2 for code in before if code in after}


def _shares(scores: Scores, weights: Weights) -> dict[str, float]:
    applying = {code: weights.get(code, 0) for code, score in scores.items() if score is not None}
    total = sum(applying.values())
    return {code: weight / total for code, weight in applying.items()} if total else {}


def _mean_score(old: Fraction | None, new: Fraction | None) -> float:
    """The mean of both, or the one that there is: what began or ceased to apply changed its share alone."""
    there = [float(score) for score in (old, new) if score is not None]
    return sum(there) / len(there)


def _difference(old: Scores, new: Scores, code: str) -> float:
    return _float(new[code]) - _float(old[code])


def _log_mean(a: float, b: float) -> float:
    return a if a == b or not (a and b) else (a - b) / (log(a) - log(b))


def _float(score: Fraction | None) -> float:
    return 0.0 if score is None else float(score)
