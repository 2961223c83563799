"""The figures of units, with small cells hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from flask import Response

from api.auth import sight
from api.freshness import await_positions, meta, refuse_older
from api.giving import casework
from api.language import told
from api.policy_choice import chosen_policy
from api.reasons import score
from api.resource import answer
from api.suppression import NOTHING, SIZES, hidden_of
from api.unit_entries import entry, found
from casework.domain import codes
from casework.domain.assessment import Score
from casework.domain.calendar import required_month
from casework.domain.ids import REGISTRY
from casework.domain.metrics import Tally, UnitFigures, unit_figures
from casework.domain.policy import Policy, load_policy
from casework.domain.registry import Registry, Unit
from casework.domain.scoring import Ratio
from casework.domain.tree import NOW, TreeOf
from casework.domain.units import DIVISIONS
from casework.errors import Forbidden, NotFound
from casework.log.reading import Db
from casework.projections import jobs, reading, replay, sets
from casework.projections.facts import registry_at
from casework.projections.jobs import Job
from casework.projections.replay import UnitsAsked
from casework.projections.sets import NoViews, ViewSet

Content = dict[str, Any]

MEASURED: Mapping[str, tuple[str, ...]] = {
    "employer": ("WRK1", "WRK5", "K03B", "K03D"),
    "school": ("SCH1", "SCH3"),
}
"""What units are measured by that are no divisions (RULES U1); others have no live figures."""

OWN_LABELS = {
    "K03B": codes.Label("五项保险参保", "Five insurances paid"),
    "K03D": codes.Label("一年内培训", "Trained within 12 months"),
    "NEEDS": codes.Label("需求评估覆盖", "Needs assessed within 12 months"),
}


class Table(NamedTuple):
    """A unit's figures and those of its siblings, on the day of the views."""

    unit: Unit
    kind: str
    own: UnitFigures
    siblings: list[UnitFigures]
    policy: Policy
    registry: Registry
    day: date


def figures(
    unit: str,
    *,
    as_of: date | None = None,
    known_at: datetime | None = None,
    policy: str | None = None,
    tree: TreeOf = "then",
    min_position: str | None = None,
) -> Response:
    """Answer a unit's figures as views have them, or ask for the job that counts it on another day, cut or policy."""
    registry = casework().registry()
    known = found(registry, unit)
    await_positions(min_position)
    with suppress(NoViews), reading.views_under(casework().pool, policy) as (db, view):
        shown = sets.cutting(db)
        refuse_older(min_position, view, shown)
        if known_at is None and as_of in (None, shown.as_of):
            return _viewed(db, view, shown, registry, known, tree)
    return _asked(known.id, as_of or casework().today, known_at, policy, tree)


def counted(job: Job) -> Content:
    """Return what came of a job that counted a unit, as far as the caller may see it."""
    asked = msgspec.convert(job.asked, UnitsAsked, str_keys=True)
    with casework().pool.connection() as db:
        registry = registry_at(db, asked.cut[REGISTRY])
    result = job.result or {}
    policy = load_policy(asked.policy)
    own, *others = [unit_figures(Tally.of(tuple(result["tallies"][str(unit)])), policy) for unit in asked.units]
    unit = registry.units[asked.units[0]]
    _check_tree(registry, unit, asked.as_of, asked.tree)
    siblings = [] if sight().small_cells else others
    table = Table(unit, _registered(unit).kind, own, siblings, policy, registry, asked.as_of)
    shown = sets.Cutting(
        {partition: position for partition, position in asked.cut.items() if partition != REGISTRY},
        asked.cut[REGISTRY],
        asked.as_of,
    )
    about = {**meta(shown, policy.version), "known_at": asked.known_at, **_tree(asked.tree)}
    return _content(table, result["failed"], about)


def is_lived_in(communities: Sequence[UUID]) -> bool:
    """Whether households live in some communities, as far as the live views know; without views, yes."""
    with suppress(NoViews), reading.live_views(casework().pool) as (db, _):
        return reading.is_lived_in(db, communities)
    return True


def is_counted(units: Sequence[UUID]) -> bool:
    """Whether households count for some units, or live there, as far as the live views know; without views, yes."""
    with suppress(NoViews), reading.live_views(casework().pool) as (db, _):
        return reading.is_lived_in(db, units) or any(reading.contributors(db, unit, limit=1) for unit in units)
    return True


def _tree(tree: TreeOf) -> Content:
    """Whose boundaries added up the communities, and that in words."""
    return {"tree": tree, "tree_label": told(next(row.label for row in codes.codes("trees") if row.code == tree))}


def _viewed(db: Db, view: ViewSet, shown: sets.Cutting, registry: Registry, unit: Unit, tree: TreeOf) -> Response:
    unit = _counting(registry, unit, shown.as_of)
    table = _table(db, unit, registry, view.policy, shown.as_of)
    lacking = reading.missing(db, registry.subtree(unit.id, shown.as_of))
    return answer(_content(table, lacking, {**meta(shown, view.policy.version), **_tree(tree)}))


def _content(table: Table, lacking: int, about: Content) -> Content:
    return {
        "unit": entry(table.registry, table.unit, table.day),
        **_told(table),
        "missing_households": lacking,
        "stale": lacking > 0,
        "meta": about,
    }


