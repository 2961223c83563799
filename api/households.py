"""Households: their file is opened, moved and closed; read, listed, searched and told as a story."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from api import finding, reading_one
from api.command_bodies import Command, Remarked, Tried
from api.fields import (
    POSITIONS,
    UNIT_CODE,
    Body,
    Code,
    Day,
    Flag,
    Id,
    Instant,
    NewId,
    Part,
    Query,
    QueryFlag,
    QueryWhole,
    Several,
    Text,
    Whole,
)
from api.giving import casework
from api.household_schemas import FoundPage, HouseholdAnswer, HouseholdPage, Timeline
from api.next_schemas import NextServices
from api.people import DIVISION, MemberBody, head_among, member_from
from api.resource import Fields, Resource
from api.schemas import described
from casework.domain.metrics import MEASURED_LEVELS
from casework.outcome import Context, Outcome

bp = Resource("households", __name__, description=__doc__)

COMMUNITY = "[0-9]{12}"
BANDS = ("A", "B", "C", "D", "U", "NA")
STATUSES = ("assessed", "out_of_scope", "not_arrived", "no_members", "closed", "merged_away")


class Register(Remarked):
    """A household arrives."""

    id = NewId(**described("Chosen by the caller, or made here: a UUIDv7."))
    arrived_on = Day(required=True)
    community = Text(12, pattern=COMMUNITY, required=True, **described("Code of the community."))
    head = Id(**described("Default: the member whose relation is `head`."))
    members = Several(Part(MemberBody), 1, 40, required=True)
    origin_division = Text(12, pattern=DIVISION, **described("Where they came from."))


class Move(Remarked):
    """The household lives elsewhere in the city."""

    moved_on = Day(required=True, **described("The first day in the new community."))
    to_community = Text(12, pattern=COMMUNITY, required=True)
    from_community = Text(12, pattern=COMMUNITY, **described("Refused where it is not where they live."))


class Close(Command):
    """The file is closed."""

    closed_on = Day(required=True, **described("The first day on which it is closed."))
    reason = Code("household_close_reasons", required=True)


class Verify(Command):
    """Somebody looked whether the household is there."""

    verified_on = Day(required=True)
    outcome = Code("residence_outcomes", required=True)
    method = Code("residence_methods")


class ChangeHead(Command):
    """Another member speaks for the household."""

    changed_on = Day(required=True)
    person_id = Id(required=True)
    minor = Flag(**described("Say so where the new head is under 16."))


class VoidEntry(Remarked, Tried):
    """An entry of the timeline was wrong."""

    voided_on = Day(**described("Default: today."))
    reason = Code("void_reasons", required=True)


class AsOf(Query):
    """At which date, as known when, under which policy."""

    as_of = Day(**described("A Shanghai date; default: today."))
    known_at = Instant(**described("As known at this instant; default: now."))
    policy = Text(20, pattern=r"[0-9]{4}\.[0-9]{1,3}", **described("A policy's version; default: that of the date."))


class OfLevel(Query):
    """Which level."""

    level = Code(MEASURED_LEVELS, required=True)


class Story(Query):
    """Which part of the timeline."""

    known_at = Instant(**described("As known at this instant; default: now."))
    limit = QueryWhole(1, 1000, load_default=200)
    cursor = Text(200)


class ListHouseholds(Query):
    """Filters of the list; without any, all households of the token's divisions."""

    unit = Text(64, pattern=UNIT_CODE, **described("A community, or any division above it, by code or id."))
    status = Code(STATUSES)
    band = Code(BANDS, **described("Band of the overall score."))
    level = Code(MEASURED_LEVELS, **described("Together with `level_band`."))
    level_band = Code(BANDS)
    names = QueryFlag(load_default=True, **described("Whether heads are named; each naming is recorded."))
    policy = Text(
        20, pattern=r"[0-9]{4}\.[0-9]{1,3}", **described("Under another policy, where there are views of it.")
    )
    limit = QueryWhole(1, 1000, load_default=50)
    cursor = Text(200)
    min_position = Text(200, pattern=POSITIONS)


