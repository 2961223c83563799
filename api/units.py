"""Units: divisions, bureaus, employers, schools, agencies and training providers; their facts and figures."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from api import unit_entries, unit_pages
from api.command_bodies import Command
from api.fields import (
    POSITIONS,
    UNIT_CODE,
    Body,
    Code,
    Day,
    Flag,
    Instant,
    Part,
    Plain,
    Query,
    QueryWhole,
    Several,
    Text,
    UnitRef,
)
from api.giving import casework
from api.job_schemas import JobAsked
from api.resource import Fields, Resource
from api.schemas import described
from api.unit_schemas import Figures, MissingFacts, UnitAnswer, UnitHistory, UnitPage
from casework.domain import codes
from casework.domain.rearranging import NewPart
from casework.outcome import Context, Outcome

bp = Resource("units", __name__, description=__doc__)


class ListUnits(Query):
    """Filters of the list of units."""

    kind = Code("unit_kinds")
    tier = Code("unit_tiers")
    under = Text(64, pattern=UNIT_CODE, **described("All below this unit, by code or id."))
    parent = Text(64, pattern=UNIT_CODE, **described("Those directly below this unit, by code or id."))
    active_on = Day(**described("Those that exist on this day, and as they stand on it; default: all, as of today."))
    limit = QueryWhole(1, 1000, load_default=50)
    cursor = Text(64, pattern=UNIT_CODE)


class OnDay(Query):
    """On which day, and as known when."""

    as_of = Day(**described("A Shanghai date; default: today."))
    known_at = Instant(**described("As known at this instant; default: now."))


class OfHistory(Query):
    """Which part of the history."""

    known_at = Instant(**described("As known at this instant; default: now."))
    limit = QueryWhole(1, 1000, load_default=200)
    cursor = Text(200)


class Missing(Query):
    """Which facts, on which day."""

    as_of = Day(**described("A Shanghai date; default: today."))
    fact = Code(list(codes.unit_facts()))
    limit = QueryWhole(1, 1000, load_default=200)
    cursor = Text(100, pattern=f"{UNIT_CODE}:UF-[A-Z]+")


class OfViews(Query):
    """On which day, as known when and under which policy; without any of them as it is now."""

    as_of = Day(**described("Figures of another day than today are counted by a job."))
    known_at = Instant(**described("As known at this instant; counted by a job."))
    policy = Text(
        20, pattern=r"[0-9]{4}\.[0-9]{1,3}", **described("A policy's version; without views of it, counted by a job.")
    )
    tree = Code(
        "trees",
        load_default="then",
        **described(
            "Whose boundaries add up a past day: `then`, as it was, or `now`, as they are (not for all, if moved)."
        ),
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


class VoidFact(Command):
    """A report was wrong."""

    voided_on = Day(**described("Default: today."))
    reason = Code("unit_fact_void_reasons", required=True)


class VoidEntry(Command):
    """A closing, a merger or a split was wrong."""

    reason = Code("unit_entry_void_reasons", required=True)


class ChangePlace(Command):
    """The unit stands elsewhere; what is not told stays."""

    changed_on = Day(required=True, **described("The first day in the new place."))
    parent = UnitRef(**described("The unit above, by id or code."))
    managed_by = UnitRef(**described("Who administers it from now on, in place of the parent."))
    managed_by_parent = Flag(load_default=False, **described("The parent administers it again itself."))


class NewUnit(Body):
    """A unit that a split makes; it is of the same kind and stands in the same place."""

    code = Plain(64, pattern=UNIT_CODE, required=True, **described("Its own key, for ever."))
    name_zh = Plain(200, required=True)
    name_en = Plain(200)
    new_type_community = Flag()
    takes = Several(UnitRef(), 0, 1000, **described("The units below this one that go to it, by id or code."))
    takes_rest = Flag(load_default=False, **described("It takes all that no other part does."))


class Split(Command):
    """Parts of the unit become units of their own."""

    split_on = Day(required=True, **described("The first day of the new units."))
    parts = Several(Part(NewUnit), 1, 50, required=True)
    closes = Flag(load_default=False, **described("Nothing is left of the unit itself."))


class Merge(Command):
    """The unit becomes part of another."""

    merged_on = Day(required=True, **described("The first day on which they are one."))
    into = UnitRef(required=True, **described("A unit of its kind, by id or code; districts and zones rank alike."))


class CloseUnit(Command):
    """The unit is no more."""

    closed_on = Day(required=True, **described("The first day on which it is no more."))


@bp.reading("/units", ListUnits, UnitPage)
def list_units(asked: Fields) -> Response:
    """List units by kind, tier, division and day, page by page, in the order of their codes."""
    return unit_entries.page(**asked)


@bp.reading("/units/<unit>", OnDay, UnitAnswer)
def read(asked: Fields, unit: str) -> Response:
    """Read a unit, by id or code, as it was on a day: what it is, where it stands, what is below it, facts in force.

    A code lives on: of a unit that was split or merged it answers where it went.
    """
    return unit_entries.read(unit, **asked)


@bp.reading("/units/<unit>/history", OfHistory, UnitHistory)
def history(asked: Fields, unit: str) -> Response:
    """Read what happened to a unit: registered, moved, split, merged, closed, and every report of a fact."""
    return unit_entries.history(unit, **asked)


@bp.reading("/units/<unit>/missing-facts", Missing, MissingFacts)
def missing_facts(asked: Fields, unit: str) -> Response:
    """List which facts of their kind a unit and those below it have not in place, and whose field they are."""
    return unit_entries.missing(unit, **asked)


@bp.reading("/units/<unit>/figures", OfViews, Figures, later=JobAsked)
def figures(asked: Fields, unit: str) -> Response | dict[str, Any]:
    """Read a unit's figures: counts by indicator, levels and overall, as they are now or, by a job (202), as they were.

    Where it is part of another unit by then, the figures are that one's.

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
    """Report a dated fact of a unit, such as a collective contract; the same report again changes nothing.

    A later report of the same fact from the same day replaces it. Bureaus and their feeds report facts of their field.
    """
    fields["items"] = tuple(fields.get("items", ()))
    return casework().report_unit_fact(_named(unit), context, **fields)


