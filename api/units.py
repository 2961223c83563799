"""Units: divisions, bureaus, employers, schools, agencies and training providers; their facts and figures."""

from __future__ import annotations

from typing import Any

from flask import Response

from api import unit_pages
from api.command_bodies import Command
from api.fields import POSITIONS, UNIT_CODE, Code, Day, Flag, Instant, Plain, Query, QueryWhole, Several, Text, UnitRef
from api.giving import casework, etag
from api.job_schemas import JobAsked
from api.resource import Fields, Resource, answer, unchanged
from api.schemas import described
from api.unit_schemas import Figures, UnitAnswer, UnitPage
from casework.domain import codes
from casework.outcome import Context, Outcome

bp = Resource("units", __name__, description=__doc__)


class ListUnits(Query):
    """Filters of the list of units."""

    kind = Code("unit_kinds")
    under = Text(64, pattern=UNIT_CODE, **described("All below this division, by code or id."))
    limit = QueryWhole(1, 1000, load_default=50)
    cursor = Text(64, pattern=UNIT_CODE)


class Plainly(Query):
    """No parameters."""


class OfViews(Query):
    """On which day, as known when and under which policy; without any of them as it is now."""

    as_of = Day(**described("Figures of another day than today are counted by a job."))
    known_at = Instant(**described("As known at this instant; counted by a job."))
    policy = Text(
        20, pattern=r"[0-9]{4}\.[0-9]{1,3}", **described("A policy's version; without views of it, counted by a job.")
    )
    min_position = Text(200, pattern=POSITIONS, **described("Wait until this is counted."))


class Register(Command):
    """A unit exists."""

    code = Plain(64, pattern=UNIT_CODE, required=True, **described("Its own key, for ever."))
    kind = Code("unit_kinds", required=True)
    name_zh = Plain(200, required=True)
    name_en = Plain(200)
    tier = Code("unit_tiers")
    parent = UnitRef(**described("The unit above, by id or code."))
    managed_by = UnitRef(**described("Who administers it, where that is not the parent."))
    new_type_community = Flag()
    uscc = Plain(18, pattern="[0-9A-HJ-NPQRTUWXY]{18}", **described("Unified social credit code."))
    registered_on = Day(required=True)


class ReportFact(Command):
    """A dated fact of a unit."""

    fact = Code(list(codes.unit_facts()), required=True)
    reported_on = Day(required=True)
    from_ = Day(required=True, data_key="from")
    to = Day(**described("The last day inside."))
    items = Several(Text(40, pattern="[a-z][a-z0-9_]*"), **described("Those that are in place."))
    evidence = Plain(200, pattern="[A-Za-z0-9][A-Za-z0-9._:/-]*", **described("A reference, never a text."))


@bp.reading("/units", ListUnits, UnitPage)
def list_units(asked: Fields) -> Response:
    """List units by kind and division, page by page, in the order of their codes."""
    return unit_pages.page(**asked)


@bp.reading("/units/<unit>", Plainly, UnitAnswer)
def read(asked: Fields, unit: str) -> Response:
    """Read a unit, by id or code: what it is, where it stands, and the facts that it reported."""
    registry = casework().registry()
    found = unit_pages.found(registry, unit)
    tag = etag(found.version, registry.position)
    return unchanged(tag) or answer(unit_pages.whole(registry, found), headers={"ETag": tag})


@bp.reading("/units/<unit>/figures", OfViews, Figures, later=JobAsked)
def figures(asked: Fields, unit: str) -> Response | dict[str, Any]:
    """Read a unit's figures: counts by indicator, levels and overall, as they are now or, by a job (202), as they were.

    Cells of fewer than five persons are hidden with their complements, except from auditors, the selection office and
    operators. Not applicable, hidden and not reported are different answers.
    """
    return unit_pages.figures(unit, **asked)


@bp.command("/units", Register, status=201)
def register(context: Context, fields: Fields) -> Outcome:
    """Register a unit; registering it again as it is changes nothing."""
    return casework().register_unit(context, **fields)


@bp.command("/units/<unit>/facts", ReportFact, status=201)
def report_fact(context: Context, fields: Fields, unit: str) -> Outcome:
    """Report a dated fact of a unit, such as a collective contract; the same report again changes nothing."""
    found = unit_pages.found(casework().registry(), unit)
    fields["items"] = tuple(fields.get("items", ()))
    return casework().report_unit_fact(found.id, context, **fields)
