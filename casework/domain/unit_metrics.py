"""The metric of every unit of a kind for an evaluation year (DOMAIN 8.6, RULES U2 to U11).

Pure: the counts of :mod:`casework.domain.evaluation`, the registry at the cut and the policy say everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from casework.domain.calendar import month_ends
from casework.domain.evaluation import UnitYear
from casework.domain.facts_in_place import FactYear
from casework.domain.formulas import RATES, SHARES, SIZES, Entrant, Surroundings
from casework.domain.kinds import belongs, indicators_of, is_balanced, levels_of
from casework.domain.measured import Rate, UnitMetric, Weakest
from casework.domain.metrics import MEASURES, wilson_interval
from casework.domain.policy import Kind, LevelPolicy, Policy
from casework.domain.registry import Registry, Unit
from casework.domain.scoring import Ratio, geometric_mean
from casework.domain.shrinkage import MILLION, Pool, pooled, shrunk

TWELVE_DECIMALS = 10**12

_NEEDS = MEASURES.index("NEEDS")

Scores = Mapping[str, Fraction | None]


class _Frame(NamedTuple):
    """What all units of a kind are measured against."""

    kind: Kind
    policy: Policy
    around: Surroundings
    pools: Mapping[str, Pool]


def measure(
    kind: Kind,
    years: Mapping[UUID, UnitYear],
    registry: Registry,
    policy: Policy,
    year: int,
    facts: FactYear | None = None,
) -> list[UnitMetric]:
    """Measure every unit of a kind that existed in an evaluation year, in the order of their codes.

    ``years`` holds what was counted of each unit, of the kind or not: an agency's area is counted by another. A kind
    for persons has no units. Where several kinds are measured, ``facts`` saves to look at those of the year for each.
    """
    around = Surroundings(years, registry, facts or FactYear(registry, year), year)
    entrants = [Entrant.of(unit, years.get(unit.id)) for unit in _units(kind, registry, year)]
    pools = {code: pool for code in rated(kind, policy) if (pool := _pool(code, entrants, policy)) is not None}
    frame = _Frame(kind, policy, around, pools)
    return [_measured(each, frame) for each in entrants]


def rated(kind: Kind, policy: Policy) -> tuple[str, ...]:
    """The rates of a kind: the indicators of its levels, and its parts that are rates."""
    return (*indicators_of(kind, policy), *(part for part in kind.parts if part in RATES))


def _units(kind: Kind, registry: Registry, year: int) -> list[Unit]:
    first, last = date(year - 1, 10, 1), month_ends(year)[-1]
    found = []
    for unit in registry.units.values():
        registered = unit.registered
        if registered is None or registered.occurred_on > last or (unit.closed_on and unit.closed_on <= first):
            continue
        if unit.is_void:
            continue
        if belongs(kind.code, registered.kind, registered.name_zh):
            found.append((registered.code, unit))
    return [unit for _, unit in sorted(found, key=lambda each: each[0])]


def _pool(code: str, entrants: list[Entrant], policy: Policy) -> Pool | None:
    """The pooled rate over all units in which there is anything to count, small ones too (RULES U3)."""
    rate = RATES[code]
    cells = [cell for each in entrants if (cell := rate.counts(each)).den]
    return pooled(cells, rate.per, policy.selection.shrinkage) if cells else None


def _measured(entrant: Entrant, frame: _Frame) -> UnitMetric:
    kind, policy = frame.kind, frame.policy
    rates = dict(_rates(entrant, frame))
    levels = {level.code: _level(level, rates, policy) for level in levels_of(kind, policy)}
    facts = {code: frame.around.facts.mean(entrant.unit.id, code) for code in kind.facts}
    parts = {part: _part(part, entrant, rates, levels, facts, frame) for part in kind.parts}
    metric = _weighted([(kind.parts[part], score) for part, score in parts.items()])
    size = SIZES[kind.size_of](entrant) if kind.size_of else Fraction(0)
    complete = _completeness(entrant)
    last = month_ends(frame.around.year)[-1]
    registered = entrant.unit.registered
    assert registered is not None
    return UnitMetric(
        unit=entrant.unit.id,
        code=registered.code,
        kind=kind.code,
        above=next(iter(frame.around.registry.ancestors(entrant.unit.id, last)), None),
        metric=metric,
        parts=parts,
        levels=levels,
        facts=facts,
        indicators=rates,
        size=size,
        completeness=complete,
        coverage=Ratio(entrant.total.num[_NEEDS], entrant.total.den[_NEEDS]) if kind.levels else None,
        weakest=_weakest(levels or {part: score for part, score in parts.items() if part in rates}, rates, frame),
        not_ranked=_not_ranked(entrant.unit.is_active(last), size, complete, metric, frame),
    )


def _rates(entrant: Entrant, frame: _Frame) -> Iterator[tuple[str, Rate]]:
    """The rates that apply to a unit: those with anything counted (RULES U2)."""
    for code, pool in frame.pools.items():
        rate = RATES[code]
        cell = rate.counts(entrant)
        if cell.den:
            n = Fraction(cell.den, rate.per)
            low, high = wilson_interval(cell.num / cell.den, cell.den / rate.per, frame.policy.selection.wilson_z)
            yield code, Rate(*cell, n, *pool, shrunk(cell, rate.per, pool), _millionths(low), _millionths(high))


def _level(level: LevelPolicy, rates: Mapping[str, Rate], policy: Policy) -> Fraction | None:
    """The weighted mean of how much of each indicator's goal is reached, over those that apply."""
    rules = [policy.indicators[code] for code in level.indicators if code in rates]
    return _weighted([(rule.weight, _attained(rates[rule.code], rule.goal)) for rule in rules])


