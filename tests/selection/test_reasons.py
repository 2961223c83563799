"""Why a metric moved: every count, weight and goal gets its part of the difference, and the parts add up."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from casework.domain.kinds import levels_of
from casework.domain.measured import Rate, UnitMetric
from casework.domain.policy import Kind, Policy, load_policy
from casework.domain.scoring import Ratio, geometric_mean
from casework.domain.shrinkage import Pool, shrunk
from casework.selection.reasons import Side, reasons

POLICY = load_policy("2013.1")
KINDS = {kind.code: kind for kind in POLICY.selection.kinds}
UNIT = UUID(int=7)


def rate(num: int, den: int, mu: Fraction = Fraction(1, 2), m: int = 20) -> Rate:
    pool = Pool(mu, Fraction(m))
    return Rate(num, den, Fraction(den), *pool, shrunk(Ratio(num, den), 1, pool), 0, 0)


def weighted(scores: Mapping[str, Fraction | None], weights: Mapping[str, int]) -> Fraction | None:
    there = [(weights[code], score) for code, score in scores.items() if score is not None]
    total = sum(weight for weight, _ in there)
    return sum((weight * score for weight, score in there), Fraction(0)) / total if total else None


def side(kind: Kind, policy: Policy, rates: Mapping[str, Rate], shares: Mapping[str, Fraction]) -> Side:
    """A unit measured by some rates and shares: the formulas of DOMAIN 8.6, written once more."""
    rules = policy.indicators
    levels = {
        level.code: weighted(
            {
                code: 100 * min(Fraction(1), rates[code].shrunk * rules[code].goal.den / rules[code].goal.num)
                for code in level.indicators
                if code in rates
            },
            {code: rule.weight for code, rule in rules.items()},
        )
        for level in levels_of(kind, policy)
    }
    parts: dict[str, Fraction | None] = {}
    for part in kind.parts:
        there = [Ratio(level.numerator, level.denominator) for level in levels.values() if level is not None]
        if part == "levels":
            parts[part] = Fraction(geometric_mean(there, policy.floor, scale=10**12), 10**12) if there else None
        else:
            parts[part] = 100 * (rates[part].shrunk if part in rates else shares[part])
    metric = weighted(parts, kind.parts)
    measured = UnitMetric(
        UNIT, "u", kind.code, None, metric, parts, levels, {}, rates, Fraction(9), None, None, None, None
    )
    return Side(measured, kind, policy)


def draft(**changes: Any) -> Policy:
    """The policy with other goals and weights of some indicators."""
    rules = [msgspec.structs.replace(rule, **changes.get(rule.code, {})) for rule in POLICY.indicator_list]
    return msgspec.structs.replace(POLICY, indicator_list=tuple(rules))


DISTRICT, EMPLOYER = KINDS["K01_DISTRICT"], KINDS["K03_EMPLOYER"]
INDICATORS = ("SCH1", "SCH2", "WRK1", "WRK3", "COM1", "COM4", "CIT1", "CIT3")
EVEN = {code: rate(50, 100) for code in INDICATORS}
SHARES = {"facts": Fraction(1, 3), "collective": Fraction(1, 2)}


def test_nothing_moved_nothing():
    one = side(DISTRICT, POLICY, EVEN, SHARES)

    assert reasons(one, one) == []


def test_a_count_a_pool_and_a_goal_are_told_apart():
    before = side(DISTRICT, POLICY, EVEN, SHARES)
    more = side(DISTRICT, POLICY, {**EVEN, "WRK1": rate(80, 100)}, SHARES)
    pool = side(DISTRICT, POLICY, {**EVEN, "WRK1": rate(50, 100, Fraction(1, 5))}, SHARES)
    goal = side(DISTRICT, draft(WRK1={"goal": Ratio(1, 2)}), EVEN, SHARES)

    assert [each[:2] for each in reasons(before, more)] == [("WRK1", "counts")]
    assert [each[:2] for each in reasons(before, pool)] == [("WRK1", "pool")]
    assert [each[:2] for each in reasons(before, goal)] == [("WRK1", "goal")]
    assert reasons(before, more)[0].points > 0 > reasons(before, pool)[0].points


def test_a_part_that_is_no_rate_is_told_by_its_score():
    rates = {part: rate(50, 100) for part in EMPLOYER.parts if part != "collective"}
    before = side(EMPLOYER, POLICY, rates, SHARES)
    after = side(EMPLOYER, POLICY, rates, {**SHARES, "collective": Fraction(1)})

    [reason] = reasons(before, after)

    assert reason[:2] == ("collective", "score")
    assert reason.points == pytest.approx(EMPLOYER.parts["collective"] * 50 / 100)


def test_more_weight_for_what_is_better_than_the_rest_raises():
    rates = {**EVEN, "WRK1": rate(90, 100)}
    before = side(DISTRICT, POLICY, rates, SHARES)
    after = side(DISTRICT, draft(WRK1={"weight": 90}), rates, SHARES)

    told = {each[:2]: each.points for each in reasons(before, after)}

    assert {what for _, what in told} == {"weight"}
    assert told["WRK1", "weight"] > 0


def test_without_a_metric_on_one_of_the_sides_nothing_can_be_told():
    one = side(DISTRICT, POLICY, EVEN, SHARES)
    none = one._replace(measured=one.measured._replace(metric=None))

    assert reasons(one, none) == reasons(none, one) == []


RATES = some.dictionaries(
    some.sampled_from(INDICATORS),
    some.builds(
        lambda num, more, mu: rate(num, num + more, Fraction(mu, 100)),
        some.integers(0, 60),
        some.integers(1, 60),
        some.integers(1, 99),
    ),
    min_size=1,
)
POLICIES = some.builds(
    lambda weight, num, floor: msgspec.structs.replace(
        draft(WRK1={"weight": weight, "goal": Ratio(num, 10)}, SCH2={"weight": 3}), floor=floor
    ),
    some.integers(0, 50),
    some.integers(1, 10),
    some.integers(1, 5),
)


@given(RATES, RATES, POLICIES, some.fractions(0, 1), some.fractions(0, 1))
def test_the_reasons_add_up_to_the_difference(
    old: dict[str, Rate], new: dict[str, Rate], policy: Policy, was: Fraction, is_now: Fraction
):
    before = side(DISTRICT, POLICY, old, {"facts": was})
    after = side(DISTRICT, policy, new, {"facts": is_now})
    assert before.measured.metric is not None
    assert after.measured.metric is not None

    told = reasons(before, after)

    difference = float(after.measured.metric - before.measured.metric)
    assert sum(each.points for each in told) == pytest.approx(difference, abs=1e-6)
    assert [abs(each.points) for each in told] == sorted((abs(each.points) for each in told), reverse=True)


@given(RATES, some.fractions(0, 1), some.data())
def test_where_the_same_applies_no_reason_is_left_unnamed(old: dict[str, Rate], facts: Fraction, data: some.DataObject):
    new = {code: data.draw(some.builds(lambda n: rate(n, 60), some.integers(6, 54))) for code in old}
    before, after = (side(DISTRICT, POLICY, rates, {"facts": facts}) for rates in (old, new))

    assert "balance" not in {each.what for each in reasons(before, after) if abs(each.points) > 1e-6} or any(
        level is not None and level < POLICY.floor for level in before.measured.levels.values()
    )
