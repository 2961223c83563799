"""Services: requested, referred, granted or denied, started, renewed and ended; delivered; corrected and voided."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import marshmallow as ma

from api.auth import check_own
from api.command_bodies import Command, Remarked, Tried
from api.fields import Anything, Body, Code, Day, Id, NewId, Open, Part, Several, Text, UnitRef, Whole, unit_from
from api.giving import casework
from api.own import check_own_episode
from api.resource import Fields, Resource
from api.schemas import described
from casework.domain import catalogue, codes
from casework.domain.events.corrections import Change
from casework.outcome import Context, Outcome

bp = Resource("services", __name__, description=__doc__)

BUREAUS = [row.code for row in codes.bureaus()]
SERVICES = list(catalogue.services())
DELIVERIES = [code for code, service in catalogue.services().items() if service.is_delivery]
DATES = ("requested_on", "granted_on", "delivered_on", "valid_from", "valid_to", "started_on", "ended_on")
MAY_BE_WITHDRAWN = ("valid_to", "started_on", "ended_on", "unit_id")
CHANGED = rf"({'|'.join(DATES)}|unit_id|evidence\.[a-z][a-z0-9_]{{0,39}})"
EVIDENCE = described("Fields of the service's row in `/v1/services`; what identifies a person goes to the vault.")
OF_EPISODE = "/households/<uuid:household_id>/services/<uuid:episode_id>"


class Request(Remarked):
    """A service is asked for."""

    episode_id = NewId(**described("Chosen by the caller, or made here."))
    service = Code(SERVICES, required=True)
    person_id = Id(**described("For whom; left out, for the household."))
    requested_on = Day(required=True)
    channel = Code("request_channels")
    unit_id = UnitRef(**described("Who is to give it, by id or code."))
    override_reason = Code("override_reasons", **described("For whoever is not eligible by the catalogue."))


class Deliver(Remarked):
    """A one-off or periodic service was given."""

    episode_id = NewId(**described("Chosen by the caller, or made here."))
    service = Code(DELIVERIES, required=True)
    person_id = Id(**described("To whom; left out, to the household."))
    delivered_on = Day(required=True)
    unit_id = UnitRef(**described("Who gave it, by id or code."))
    evidence = Open(**EVIDENCE)


class Refer(Command):
    """One bureau passes a service on to another."""

    referral_id = NewId(**described("Chosen by the caller, or made here."))
    referred_on = Day(required=True)
    from_bureau = Code(BUREAUS, required=True)
    to_bureau = Code(BUREAUS, required=True)
    reason = Code("referral_reasons", required=True)
    due_on = Day()


class Answer(Command):
    """The bureau that was asked accepts or returns a referral."""

    answered_on = Day(required=True)
    answer = Code("referral_answers", required=True)
    reason = Code("referral_answer_reasons")


class Grant(Remarked):
    """A service is granted."""

    granted_on = Day(required=True)
    unit_id = UnitRef(**described("Who gives it: school, employer, provider or agency, by id or code."))
    valid_from = Day(**described("The first day inside; default: the day of the grant."))
    valid_to = Day(**described("The last day inside; default: by the catalogue."))
    evidence = Open(**EVIDENCE)
    decided_by = Code(BUREAUS, **described("A responsible bureau; default: the service's lead."))


class Deny(Remarked):
    """A service is denied."""

    denied_on = Day(required=True)
    reason = Code("deny_reasons", required=True)
    decided_by = Code(BUREAUS)


class Start(Command):
    """A granted service begins."""

    started_on = Day(required=True)


class Renew(Remarked):
    """A service is prolonged."""

    renewed_on = Day(required=True)
    valid_to = Day(**described("The new last day; where it follows from the evidence, leave it out."))
    evidence = Open(**EVIDENCE)
    decided_by = Code(BUREAUS)


class End(Command):
    """A service is no longer given."""

    ended_on = Day(required=True, **described("The first day without it."))
    reason = Code("service_end_reasons", required=True)


class ChangeBody(Body):
    """One value that was wrong from the start."""

    path = Text(60, pattern=CHANGED, required=True, **described("A date's name, `unit_id`, or `evidence.<name>`."))
    old = Anything(required=True, allow_none=True, **described("The value that stands now."))
    new = Anything(required=True, allow_none=True)

    @ma.validates_schema
    def check_values(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Refuse a new value that its field cannot hold; the catalogue checks evidence."""
        path, new = data["path"], data["new"]
        if new is None and not path.startswith("evidence.") and path not in MAY_BE_WITHDRAWN:
            raise ma.ValidationError("field-null", "new")
        for name in ("old", "new"):
            value = data[name]
            if value is not None and not path.startswith("evidence."):
                (UnitRef() if path == "unit_id" else Day()).deserialize(value, name)
            elif isinstance(value, dict):
                raise ma.ValidationError("field-type", name)