@bp.command("/units/<unit>/facts/<int:entry>/voids", VoidFact)
def void_fact(context: Context, fields: Fields, unit: str, entry: int) -> Outcome:
    """Say that the report of an entry was wrong: it counts at no date, once this is known."""
    fields.setdefault("voided_on", casework().today)
    return casework().void_unit_fact(_named(unit), context, voids=entry, **fields)


@bp.command("/units/<unit>/places", ChangePlace)
def change_place(context: Context, fields: Fields, unit: str) -> Outcome:
    """Let a unit stand elsewhere from a day on: below another parent, or managed by another.

    Places follow one another; a later one of the same day replaces it. Households stay where they are.
    """
    return casework().change_unit_place(_named(unit), context, **fields)


@bp.command("/units/<unit>/splits", Split, status=201)
def split(context: Context, fields: Fields, unit: str) -> Outcome:
    """Make units of parts of one, each with the units that go to it, in one step.

    Households stay with their communities; of a community that is split they move one by one.
    """
    told = ("code", "takes", "takes_rest")
    parts = [
        NewPart(
            part["code"],
            {name: value for name, value in part.items() if name not in told},
            part.get("takes", ()),
            part["takes_rest"],
        )
        for part in fields.pop("parts")
    ]
    return casework().split_unit(_named(unit), context, parts=parts, is_lived_in=unit_pages.is_lived_in, **fields)


@bp.command("/units/<unit>/mergers", Merge)
def merge(context: Context, fields: Fields, unit: str) -> Outcome:
    """Make a unit part of another: what stands below it goes along, and what is counted for it counts there too."""
    return casework().merge_unit(_named(unit), context, **fields)


@bp.command("/units/<unit>/closings", CloseUnit)
def close(context: Context, fields: Fields, unit: str) -> Outcome:
    """Close a unit below which nothing is left, and of a community, where the views know of no open household."""
    return casework().close_unit(_named(unit), context, is_lived_in=unit_pages.is_lived_in, **fields)


@bp.command("/units/<unit>/entries/<int:entry>/voids", VoidEntry)
def void_entry(context: Context, fields: Fields, unit: str, entry: int) -> Outcome:
    """Take back a closing, a merger or a split that was wrong: it holds at no date, once this is known.

    What was arranged of the same units since is taken back first. Units that a split made are gone with it: nobody may
    live there, and nothing be reported of them.
    """
    return casework().void_unit_entry(_named(unit), context, voids=entry, is_counted=unit_pages.is_counted, **fields)


def _named(unit: str) -> UUID:
    return unit_entries.found(casework().registry(), unit).id
