"""A unit's metric as a report tells it: labelled, rounded, and without the cells that are hidden."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from casework.domain.codes import unit_facts
from casework.domain.kinds import indicators_of
from casework.domain.measured import Rate, UnitMetric, hundredths
from casework.domain.policy import Kind, Policy
from casework.domain.shrinkage import MILLION
from casework.domain.suppression import COVERAGE, SIZE
from casework.domain.unit_metrics import rated
from casework.selection import report
from casework.selection.report_words import words


def measured_of(row: UnitMetric, hide: frozenset[str], kind: Kind, policy: Policy, spoken: str) -> report.Measured:
    """Tell a unit's metric, with some cells hidden (as :func:`casework.domain.suppression.hidden_cells` names them)."""
    levels, parts = {level.code: level.label[spoken] for level in policy.levels}, words().parts
    weakest = row.weakest.code if row.weakest is not None else None
    return report.Measured(
        metric=score_of(row.metric),
        parts=tuple(
            report.WeightedScore(code=code, label=parts[code][spoken], score=score_of(score), weight=kind.parts[code])
            for code, score in row.parts.items()
        ),
        levels=tuple(
            report.Score(code=code, label=levels[code], score=score_of(score)) for code, score in row.levels.items()
        ),
        facts=tuple(
            report.Score(code=code, label=unit_facts()[code].label[spoken], score=_share(share))
            for code, share in row.facts.items()
        ),
        indicators=tuple(_rates(row, hide, kind, policy, spoken)),
        size=_size(row, hide, kind, spoken),
        completeness=_cell(row.completeness, hide=SIZE in hide),
        coverage=_cell(
            Fraction(*row.coverage) if row.coverage and row.coverage.den else None,
            hide=COVERAGE in hide or SIZE in hide,
        ),
        weakest=weakest,
        weakest_label=levels.get(weakest) or parts[weakest][spoken] if weakest is not None else None,
    )


def score_of(score: Fraction | None) -> float | None:
    """A score as it is shown: to two decimals, half-even."""
    return hundredths(score) / 100 if score is not None else None


def _rates(row: UnitMetric, hide: frozenset[str], kind: Kind, policy: Policy, spoken: str) -> Iterator[report.Rate]:
    of_levels = indicators_of(kind, policy)
    for code in rated(kind, policy):
        rule = policy.indicators[code] if code in of_levels else None
        label = rule.label if rule is not None else words().parts[code]
        level = rule.level if rule is not None else None
        rate = row.indicators.get(code)
        if rate is None or code in hide:
            state: report.State = "not_applicable" if rate is None else "hidden"
            yield report.Rate(code=code, label=label[spoken], level=level, state=state)
        else:
            yield _rate(code, label[spoken], level, rate)


def _rate(code: str, label: str, level: str | None, rate: Rate) -> report.Rate:
    return report.Rate(
        code=code,
        label=label,
        level=level,
        state="known",
        num=rate.num,
        den=rate.den,
        n=round(float(rate.n), 2),
        rate=round(rate.num / rate.den, 4),
        low=round(rate.low / MILLION, 4),
        high=round(rate.high / MILLION, 4),
        shrunk=_share(rate.shrunk),
        pooled=_share(rate.mu),
        m=round(float(rate.m), 2),
    )


def _size(row: UnitMetric, hide: frozenset[str], kind: Kind, spoken: str) -> report.Size:
    assert kind.size_of is not None  # a kind of units has one
    label = words().sizes[kind.size_of][spoken]
    if SIZE in hide:
        return report.Size(state="hidden", of=kind.size_of, of_label=label)
    return report.Size(state="known", of=kind.size_of, of_label=label, value=round(float(row.size), 2))


def _cell(share: Fraction | None, *, hide: bool) -> report.Share:
    if share is None:
        return report.Share(state="not_applicable")
    return report.Share(state="hidden") if hide else report.Share(state="known", value=_share(share))


def _share(share: Fraction | None) -> float | None:
    return round(float(share), 4) if share is not None else None