class Correct(Remarked, Tried):
    """What was recorded of a service was wrong."""

    corrected_on = Day(**described("Default: today."))
    changes = Several(Part(ChangeBody), 1, 40, required=True)
    reason = Code("correction_reasons", required=True)
    corrects = Whole(1, 1_000_000, **described("The version of the grant or renewal that is meant."))


class Void(Remarked, Tried):
    """A service's record counts at no date."""

    voided_on = Day(**described("Default: today."))
    reason = Code("void_reasons", required=True)


@bp.command("/households/<uuid:household_id>/services", Request, status=201)
def request_service(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Ask for a service, for a member or for the household."""
    check_own(fields["service"])
    return casework().give(household_id, "request_service", context, **fields)


@bp.command("/households/<uuid:household_id>/deliveries", Deliver, status=201)
def deliver(context: Context, fields: Fields, household_id: UUID) -> Outcome:
    """Record that a one-off or periodic service was given; the same one counts once."""
    check_own(fields["service"])
    return casework().give(household_id, "record_delivery", context, **fields)


@bp.command(f"{OF_EPISODE}/referrals", Refer, status=201)
def refer(context: Context, fields: Fields, household_id: UUID, episode_id: UUID) -> Outcome:
    """Pass a service on to another bureau; one referral at a time waits for its answer."""
    return _give("refer_service", context, fields, household_id, episode_id)


@bp.command(f"{OF_EPISODE}/referrals/<uuid:referral_id>/answers", Answer)
def answer(context: Context, fields: Fields, household_id: UUID, episode_id: UUID, referral_id: UUID) -> Outcome:
    """Accept or return a referral, as the bureau that was asked."""
    check_own_episode(household_id, episode_id, referral_id)
    return casework().give(
        household_id, "answer_referral", context, episode_id=episode_id, referral_id=referral_id, **fields
    )


@bp.command(f"{OF_EPISODE}/grants", Grant)
def grant(context: Context, fields: Fields, household_id: UUID, episode_id: UUID) -> Outcome:
    """Grant what was requested."""
    return _give("grant_service", context, fields, household_id, episode_id)


@bp.command(f"{OF_EPISODE}/denials", Deny)
def deny(context: Context, fields: Fields, household_id: UUID, episode_id: UUID) -> Outcome:
    """Deny what was requested and not yet granted."""
    return _give("deny_service", context, fields, household_id, episode_id)


@bp.command(f"{OF_EPISODE}/starts", Start)
def start(context: Context, fields: Fields, household_id: UUID, episode_id: UUID) -> Outcome:
    """Record that a granted service began."""
    return _give("start_service", context, fields, household_id, episode_id)


@bp.command(f"{OF_EPISODE}/renewals", Renew)
def renew(context: Context, fields: Fields, household_id: UUID, episode_id: UUID) -> Outcome:
    """Prolong a service that is in force, or lapsed a short while ago."""
    return _give("renew_service", context, fields, household_id, episode_id)


@bp.command(f"{OF_EPISODE}/endings", End)
def end(context: Context, fields: Fields, household_id: UUID, episode_id: UUID) -> Outcome:
    """Record that a service ended."""
    return _give("end_service", context, fields, household_id, episode_id)


@bp.correction(f"{OF_EPISODE}/corrections", Correct)
def correct(context: Context, fields: Fields, household_id: UUID, episode_id: UUID) -> Outcome:
    """Correct what was recorded wrongly, at every date; each change names the value that stands now."""
    fields["changes"] = [_change(**each) for each in fields["changes"]]
    return _give("correct_service", context, fields, household_id, episode_id, corrected_on=casework().today)


@bp.correction(f"{OF_EPISODE}/voids", Void)
def void(context: Context, fields: Fields, household_id: UUID, episode_id: UUID) -> Outcome:
    """Say that a service was never given; it counts at no date."""
    return _give("void_service", context, fields, household_id, episode_id, voided_on=casework().today)


def _change(path: str, old: Any, new: Any) -> Change:
    """A unit may be named by its code, as everywhere."""
    return Change(path, *(_unit(value) if path == "unit_id" else value for value in (old, new)))


def _unit(value: Any) -> Any:
    try:
        return str(unit_from(value)) if isinstance(value, str) else value
    except ma.ValidationError:
        return value  # the domain says what is wrong with it


def _give(
    name: str, context: Context, fields: Fields, household_id: UUID, episode_id: UUID, **defaults: date
) -> Outcome:
    check_own_episode(household_id, episode_id)
    return casework().give(household_id, name, context, episode_id=episode_id, **{**defaults, **fields})
