"""Transfers: an office asks for a person or a household that another one holds, and that one answers."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import fields

from api.auth import principal
from api.command_bodies import Remarked
from api.fields import Code, Day, Flag, Id, Query, QueryWhole, Text
from api.giving import casework
from api.household_schemas import Place
from api.household_state import unit_name
from api.households import COMMUNITY
from api.paging import MalformedCursor, next_link
from api.resource import Fields, Resource, answer
from api.schemas import described
from casework.domain import transfers
from casework.domain.registry import Registry, unit_id
from casework.errors import Invalid
from casework.outcome import Context, Outcome
from casework.transferring import Seen

bp = Resource("transfers", __name__, description=__doc__)

Content = dict[str, Any]


class Ask(Remarked):
    """Who is asked for, and where they are to go."""

    person_id = Id(**described("Either this or `id_number`."))
    id_number = Text(20, **described("It is compared and kept nowhere."))
    to_household = Id(**described("A household of yours that takes the person in; either this or `to_community`."))
    to_community = Text(
        12, pattern=COMMUNITY, **described("A community of yours, for a household of their own or the whole household.")
    )
    whole_household = Flag(load_default=False, **described("Whether all of the person's household has come along."))
    relation = Code("relations", **described("To the head of `to_household`; default: `other_relative`."))


class Acceptance(Remarked):
    """The request is accepted, and carried out."""

    accepted_on = Day(**described("The first day on which they are there; default: today."))
    new_head = Id(**described("Of the household that stays; needed where its head goes."))


class Denial(Remarked):
    """The request is declined."""

    declined_on = Day(**described("Default: today."))
    reason = Code("transfer_decline_reasons", required=True)


class One(Query):
    """One request."""


class ListTransfers(Query):
    """Which of the requests that nobody has answered."""

    state = Code(transfers.UNANSWERED, load_default=transfers.OPEN)
    limit = QueryWhole(1, 1000, load_default=50)
    cursor = Text(200)


class TransferAnswer(ma.Schema):
    """A request, as one of its two offices sees it: the other's household and people are not in it."""

    id = fields.UUID(required=True)
    state = fields.String(
        required=True,
        **described(
            "`open`, `lapsed` or `over` (the person is no member there now, or was erased); `accepted`, `declined`."
        ),
    )
    asked_of_us = fields.Boolean(required=True, **described("Whether it is for the caller's divisions to answer."))
    asked_by_us = fields.Boolean(required=True, **described("Whether it was made for the caller's divisions."))
    asked_on = fields.Date(required=True)
    due_on = fields.Date(required=True, **described("The last day on which it is answered in time."))
    answered_on = fields.Date(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True, **described("Why it was declined."))
    household_id = fields.UUID(required=True, allow_none=True, **described("Asked of us: the household."))
    person_id = fields.UUID(required=True, allow_none=True, **described("Asked of us: the person."))
    whole_household = fields.Boolean(required=True)
    to_household = fields.UUID(
        required=True, allow_none=True, **described("Asked by us: where they are to be, or are now.")
    )
    to_community = fields.Nested(Place, required=True)
    relation = fields.String(required=True, allow_none=True)


class TransferPage(ma.Schema):
    """A page of requests, what is due first coming first."""

    items = fields.List(fields.Nested(TransferAnswer), required=True)
    next = fields.String(required=True, allow_none=True, **described("The cursor of the next page; null on the last."))


@bp.command("/transfers", Ask, status=201)
def ask(context: Context, fields: Fields) -> Outcome:
    """Ask the office that holds a person for them, or for their whole household.

    For somebody who was refused as `held-elsewhere`. The answer's `id` is that of the request; it tells nothing of the
    other household. The person joins a household of yours, or has one of their own in a community of yours. What is
    not answered in time lapses, and can be asked for again.
    """
    both_or_none = ("person_id" in fields) == ("id_number" in fields)
    to_household = "to_household" in fields
    if both_or_none or to_household == ("to_community" in fields) or (to_household and fields["whole_household"]):
        raise Invalid("transfer-unclear")
    return casework().ask_transfer(context, **fields)


@bp.reading("/transfers", ListTransfers, TransferPage)
def list_transfers(asked: Fields) -> Response:
    """List requests that nobody has answered: those asked of the caller's divisions, and those made for them."""
    after = _place(asked.get("cursor"))
    seen = [
        each
        for each in casework().unanswered_transfers(principal().divisions)
        if each.state == asked["state"] and (after is None or _place_of(each) > after)
    ]
    page = seen[: asked["limit"]]
    following = _cursor(_place_of(page[-1])) if len(seen) > len(page) else None
    registry = casework().registry(at_most_old=1)
    content = {"items": [_told(each, registry) for each in page], "next": following}
    return answer(content, headers=next_link(following))


@bp.reading("/transfers/<uuid:transfer_id>", One, TransferAnswer)
def read(asked: Fields, transfer_id: UUID) -> Content:
    """Read one request, answered or not."""
    seen = casework().seen_transfer(transfer_id, principal().divisions)
    return _told(seen, casework().registry(at_most_old=1))


@bp.command("/transfers/<uuid:transfer_id>/acceptances", Acceptance)
def accept(context: Context, fields: Fields, transfer_id: UUID) -> Outcome:
    """Accept a request: the person, or the household, goes over in the same step with all that is theirs.

    Who lives alone goes with the whole file. After `due_on` only a supervisor of both offices decides.
    """
    fields.setdefault("accepted_on", casework().today)
    return casework().accept_transfer(context, transfer_id=transfer_id, **fields)


@bp.command("/transfers/<uuid:transfer_id>/denials", Denial)
def decline(context: Context, fields: Fields, transfer_id: UUID) -> Outcome:
    """Decline a request, with a reason that the other office reads."""
    fields.setdefault("declined_on", casework().today)
    return casework().decline_transfer(context, transfer_id=transfer_id, **fields)


def _told(seen: Seen, registry: Registry) -> Content:
    transfer, place = seen.transfer, unit_id(seen.transfer.to_community)
    of_us, by_us = seen.is_asked_of_us, seen.is_asked_by_us
    return {
        "id": transfer.transfer_id,
        "state": seen.state,
        "asked_of_us": of_us,
        "asked_by_us": by_us,
        "asked_on": transfer.asked_on,
        "due_on": transfer.due_on,
        "answered_on": transfer.answered_on,
        "reason": transfer.reason,
        "household_id": seen.household.id if of_us else None,
        "person_id": transfer.person_id if of_us else None,
        "whole_household": transfer.whole_household,
        "to_household": (transfer.moved_to or transfer.to_household) if by_us else None,
        "to_community": {"code": transfer.to_community, "id": place, "name": unit_name(registry, place)},
        "relation": transfer.relation,
    }


def _place_of(seen: Seen) -> tuple[date, UUID]:
    return seen.transfer.due_on, seen.transfer.transfer_id


def _place(cursor: str | None) -> tuple[date, UUID] | None:
    """The request after which a page begins."""
    if cursor is None:
        return None
    try:
        due_on, transfer_id = cursor.split(".")
        found = date.fromisoformat(due_on), UUID(transfer_id)
    except ValueError:
        raise MalformedCursor from None
    if _cursor(found) != cursor:
        raise MalformedCursor
    return found


def _cursor(place: tuple[date, UUID]) -> str:
    due_on, transfer_id = place
    return f"{due_on.isoformat()}.{transfer_id}"
