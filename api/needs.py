"""Needs: assessed, and cleared."""

from __future__ import annotations

from uuid import UUID

from api.auth import check_own
from api.command_bodies import Command, Remarked
from api.fields import Code, Day, Id, NewId
from api.giving import casework
from api.own import check_own_need
from api.resource import Fields, Resource
from api.schemas import described
from casework.domain import codes
from casework.domain.sight import meeting
from casework.outcome import Context, Outcome

bp = Resource("needs", __name__, description=__doc__)


class Record(Remarked):
    """A need was assessed."""

    need_id = NewId(**described("Chosen by the caller, or made here."))
    need = Code([row.code for row in codes.needs()], required=True)
    person_id = Id(**described("Whose need; housing and low income are the household's."))
    result = Code("need_results", required=True)
    assessed_on = Day(required=True)


class Clear(Command):
    """A need is met, lapsed, or was mistaken."""

    cleared_on = Day(required=True)
    reason = Code("need_clear_reasons", required=True)


@bp.command("/households/<uuid:household_id>/needs", Record, status=201)
def record(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Record that a need was assessed and found present or absent.

    What is open is cleared before it is assessed anew.
    """
    check_own(*meeting(fields["need"]))
    return casework().give(household_id, "record_need", context, **fields)


@bp.command("/households/<uuid:household_id>/needs/<uuid:need_id>/clearings", Clear)
def clear(context: Context, fields: Fields, household_id: UUID, need_id: UUID) -> Outcome:
    """Say that a need is met, lapsed, or was recorded by mistake."""
    check_own_need(household_id, need_id)
    return casework().give(household_id, "clear_need", context, need_id=need_id, **fields)
