"""Employments of members: they start and end."""

from __future__ import annotations

from uuid import UUID

from api.command_bodies import Command
from api.fields import Code, Day, Id, NewId, UnitRef
from api.giving import casework
from api.resource import Fields, Resource
from api.schemas import described
from casework.outcome import Context, Outcome

bp = Resource("employments", __name__, description=__doc__)


class Start(Command):
    """A member works."""

    employment_id = NewId(**described("Chosen by the caller, or made here."))
    person_id = Id(required=True)
    kind = Code("employment_kinds", required=True)
    unit_id = UnitRef(**described("The legal employer, by id or code."))
    from_ = Day(required=True, data_key="from", **described("The first day of work."))
    occurred_on = Day(**described("The day on which it was told; default: today."))


class End(Command):
    """A job ended."""

    to = Day(required=True, **described("The last day of work."))
    reason = Code("employment_end_reasons", required=True)
    occurred_on = Day(**described("The day on which it was told; default: today."))


@bp.command("/households/<uuid:household_id>/employments", Start, status=201)
def start(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Record that a member of 16 or more works."""
    fields.setdefault("occurred_on", casework().today)
    return casework().start_employment(household_id, context, **fields)


@bp.command("/households/<uuid:household_id>/employments/<uuid:employment_id>/endings", End)
def end(context: Context, fields: Fields, household_id: UUID, employment_id: UUID) -> Outcome:
    """Record the last day of a job."""
    fields.setdefault("occurred_on", casework().today)
    return casework().give(household_id, "end_employment", context, employment_id=employment_id, **fields)