def _asked(unit_id: UUID, as_of: date, known_at: datetime | None, policy: str | None, tree: TreeOf) -> Response:
    """Ask for a unit and its siblings to be counted; the same question finds the same job."""
    with casework().pool.connection() as db:
        clocks = replay.clocks(db, as_of, known_at)
        registry = registry_at(db, clocks.cut[REGISTRY])
        unit = registry.units.get(unit_id)
        if unit is None or unit.registered is None:
            raise NotFound
        under = chosen_policy(policy, registry, as_of)
        unit = _counting(registry, unit, as_of if tree == "then" else NOW)
        _check_tree(registry, unit, as_of, tree)
        units = [unit.id, *(sibling.id for sibling in _siblings(registry, unit, as_of if tree == "then" else NOW))]
        asked = UnitsAsked(units, as_of, clocks.cut, under.version, known_at, tree)
        plain = msgspec.to_builtins(asked, str_keys=True)
        id = jobs.ask(db, "count_units", msgspec.json.encode(plain, order="sorted").decode(), plain)
    place = f"/v1/jobs/{id}"
    return answer({"id": id, "href": place}, 202, {"Location": place, "Retry-After": "1"})


def _table(db: Db, unit: Unit, registry: Registry, policy: Policy, day: date) -> Table:
    own = unit_figures(reading.tally(db, _counted(registry, unit.id, day)), policy)
    siblings = (
        []
        if sight().small_cells
        else [
            unit_figures(reading.tally(db, _counted(registry, each.id, day)), policy)
            for each in _siblings(registry, unit, day)
        ]
    )
    return Table(unit, _registered(unit).kind, own, siblings, policy, registry, day)


def _told(table: Table) -> Content:
    measures = _measures(table)
    everything = sight().small_cells
    hides = NOTHING if everything else hidden_of(table.own, table.siblings, measures, table.policy)
    levels = table.own.levels if table.kind in DIVISIONS else {}
    return {
        **{name: _size(getattr(table.own, name), hide=name in hides.sizes) for name in SIZES},
        "overall": _score(table, table.own.overall, hide=hides.overall) if levels else None,
        "levels": [
            {
                "level": level.code,
                "label": told(level.label),
                **_score(table, levels[level.code], hide=level.code in hides.levels),
            }
            for level in table.policy.levels
            if level.code in levels
        ],
        "indicators": [_indicator(table, code, code in hides.cells) for code in measures],
    }


def _measures(table: Table) -> Sequence[str]:
    if table.kind in DIVISIONS:
        return (*table.policy.indicators, "NEEDS")
    return MEASURED.get(table.kind, ())


def _score(table: Table, each: Score, *, hide: bool) -> Content:
    """A score, or that it is hidden."""
    if hide and each.score is not None:
        return {"state": "hidden", "score": None, "band": None, "band_label": None, "completeness": None}
    state = "known" if each.score is not None else "not_applicable" if each.band == "NA" else "not_reported"
    return {"state": state, **score(each, table.policy)}


def _level(table: Table, code: str) -> str | None:
    rule = table.policy.indicators.get(code)
    return rule.level if rule is not None else None


def _indicator(table: Table, code: str, hide: bool) -> Content:
    cell: Ratio = table.own.measures[code]
    rule = table.policy.indicators.get(code)
    state = "hidden" if hide else "known" if cell.den else _why_empty(table, rule.feed if rule else None)
    shown = state == "known"
    return {
        "indicator": code,
        "label": told(rule.label if rule else OWN_LABELS[code]),
        "level": rule.level if rule else None,
        "state": state,
        "num": cell.num if shown else None,
        "den": cell.den if shown else None,
        "rate": round(cell.num / cell.den, 4) if shown else None,
        "weight": rule.weight if rule else None,
    }


def _why_empty(table: Table, feed: str | None) -> str:
    """Nobody is counted: because nobody is eligible, or because the bureau has not reported (RULES F1 to F4)."""
    closed = table.registry.feeds.get(feed) if feed else None
    if closed is None or closed.first is None:
        return "not_applicable"
    month = required_month(table.day, table.policy.feed_days)
    return "not_applicable" if month < closed.first or month in closed.months else "not_reported"


def _size(count: int, *, hide: bool) -> Content:
    """A number of persons or households."""
    return {"state": "hidden", "value": None} if hide else {"state": "known", "value": count}


def _counting(registry: Registry, unit: Unit, day: date) -> Unit:
    """The unit whose figures are a unit's; beside the whole, a merged part would tell of the few in the rest of it."""
    return registry.successor(unit, day)


def _check_tree(registry: Registry, unit: Unit, day: date, tree: TreeOf) -> None:
    """Refuse the boundaries of now where they are others than those of the day: the difference tells of what moved."""
    moved = tree == "now" and registry.counted(unit.id, day, "now") != registry.counted(unit.id, day)
    if moved and not sight().small_cells:
        raise Forbidden("tree-not-shown")


@lru_cache(512)
def _counted(registry: Registry, unit: UUID, day: date) -> tuple[UUID, ...]:
    """The units whose totals make up this one's."""
    return tuple(registry.counted(unit, day))


def _siblings(registry: Registry, unit: Unit, day: date) -> list[Unit]:
    """The other divisions under the same parent: with its sum they would tell what is hidden in one of them."""
    if _registered(unit).kind not in DIVISIONS:
        return []
    above = registry.ancestors(unit.id, day)[:1]
    return [
        other
        for parent in above
        for each in registry.children.get(parent, ())
        if each != unit.id
        and registry.ancestors(each, day)[:1] == above
        and _registered(other := registry.units[each]).kind in DIVISIONS
    ]


def _registered(unit: Unit) -> Any:
    assert unit.registered is not None
    return unit.registered