def _attained(rate: Rate, goal: Ratio) -> Fraction:
    return 100 * min(Fraction(1), rate.shrunk * goal.den / goal.num)


def _part(
    part: str, entrant: Entrant, rates: Mapping[str, Rate], levels: Scores, facts: Scores, frame: _Frame
) -> Fraction | None:
    if part == "levels":
        return _together([level for level in levels.values() if level is not None], frame)
    if part == "facts":
        share = _weighted([(1, fact) for fact in facts.values()])
    elif part in SHARES:
        share = SHARES[part](entrant, frame.around)
    else:
        share = rates[part].shrunk if part in rates else None
    return None if share is None else 100 * share


def _together(levels: list[Fraction], frame: _Frame) -> Fraction | None:
    """The levels that apply as one score: O(u), or their mean."""
    if not levels or not is_balanced(frame.kind, frame.policy):
        return _weighted([(1, level) for level in levels])
    ratios = [Ratio(level.numerator, level.denominator) for level in levels]
    return Fraction(geometric_mean(ratios, frame.policy.floor, scale=TWELVE_DECIMALS), TWELVE_DECIMALS)


def _weighted(parts: list[tuple[int, Fraction | None]]) -> Fraction | None:
    """The weighted mean of the parts that apply; None where none does."""
    found = [(weight, score) for weight, score in parts if score is not None]
    weights = sum(weight for weight, _ in found)
    return sum((weight * score for weight, score in found), Fraction(0)) / weights if weights else None


def _completeness(entrant: Entrant) -> Fraction | None:
    """How much of what applies is known, over households and month ends together (RULES U8); None without any."""
    applicable = sum(entrant.total.applicable)
    return Fraction(sum(entrant.total.known), applicable) if applicable else None


def _weakest(scores: Scores, rates: Mapping[str, Rate], frame: _Frame) -> Weakest | None:
    """The lowest level, or part that is a rate, and its lower Wilson bound with the smallest n in it (RULES U13)."""
    found = [(score, code) for code, score in scores.items() if score is not None]
    if not found:
        return None
    score, code = min(found, key=lambda each: each[0])
    level = next((level for level in frame.policy.levels if level.code == code), None)
    n = min(rates[each].n for each in (level.indicators if level else (code,)) if each in rates)
    low, _ = wilson_interval(float(score / 100), float(n), frame.policy.selection.wilson_z)
    return Weakest(code, _millionths(low))


def _not_ranked(
    is_active: bool, size: Fraction, completeness: Fraction | None, metric: Fraction | None, frame: _Frame
) -> str | None:
    least = Fraction(*frame.policy.selection.completeness_min)
    reasons: list[tuple[str, Callable[[], bool]]] = [
        ("unit_closed", lambda: not is_active),
        ("too_small", lambda: size < (frame.kind.min_size or 0)),
        ("incomplete", lambda: completeness is not None and completeness < least),
        ("nothing_counted", lambda: metric is None),
    ]
    return next((reason for reason, holds in reasons if holds()), None)


def _millionths(share: float) -> int:
    return round(share * MILLION)
