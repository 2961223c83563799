"""What the registry has of units: entries, lists, what became of them, and which facts they have yet to report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from typing import Any
from uuid import UUID

import marshmallow as ma
import msgspec
from flask import Response

from api import timeline
from api.auth import sight
from api.fields import unit_from
from api.giving import casework, etag
from api.household_state import unit_name
from api.language import told
from api.paging import next_link
from api.policy_choice import default_policy
from api.resource import answer, unchanged
from casework.domain import codes
from casework.domain.ids import REGISTRY, partition_of
from casework.domain.registry import Registry, Unit, UnitFactReported
from casework.domain.unit_events import UnitRegistered, named_units
from casework.domain.units import DIVISIONS
from casework.errors import NotFound
from casework.log import reading
from casework.log.reading import LoggedEvent
from casework.projections import replay
from casework.projections.computing import codec
from casework.projections.facts import registry_at

Content = dict[str, Any]

_TOLD_ELSEWHERE = {"occurred_on", "commitment", "evidence"}


def found(registry: Registry, unit: str) -> Unit:
    """Return the unit that a path names by id or code."""
    try:
        known = registry.units.get(unit_from(unit))
    except ma.ValidationError:
        known = None
    if known is None or known.registered is None:
        raise NotFound
    return known


def page(
    *,
    limit: int,
    kind: str | None = None,
    tier: str | None = None,
    under: str | None = None,
    parent: str | None = None,
    active_on: date | None = None,
    cursor: str | None = None,
) -> Response:
    """Answer one page of the units; who stands where is asked of the day, or of today."""
    registry, day = casework().registry(), active_on or casework().today
    top = under and found(registry, under).id
    above = parent and found(registry, parent).id
    wanted = [
        unit
        for code, unit in _sorted(registry)
        if (cursor is None or code > cursor)
        and kind in (None, _registered(unit).kind)
        and tier in (None, _registered(unit).tier)
        and (active_on is None or unit.is_active(active_on))
        and (top is None or top in registry.ancestors(unit.id, day))
        and (above is None or registry.ancestors(unit.id, day)[:1] == [above])
    ]
    following = _registered(wanted[limit - 1]).code if len(wanted) > limit else None
    content = {"items": [entry(registry, unit, day) for unit in wanted[:limit]], "next": following}
    return answer(content, headers=next_link(following))


def read(unit: str, *, as_of: date | None = None, known_at: datetime | None = None) -> Response:
    """Answer all that the registry has of a unit on a day, by what was recorded at an instant."""
    day = as_of or casework().today
    registry = _known(day, known_at)
    known = found(registry, unit)
    tag = etag(known.version, registry.position, day.isoformat(), default_policy(registry, casework().today).version)
    return unchanged(tag) or answer(_whole(registry, known, day, known_at), headers={"ETag": tag})


def history(unit: str, *, limit: int, known_at: datetime | None = None, cursor: str | None = None) -> Response:
    """Answer a page of what happened to a unit, the oldest first; a report that was voided says by which entry."""
    registry = _known(casework().today, known_at)
    known, after = found(registry, unit), timeline.after(cursor)
    with casework().pool.connection() as db:
        logged = reading.timeline(db, known.id, after_version=after, limit=limit + 1, known_at=known_at)
    following = str(logged[limit - 1].version) if len(logged) > limit else None
    content = {"items": [_happened(registry, known, each) for each in logged[:limit]], "next": following}
    return answer(content, headers=next_link(following))


def missing(
    unit: str, *, limit: int, as_of: date | None = None, fact: str | None = None, cursor: str | None = None
) -> Response:
    """Answer a page of the facts that a unit and those below it have not in place on a day, whole or in part."""
    registry, day = casework().registry(), as_of or casework().today
    top = found(registry, unit)
    after = cursor.split(":") if cursor is not None else ["", ""]
    rows = (row for row in _lacking(registry, top, day, fact, after[0]) if _place(row) > after)
    lacking = list(islice(rows, limit + 1))
    following = ":".join(_place(lacking[limit - 1])) if len(lacking) > limit else None
    return answer({"items": lacking[:limit], "next": following, "as_of": day}, headers=next_link(following))


def entry(registry: Registry, unit: Unit, day: date) -> Content:
    """Return a unit as it is registered, and where it stands on a day."""
    registered, place = _registered(unit), unit.place(day)
    return {
        "id": unit.id,
        "code": registered.code,
        "kind": registered.kind,
        "tier": registered.tier,
        "name": unit_name(registry, unit.id),
        "parent": _maybe(registry, place.parent),
        "managed_by": _maybe(registry, place.managed_by),
        "new_type_community": registered.new_type_community,
        "uscc": registered.uscc,
        "registered_on": registered.occurred_on,
        "closed_on": unit.closed_on,
        "merged_into": _maybe(registry, unit.merged_into),
        "split_into": _named(registry, unit.split_into),
        "split_from": _maybe(registry, registered.split_from),
        "took_in": _named(registry, unit.took_in),
    }


def _known(day: date, known_at: datetime | None) -> Registry:
    if known_at is None:
        return casework().registry()
    with casework().pool.connection() as db:
        return registry_at(db, replay.clocks(db, day, known_at).cut[REGISTRY])


def _whole(registry: Registry, unit: Unit, day: date, known_at: datetime | None) -> Content:
    in_force = unit.in_force(day)
    evidence = _evidence(unit, in_force.values())
    divisions = [each for each in registry.below(unit.id, day) if _registered(registry.units[each]).kind in DIVISIONS]
    return {
        **entry(registry, unit, day),
        "version": unit.version,
        "as_of": day,
        "known_at": known_at,
        "active": unit.is_active(day),
        "place_since": unit.place(day).on,
        "ancestors": _named(registry, registry.ancestors(unit.id, day)),
        "children": _named(registry, sorted(divisions, key=lambda each: str(_registered(registry.units[each]).code))),
        "facts": [_fact(version, report, evidence) for version, report in in_force.items()],
    }


def _fact(version: int, report: UnitFactReported, evidence: dict[bytes, Content]) -> Content:
    return {
        "entry": version,
        "fact": report.fact,
        "label": told(codes.unit_facts()[report.fact].label),
        "reported_on": report.occurred_on,
        "from": report.from_,
        "to": report.to,
        "items": report.items,
        "evidence": _reference(report, evidence),
    }


def _evidence(unit: Unit, reports: Iterable[UnitFactReported]) -> dict[bytes, Content]:
    """What the vault has of the evidence of some reports, for who looks into them."""
    commitments = [report.commitment for report in reports if report.commitment is not None]
    if not commitments or not sight().unit_evidence:
        return {}
    with casework().pool.connection() as db:
        return casework().persons.vault.by_commitment(db, [unit.id], commitments)


def _reference(report: UnitFactReported, evidence: dict[bytes, Content]) -> str | None:
    sealed = evidence.get(report.commitment or b"", {})
    return sealed.get("evidence") or (report.evidence if sight().unit_evidence else None)


def _happened(registry: Registry, unit: Unit, logged: LoggedEvent) -> Content:
    event: Any = codec.decode(logged.type, logged.state)
    reports = [event] if isinstance(event, UnitFactReported) else []
    plain = {
        field: msgspec.to_builtins(value)
        for name, field in zip(event.__struct_fields__, event.__struct_encode_fields__, strict=True)
        if name not in _TOLD_ELSEWHERE and (value := getattr(event, name)) not in (None, (), False)
    }
    return {
        "version": logged.version,
        "position": f"{partition_of(unit.id)}:{logged.position}",
        "event_id": logged.meta.event_id,
        "type": logged.type,
        "label": told(timeline.labels()[logged.type]),
        "occurred_on": event.occurred_on,
        "recorded_at": logged.recorded_at,
        "by": {
            "actor": logged.meta.actor,
            "role": logged.meta.role,
            "bureau": logged.meta.bureau,
            "unit_id": logged.meta.unit,
        },
        "changed": plain,
        "units": _named(registry, _units_of(event)),
        "evidence": next((_reference(each, _evidence(unit, reports)) for each in reports), None),
        "voided_by": unit.voided.get(logged.version),
    }


def _units_of(event: Any) -> list[UUID]:
    """The other units that an event names."""
    split_from = getattr(event, "split_from", None)
    return [*named_units(event), *([split_from] if split_from is not None else [])]


def _lacking(registry: Registry, top: Unit, day: date, wanted: str | None, from_code: str) -> Iterator[Content]:
    for code, unit in _sorted(registry):
        if code >= from_code and unit.is_active(day) and (unit is top or top.id in registry.ancestors(unit.id, day)):
            standing = {report.fact: report for report in unit.in_force(day).values()}
            for fact in _due(_registered(unit)):
                items = _items_left(fact, standing.get(fact.code))
                if wanted in (None, fact.code) and items is not None:
                    yield _lack(registry, unit, fact, items)


def _lack(registry: Registry, unit: Unit, fact: codes.UnitFact, items: Sequence[codes.Coded]) -> Content:
    return {
        "unit": _name(registry, unit.id),
        "fact": fact.code,
        "label": told(fact.label),
        "area": fact.area,
        "missing_items": [{"code": item.code, "label": told(item.label)} for item in items],
        "bureaus": [
            row.code
            for row in codes.bureaus()
            if codes.reports_of_field(row.code, fact.code, _registered(unit).code, _registered(unit).kind)
        ],
    }


def _due(registered: UnitRegistered) -> list[codes.UnitFact]:
    facts = codes.facts_of(registered.kind, new_type_community=registered.new_type_community)
    return sorted(facts, key=lambda fact: fact.code)


def _items_left(fact: codes.UnitFact, report: UnitFactReported | None) -> list[codes.Coded] | None:
    """The items that are not in place; None where nothing is missing, all of them where nothing is reported."""
    there = report.items if report is not None else ()
    left = [item for item in fact.items if item.code not in there]
    return None if report is not None and not left else left


def _place(row: Content) -> list[str]:
    return [row["unit"]["code"], row["fact"]]


@lru_cache(2)
def _sorted(registry: Registry) -> tuple[tuple[str, Unit], ...]:
    known = [(unit.registered.code, unit) for unit in registry.units.values() if unit.registered is not None]
    return tuple(sorted(known, key=lambda row: row[0]))


def _maybe(registry: Registry, unit_id: UUID | None) -> Content | None:
    return _name(registry, unit_id) if unit_id is not None else None


def _named(registry: Registry, unit_ids: Iterable[UUID]) -> list[Content]:
    return [_name(registry, each) for each in unit_ids]


def _name(registry: Registry, unit_id: UUID) -> Content:
    unit = registry.units.get(unit_id)
    code = unit.registered.code if unit is not None and unit.registered is not None else None
    return {"id": unit_id, "code": code, "name": unit_name(registry, unit_id)}


def _registered(unit: Unit) -> UnitRegistered:
    assert unit.registered is not None
    return unit.registered
