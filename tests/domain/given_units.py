"""Phrases to tell of units and their year: a small city, what was reported of it, what was counted in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction
from itertools import count
from typing import Any
from uuid import UUID

import msgspec

from casework.domain.aggregate import Event, Recorded
from casework.domain.evaluation import UnitYear
from casework.domain.measured import Rate, UnitMetric, Weakest
from casework.domain.metrics import MEASURES, Counts, Tally
from casework.domain.policy import Kind, Policy, load_policy
from casework.domain.ranking import Candidate
from casework.domain.registry import Registry, UnitClosed, UnitFactReported, UnitParentChanged, UnitRegistered, unit_id
from casework.domain.scoring import Ratio

POLICY = load_policy("2013.1")
YEAR = 2013
BEFORE, BEGIN, SPRING, END = date(2012, 1, 1), date(2012, 10, 1), date(2013, 4, 1), date(2013, 9, 30)

Told = tuple[str, Event]


def kind(code: str, policy: Policy = POLICY) -> Kind:
    """A kind by the beginning of its code, such as `K03`."""
    return next(each for each in policy.selection.kinds if each.code.startswith(code))


def literal_ten() -> Policy:
    """The policy under which the brackets of the plan's kinds are opened to ten."""
    selection = msgspec.structs.replace(POLICY.selection, split_admin_kinds=True)
    return msgspec.structs.replace(POLICY, selection=selection)


def with_goals(goal: Ratio) -> Policy:
    """The policy with another goal for every indicator."""
    rules = tuple(msgspec.structs.replace(rule, goal=goal) for rule in POLICY.indicator_list)
    return msgspec.structs.replace(POLICY, indicator_list=rules)


def unit(code: str, kind: str, above: str | None = None, *, on: date = BEFORE, name: str = "", **more: Any) -> Told:
    parent = unit_id(above) if above else None
    if "manager" in more:
        more["managed_by"] = unit_id(more.pop("manager"))
    return code, UnitRegistered(occurred_on=on, code=code, kind=kind, name_zh=name or code, parent=parent, **more)


def fact(
    code: str, name: str, *items: str, since: date = BEFORE, to: date | None = None, on: date | None = None
) -> Told:
    return code, UnitFactReported(occurred_on=on or since, fact=f"UF-{name}", from_=since, to=to, items=items)


def moved(code: str, above: str, on: date) -> Told:
    return code, UnitParentChanged(occurred_on=on, parent=unit_id(above))


def closed(code: str, on: date) -> Told:
    return code, UnitClosed(occurred_on=on)


def registry(*told: Told) -> Registry:
    """A registry in which this was told, in this order."""
    versions: dict[str, count[int]] = {}
    recorded = [Recorded(unit_id(code), next(versions.setdefault(code, count(1))), event) for code, event in told]
    return Registry().fold(enumerate(recorded, 1))


CITY = (
    unit("4101", "city", name="郑州市"),
    unit("410105", "district", "4101", name="金水区"),
    unit("410122", "district", "4101", name="中牟县"),
    unit("410105001", "township", "410105", name="经八路街道"),
    unit("410105002", "township", "410105", name="花园口镇"),
    unit("410105001001", "community", "410105001", new_type_community=True),
    unit("410105001002", "community", "410105001"),
    unit("410105002001", "community", "410105002", new_type_community=True),
)
"""A city with two districts, one of them with two townships and three communities."""


def month(
    counts: Mapping[str, tuple[int, int]] = {},
    *,
    households: int = 0,
    employees: int = 0,
    pupils: int = 0,
    known: Iterable[int] | None = None,
    applicable: Iterable[int] = (0, 0, 0, 0),
) -> Counts:
    """A month end's counts: by measure, and sizes; all that applies is known unless said otherwise."""
    num, den = (tuple(counts.get(code, (0, 0))[side] for code in MEASURES) for side in (0, 1))
    applies = tuple(applicable)
    return Tally(households, employees, pupils, tuple(known or applies), applies, num, den).counts


def months(counts: Mapping[str, tuple[int, int]] = {}, **sizes: Any) -> UnitYear:
    """A year of which every month end was the same."""
    return UnitYear((month(counts, **sizes),) * 12)


def rate(num: int, den: int, *, mu: Fraction = Fraction(1, 2), m: int = 10, per: int = 1) -> Rate:
    """A rate with its pool; its interval is nowhere read."""
    n = Fraction(den, per)
    return Rate(num, den, n, mu, Fraction(m), (Fraction(num, per) + m * mu) / (n + m), 0, 0)


def measured(
    metric: Fraction | float | None = 80,
    *,
    of: str = "K05_TRAINING_PROVIDER",
    code: str = "unit",
    rates: Mapping[str, Rate] = {},
    parts: Mapping[str, Fraction | None] = {},
    size: Fraction | int = 50,
    low: int = 500_000,
    above: str | None = None,
    levels: Mapping[str, Fraction | None] = {},
    coverage: Ratio | None = None,
    not_ranked: str | None = None,
) -> UnitMetric:
    """What a unit was measured at."""
    return UnitMetric(
        unit=unit_id(code),
        code=code,
        kind=of,
        above=unit_id(above) if above else None,
        metric=None if metric is None else Fraction(metric),
        parts=parts,
        levels=levels,
        facts={},
        indicators=rates,
        size=Fraction(size),
        completeness=None,
        coverage=coverage,
        weakest=Weakest("completed", low),
        not_ranked=not_ranked,
    )


def nomination(number: int) -> UUID:
    return UUID(int=number)


def candidate(
    number: int,
    metric: UnitMetric | None = None,
    *,
    panel: int = 80,
    last: Fraction | None = None,
    commended: int = 0,
) -> Candidate:
    """A candidate that all of a panel of five give the same score."""
    return Candidate(nomination(number), metric, (panel,) * 5, last, commended)