class Search(Body):
    """Whom to look for, by exact match; several fields narrow it down."""

    name = Text(100, **described("In Chinese characters, or in toneless pinyin."))
    id_number = Text(20)
    phone = Text(40)
    limit = Whole(1, 50, load_default=20)


@bp.command("/households", Register, status=201)
def register(context: Context, fields: Fields) -> Outcome:
    """Open the file of a household that arrived.

    Who names a person goes to the vault; events carry opaque ids and the month of birth. An ID number may be active
    once in the city.
    """
    people = [member_from(each, context, f"person-{place}") for place, each in enumerate(fields.pop("members"))]
    head = fields.pop("head", None) or head_among(people)
    return casework().register_household(
        context, household_id=fields.pop("id", None), members=people, head=head, **fields
    )


@bp.command("/households/<uuid:household_id>/moves", Move)
def move(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Record that the household lives in another community."""
    return casework().move_household(household_id, context, **fields)


@bp.command("/households/<uuid:household_id>/closings", Close)
def close(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Close the file. Open services end with it, unless the household gained local hukou."""
    return casework().close_household(household_id, context, **fields)


@bp.command("/households/<uuid:household_id>/residence-verifications", Verify)
def verify_residence(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Record whether the household was found where it is said to live."""
    return casework().give(household_id, "verify_residence", context, **fields)


@bp.command("/households/<uuid:household_id>/head-changes", ChangeHead)
def change_head(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Name another member as the head."""
    return casework().change_head(household_id, context, **fields)


@bp.correction("/households/<uuid:household_id>/entries/<int:entry>/voids", VoidEntry)
def void_entry(context: Context, fields: Fields, household_id: UUID, entry: int) -> Outcome:
    """Say that an entry of the timeline was wrong: the household is what its other entries tell, at every date.

    Refused where a later entry rests on it. A service's record is voided as a service; a move between two households
    is moved back.
    """
    fields.setdefault("voided_on", casework().today)
    return casework().void_entry(household_id, context, voids=entry, **fields)


@bp.reading("/households/<uuid:household_id>", AsOf, HouseholdAnswer)
def read(asked: Fields, household_id: UUID) -> Response | dict[str, Any]:
    """Read a household: who is in it, what it needs and receives, and its levels with their reasons.

    Every level tells its indicators' counts, the records and events behind each count, and what is missing, what
    lifts the level most first. The answer is folded from the household's own stream and always current.
    """
    return reading_one.household(household_id, **asked)


@bp.reading("/households/<uuid:household_id>/next-services", OfLevel, NextServices)
def next_services(asked: Fields, household_id: UUID) -> Response:
    """Find the smallest sets of services by which a level reaches the next better band today.

    What can be given, and what it does to the level, is tried on a copy of the household. Sets that lead to the higher
    score come first; of equal ones, those whose services come first by the policy and the order of members.
    """
    return reading_one.next_services(household_id, **asked)


@bp.reading("/households/<uuid:household_id>/timeline", Story, Timeline)
def timeline(asked: Fields, household_id: UUID) -> Response | dict[str, Any]:
    """Read what happened: who recorded it and when, on which day it happened, and what changed."""
    return reading_one.story(household_id, **asked)


@bp.reading("/households", ListHouseholds, HouseholdPage)
def list_households(asked: Fields) -> Response | dict[str, Any]:
    """List households by division, status and band, page by page.

    The list comes from views, which follow the log within moments: `min_position` waits for what you just wrote.
    """
    return finding.page(**asked)


@bp.search("/households/search", Search, FoundPage)
def search(asked: Fields) -> dict[str, Any]:
    """Find households by a person's exact ID number, name or phone.

    What is looked for stands in the body, never in a URL. Whoever is shown by name, it is recorded for which purpose.
    """
    return finding.found(**asked)
