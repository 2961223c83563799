"""What is told of units: the registry's entry, lists, and figures with small cells hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import marshmallow as ma
import msgspec
from flask import Response

from api.auth import sight
from api.fields import unit_from
from api.freshness import await_positions, meta, refuse_older
from api.giving import casework
from api.household_state import unit_name
from api.language import told
from api.paging import next_link
from api.policy_choice import chosen_policy
from api.reasons import score
from api.resource import answer
from api.suppression import NOTHING, SIZES, hidden_of
from casework.domain import codes
from casework.domain.assessment import Score
from casework.domain.calendar import required_month
from casework.domain.ids import REGISTRY
from casework.domain.metrics import Tally, UnitFigures, unit_figures
from casework.domain.policy import Policy, load_policy
from casework.domain.registry import Registry, Unit
from casework.domain.scoring import Ratio
from casework.errors import NotFound
from casework.log.reading import Db
from casework.projections import jobs, reading, replay, sets
from casework.projections.facts import registry_at
from casework.projections.jobs import Job
from casework.projections.replay import UnitsAsked
from casework.projections.sets import NoViews, ViewSet

Content = dict[str, Any]

DIVISIONS = ("city", "district", "zone", "township", "community")
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


def found(registry: Registry, unit: str) -> Unit:
    """Return the unit that a path names by id or code."""
    try:
        known = registry.units.get(unit_from(unit))
    except ma.ValidationError:
        known = None
    if known is None or known.registered is None:
        raise NotFound
    return known


def page(*, limit: int, kind: str | None = None, under: str | None = None, cursor: str | None = None) -> Response:
    """Answer one page of the units."""
    registry, day = casework().registry(), casework().today
    rows = _sorted(registry)
    if under is not None:
        top = found(registry, under).id
        rows = tuple((code, unit) for code, unit in rows if top in registry.ancestors(unit.id, day))
    wanted = [
        unit
        for code, unit in rows
        if (cursor is None or code > cursor) and (kind is None or _registered(unit).kind == kind)
    ]
    following = _registered(wanted[limit - 1]).code if len(wanted) > limit else None
    content = {"items": [_entry(registry, unit) for unit in wanted[:limit]], "next": following}
    return answer(content, headers=next_link(following))


def whole(registry: Registry, unit: Unit) -> Content:
    """Return all that the registry has of a unit."""
    above = registry.ancestors(unit.id, casework().today)
    return {
        **_entry(registry, unit),
        "version": unit.version,
        "ancestors": [_named(registry, each) for each in above],
        "facts": [
            {
                "fact": fact.fact,
                "label": told(codes.unit_facts()[fact.fact].label),
                "reported_on": fact.occurred_on,
                "from": fact.from_,
                "to": fact.to,
                "items": fact.items,
            }
            for fact in unit.facts
        ],
    }


def figures(
    unit: str,
    *,
    as_of: date | None = None,
    known_at: datetime | None = None,
    policy: str | None = None,
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
            return _viewed(db, view, shown, registry, known)
    return _asked(known.id, as_of or casework().today, known_at, policy)


def counted(job: Job) -> Content:
    """Return what came of a job that counted a unit, as far as the caller may see it."""
    asked = msgspec.convert(job.asked, UnitsAsked, str_keys=True)
    with casework().pool.connection() as db:
        registry = registry_at(db, asked.cut[REGISTRY])
    result = job.result or {}
    policy = load_policy(asked.policy)
    own, *others = [unit_figures(Tally.of(tuple(result["tallies"][str(unit)])), policy) for unit in asked.units]
    unit = registry.units[asked.units[0]]
    siblings = [] if sight().small_cells else others
    table = Table(unit, _registered(unit).kind, own, siblings, policy, registry, asked.as_of)
    shown = sets.Cutting(
        {partition: position for partition, position in asked.cut.items() if partition != REGISTRY},
        asked.cut[REGISTRY],
        asked.as_of,
    )
    return _content(table, result["failed"], {**meta(shown, policy.version), "known_at": asked.known_at})


def _viewed(db: Db, view: ViewSet, shown: sets.Cutting, registry: Registry, unit: Unit) -> Response:
    table = _table(db, unit, registry, view.policy, shown.as_of)
    lacking = reading.missing(db, _communities(registry, unit.id, shown.as_of))
    return answer(_content(table, lacking, meta(shown, view.policy.version)))


def _content(table: Table, lacking: int, about: Content) -> Content:
    return {
        "unit": _entry(table.registry, table.unit),
        **_told(table),
        "missing_households": lacking,
        "stale": lacking > 0,
        "meta": about,
    }


def _asked(unit_id: UUID, as_of: date, known_at: datetime | None, policy: str | None) -> Response:
    """Ask for a unit and its siblings to be counted; the same question finds the same job."""
    with casework().pool.connection() as db:
        clocks = replay.clocks(db, as_of, known_at)
        registry = registry_at(db, clocks.cut[REGISTRY])
        unit = registry.units.get(unit_id)
        if unit is None or unit.registered is None:
            raise NotFound
        under = chosen_policy(policy, registry, as_of)
        units = [unit_id, *(sibling.id for sibling in _siblings(registry, unit, as_of))]
        asked = UnitsAsked(units, as_of, clocks.cut, under.version, known_at)
        plain = msgspec.to_builtins(asked, str_keys=True)
        id = jobs.ask(db, "count_units", msgspec.json.encode(plain, order="sorted").decode(), plain)
    place = f"/v1/jobs/{id}"
    return answer({"id": id, "href": place}, 202, {"Location": place, "Retry-After": "1"})


def _table(db: Db, unit: Unit, registry: Registry, policy: Policy, day: date) -> Table:
    own = unit_figures(reading.tally(db, _counted(registry, unit, day)), policy)
    siblings = (
        []
        if sight().small_cells
        else [
            unit_figures(reading.tally(db, _counted(registry, each, day)), policy)
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


def _counted(registry: Registry, unit: Unit, day: date) -> Sequence[UUID]:
    """The units whose totals make up this one's."""
    if _registered(unit).kind in DIVISIONS:
        return _communities(registry, unit.id, day)
    return (unit.id,)


@lru_cache(512)
def _communities(registry: Registry, unit: UUID, day: date) -> tuple[UUID, ...]:
    return tuple(reading.communities_under(registry, unit, day))


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


@lru_cache(2)
def _sorted(registry: Registry) -> tuple[tuple[str, Unit], ...]:
    known = [(unit.registered.code, unit) for unit in registry.units.values() if unit.registered is not None]
    return tuple(sorted(known, key=lambda row: row[0]))


def _entry(registry: Registry, unit: Unit) -> Content:
    registered, today = _registered(unit), casework().today
    place = unit.place(today)
    return {
        "id": unit.id,
        "code": registered.code,
        "kind": registered.kind,
        "tier": registered.tier,
        "name": unit_name(registry, unit.id),
        "parent": _named(registry, place.parent) if place.parent else None,
        "managed_by": _named(registry, place.managed_by) if place.managed_by else None,
        "new_type_community": registered.new_type_community,
        "uscc": registered.uscc,
        "registered_on": registered.occurred_on,
        "closed_on": unit.closed_on,
    }


def _named(registry: Registry, unit_id: UUID) -> Content:
    unit = registry.units.get(unit_id)
    code = unit.registered.code if unit is not None and unit.registered is not None else None
    return {"id": unit_id, "code": code, "name": unit_name(registry, unit_id)}


def _registered(unit: Unit) -> Any:
    assert unit.registered is not None
    return unit.registered
