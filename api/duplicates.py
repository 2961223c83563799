"""Duplicates: people who are probably in two files, beside each other, until a reviewer decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import fields

from api import naming
from api.auth import principal
from api.fields import Body, Code, Query, QueryWhole, Text
from api.finding import households_of
from api.giving import casework
from api.household_schemas import Place, ProfileAnswer
from api.household_state import unit_name
from api.language import language
from api.paging import MalformedCursor, next_link
from api.resource import Fields, Resource, answer
from api.schemas import described
from casework.domain import codes
from casework.domain.household import Household
from casework.domain.registry import Registry, unit_id
from casework.errors import Forbidden, NotFound
from casework.privacy.duplicates import Found
from casework.privacy.persons import Profile

bp = Resource("duplicates", __name__, description=__doc__)

Content = dict[str, Any]
Homes = Mapping[UUID, Household]

MOST_PAGES = 20
"""So many pages of the city's queue are looked through for pairs of the caller's divisions."""


class ListDuplicates(Query):
    """Which part of the queue."""

    limit = QueryWhole(1, 100, load_default=20)
    cursor = Text(200)


class Decision(Body):
    """What the reviewer found."""

    decision = Code("duplicate_decisions", required=True)


class MatchReason(ma.Schema):
    """In what two people agree or differ."""

    code = fields.String(required=True)
    label = fields.String(required=True)


class Side(ma.Schema):
    """One of two people, and the household where they are or were last."""

    person_id = fields.UUID(required=True)
    household_id = fields.UUID(required=True, allow_none=True)
    community = fields.Nested(Place, required=True, allow_none=True)
    active = fields.Boolean(required=True, **described("Whether they are an active member there."))
    profile = fields.Nested(ProfileAnswer, required=True, allow_none=True)


class Duplicate(ma.Schema):
    """Two people who are probably one."""

    one = fields.Nested(Side, required=True)
    other = fields.Nested(Side, required=True)
    score = fields.Float(required=True, **described("How probably they are one person, from 0 to 1."))
    reasons = fields.List(fields.Nested(MatchReason), required=True)
    found_at = fields.AwareDateTime(required=True)


class DuplicatePage(ma.Schema):
    """A page of the queue, the likeliest first."""

    items = fields.List(fields.Nested(Duplicate), required=True)
    next = fields.String(required=True, allow_none=True)


class Decided(ma.Schema):
    """What stands now."""

    one = fields.UUID(required=True)
    other = fields.UUID(required=True)
    decision = fields.String(required=True)


@bp.reading("/duplicates", ListDuplicates, DuplicatePage)
def list_duplicates(asked: Fields) -> Response:
    """List pairs of people who are probably one, both sides beside each other, the likeliest first.

    A pair is shown where one side is in the token's divisions. Who is shown by name, it is recorded for which purpose.
    """
    _refuse_without_purpose()
    found, following = _page(asked["limit"], asked.get("cursor"))
    people = [person for pair in found for person in (pair.one, pair.other)]
    homes = _homes(people)
    with casework().pool.connection() as db:
        profiles = naming.profiles(db, [(homes[each].id, each) for each in people if each in homes])
    registry = casework().registry(at_most_old=1)
    items = [_told(each, homes, profiles, registry) for each in found]
    return answer({"items": items, "next": following}, headers=next_link(following))


@bp.deciding("/duplicates/<uuid:one>/<uuid:other>", Decision, Decided)
def decide(asked: Fields, one: UUID, other: UUID) -> Content:
    """Decide whether two people are one. It is kept for good; what is not the same is never asked again.

    Who are the same are brought into one household, where one moves or the households merge; there the doubled record
    leaves as `registered_twice`. Until then the worklist shows them. What is decided of a record that was doubled, is
    so of the one that stays.
    """
    homes = _homes([one, other])
    if not any(casework().is_within(home.community, principal().divisions) for home in homes.values()):
        raise NotFound
    stays = _record_of(homes, one), _record_of(homes, other)
    with casework().pool.connection() as db:
        casework().duplicates.decide(db, (one, other), asked["decision"], by=principal().sub)
        if asked["decision"] == "same" and stays[0] != stays[1]:
            casework().duplicates.settle(db, stays, by=principal().sub)
    return {"one": one, "other": other, "decision": asked["decision"]}


def _refuse_without_purpose() -> None:
    if not naming.may_name():
        raise Forbidden("purpose-missing")


def _page(limit: int, cursor: str | None) -> tuple[list[Found], str | None]:
    """The next pairs of the caller's divisions, and where to go on."""
    place, mine = _place(cursor), list[Found]()
    for _ in range(MOST_PAGES):
        with casework().pool.connection() as db:
            page = casework().duplicates.waiting(db, after=place, limit=limit)
        homes = _homes([person for pair in page for person in (pair.one, pair.other)])
        for pair in page:
            place = (pair.score, pair.one, pair.other)
            if any(_is_mine(homes.get(person)) for person in (pair.one, pair.other)):
                mine.append(pair)
            if len(mine) == limit:
                return mine, _cursor(place)
        if len(page) < limit:
            return mine, None
    return mine, _cursor(place)


def _is_mine(home: Household | None) -> bool:
    return home is not None and casework().is_within(home.community, principal().divisions)


def _homes(people: Iterable[UUID]) -> Homes:
    """The household of each: where they are active, else where they were last."""
    wanted = set(people)
    homes: dict[UUID, Household] = {}
    for household in households_of(wanted):
        for person_id in wanted & household.people.keys():
            if person_id not in homes or _is_active(household, person_id):
                homes[person_id] = household
    return homes


def _record_of(homes: Homes, person_id: UUID) -> UUID:
    """The record that stays of a person, where this one was found to be doubled."""
    people = homes[person_id].people.values() if person_id in homes else ()
    return next((each.person_id for each in people if person_id in each.doubles), person_id)


def _is_active(household: Household, person_id: UUID) -> bool:
    return household.closed_on is None and household.people[person_id].current is not None


def _told(pair: Found, homes: Homes, profiles: Mapping[UUID, Profile], registry: Registry) -> Content:
    labels = {row.code: row.label[language()] for row in codes.codes("duplicate_reasons")}
    return {
        "one": _side(pair.one, homes, profiles, registry),
        "other": _side(pair.other, homes, profiles, registry),
        "score": round(pair.score, 3),
        "reasons": [{"code": code, "label": labels[code]} for code in pair.reasons],
        "found_at": pair.found_at,
    }


def _side(person_id: UUID, homes: Homes, profiles: Mapping[UUID, Profile], registry: Registry) -> Content:
    home, profile = homes.get(person_id), profiles.get(person_id)
    place = unit_id(home.community) if home is not None else None
    return {
        "person_id": person_id,
        "household_id": home and home.id,
        "community": home and {"code": home.community, "id": place, "name": unit_name(registry, place)},
        "active": home is not None and _is_active(home, person_id),
        "profile": naming.shown(profile) if profile is not None else None,
    }


def _cursor(place: tuple[float, UUID, UUID] | None) -> str | None:
    return None if place is None else ":".join(map(str, place))


def _place(cursor: str | None) -> tuple[float, UUID, UUID] | None:
    if cursor is None:
        return None
    try:
        score, one, other = cursor.split(":")
        return float(score), UUID(one), UUID(other)
    except ValueError:
        raise MalformedCursor from None
