"""The catalogue: services and their evidence, needs, codes, bureaus, and the facts that units report."""

from __future__ import annotations

from typing import Any

from api.catalogue_schemas import BureauList, CodeLists, NeedList, ServiceAnswer, ServiceList, UnitFactList
from api.fields import Code, Day, Query
from api.giving import casework
from api.language import told
from api.resource import Fields, Resource
from api.schemas import described
from casework.domain import catalogue, codes
from casework.domain.catalogue import Service
from casework.domain.codes import Coded
from casework.domain.evidence import EvidenceField
from casework.errors import NotFound

bp = Resource("catalogue", __name__, description=__doc__)

Content = dict[str, Any]


class ListServices(Query):
    """Which services."""

    on = Day(**described("As the catalogue is on this day; default: today."))
    area = Code("areas")


class OnDay(Query):
    """At which day."""

    on = Day(**described("As on this day; default: today."))


class Plainly(Query):
    """No parameters."""


@bp.reading("/services", ListServices, ServiceList)
def list_services(asked: Fields) -> Content:
    """List the services: who may receive them, who decides, which evidence they need, the plan line they serve."""
    rows = catalogue.services(asked.get("on") or casework().today).values()
    area = asked.get("area")
    return {"items": [_service(row) for row in rows if area is None or row.area == area]}


@bp.reading("/services/<code>", OnDay, ServiceAnswer)
def read_service(asked: Fields, code: str) -> Content:
    """Read one service of the catalogue."""
    row = catalogue.services(asked.get("on") or casework().today).get(code)
    if row is None:
        raise NotFound
    return _service(row)


@bp.reading("/needs", Plainly, NeedList)
def list_needs(asked: Fields) -> Content:
    """List the needs that can be assessed."""
    return {
        "items": [
            {
                **_coded(row),
                "beneficiary": row.beneficiary,
                "area": row.area,
                "restricted": row.restricted,
                "min_age": row.min_age,
                "max_age": row.max_age,
            }
            for row in codes.needs()
        ]
    }


@bp.reading("/codes", Plainly, CodeLists)
def list_codes(asked: Fields) -> Content:
    """List every list of codes with its labels."""
    return {
        "items": [{"list": name, "codes": [_coded(row) for row in rows]} for name, rows in codes.code_lists().items()]
    }


@bp.reading("/bureaus", OnDay, BureauList)
def list_bureaus(asked: Fields) -> Content:
    """List the bureaus of the plan, and who holds each role on a day."""
    day = asked.get("on") or casework().today
    return {
        "items": [
            {**_coded(row), "kind": row.kind, "areas": row.areas, "holder": told(row.holder(day))}
            for row in codes.bureaus()
        ]
    }


@bp.reading("/unit-facts", Plainly, UnitFactList)
def list_unit_facts(asked: Fields) -> Content:
    """List the facts that units report, and which kinds of unit carry them."""
    return {
        "items": [
            {
                **_coded(row),
                "area": row.area,
                "carriers": row.carriers,
                "of_new_type": row.of_new_type,
                "items": [_coded(item) for item in row.items],
                "max_months": row.max_months,
                "plan_lines": row.plan_lines,
            }
            for row in codes.unit_facts().values()
        ]
    }


def _coded(row: Coded) -> Content:
    return {"code": row.code, "label": told(row.label)}


def _service(row: Service) -> Content:
    rule = row.eligibility
    return {
        "code": row.code,
        "label": told(row.label),
        "area": row.area,
        "kind": row.kind,
        "beneficiary": row.beneficiary,
        "lead": row.lead,
        "others": row.others,
        "restricted": row.is_restricted,
        "eligibility": {
            "min_age": rule.min_age,
            "max_age": rule.max_age,
            "age_at": rule.age_at,
            "need": rule.need,
            "employment": rule.employment,
            "insured": rule.insured,
            "pregnancy": rule.pregnancy,
        },
        "unit": {"label": told(row.unit.label), "kinds": row.unit.kinds, "required": row.unit.required}
        if row.unit
        else None,
        "evidence": [_evidence(name, field) for name, field in row.evidence.items()],
        "validity": row.validity.rule if row.validity else None,
        "max_decision_days": row.max_decision_days,
        "effective_from": row.effective_from,
        "effective_to": row.effective_to,
        "plan_lines": row.plan_lines,
    }


def _evidence(name: str, field: EvidenceField) -> Content:
    return {
        "name": name,
        "label": told(field.label),
        "type": field.type,
        "required": field.required,
        "vault": field.vault,
        "values": [_coded(value) for value in field.values] if field.values else None,
    }
