"""The candidates of a selection round: nominated, checked, scored, objected to, removed, and titles taken back."""

from __future__ import annotations

from uuid import UUID

from flask import Response
from marshmallow import fields as ma_fields
from marshmallow import validate

from api import round_pages
from api.command_bodies import Command, Remarked
from api.fields import Code, Day, Flag, Id, NewId, Plain, Several, Text, UnitRef, Whole
from api.giving import casework
from api.resource import Fields, Resource
from api.round_schemas import NominationAnswer
from api.rounds import KIND, PANELIST, ROUND, SHA256, Plainly, document
from api.schemas import described
from casework.outcome import Context, Outcome

bp = Resource("nominations", __name__, description=__doc__)

NOMINATION = f"{ROUND}/nominations/<uuid:nomination_id>"
GROUND = "[a-z][a-z_]{0,59}"


class Nominate(Command):
    """A candidate of a kind: a unit, or a person."""

    nomination_id = NewId(**described("Chosen by the caller, or made here."))
    kind = Text(80, pattern=KIND, required=True)
    unit = UnitRef()
    person_id = Id(**described("Somebody who agreed to publication."))
    narrative = Text(5000, **described("Why; it is sealed, and in no event."))
    attachments = Several(Text(64, pattern=SHA256), 0, 20, **described("Digests (SHA-256) of documents."))


class Withdraw(Command):
    """A nomination is taken back."""

    reason = Code("withdrawal_reasons", required=True)


class Opinion(Remarked):
    """An authority was asked about a candidate."""

    authority = UnitRef(required=True)
    opinion = Code("opinions", required=True)
    document = document(required=True)


class Eligibility(Command):
    """Whether a candidate may be ranked."""

    eligible = Flag(required=True)
    reasons = Several(Code("eligibility_reasons"), 0, 10, **described("Why not."))


class Veto(Remarked):
    """An authority bars a candidate."""

    veto_id = NewId(**described("Chosen by the caller, or made here."))
    ground = Text(60, pattern=GROUND, required=True, **described("One of the policy's."))
    authority = UnitRef(required=True, **described("Of county level or above."))
    document = document(required=True)
    happened_on = Day(required=True)
    evidence_sha256 = Plain(64, pattern=SHA256)


class Lift(Command):
    """The authority lifts its veto."""

    authority = UnitRef(required=True)
    document = document(required=True)


class Recusal(Command):
    """A panelist does not score a candidate."""

    panelist = Plain(128, pattern=PANELIST, **described("Default: the caller."))


class Score(Command):
    """What the caller gives to a candidate."""

    items = ma_fields.Dict(
        keys=Text(40, pattern="[a-z][a-z_]*"),
        values=Whole(0, 100),
        required=True,
        validate=validate.Length(1, 10, error="field-length"),
        **described("Points by item: `overall` of a unit; of a person the parts of its kind in the policy."),
    )


class Visit(Remarked):
    """Somebody went to see a candidate."""

    visited_on = Day(required=True)
    outcome = Code("visit_outcomes", required=True)
    report_sha256 = Plain(64, pattern=SHA256)


class Objection(Remarked):
    """Somebody objects to a candidate on the list."""

    objection_id = NewId(**described("Chosen by the caller, or made here."))
    grounds = Code("objection_grounds", required=True)
    anonymous = Flag(load_default=False, **described("Then the record does not tell who handed it in either."))


class Resolution(Remarked):
    """An objection is answered."""

    upheld = Flag(required=True)
    reason = Code("objection_reasons", required=True)


class Remove(Command):
    """A candidate is taken off the list."""

    reason = Code("removal_reasons", required=True)


class Revoke(Command):
    """A title is taken back, signed for the caller's bureau."""

    ground = Text(60, pattern=GROUND, required=True)
    document = document(required=True)


@bp.command(f"{ROUND}/nominations", Nominate, status=201)
def nominate(context: Context, fields: Fields, year: int) -> Outcome:
    """Nominate a candidate in October, for the unit that the token names: a municipal bureau, a district or a zone."""
    return casework().nominate(year, context, **fields)


@bp.reading(NOMINATION, Plainly, NominationAnswer)
def read(asked: Fields, year: int, nomination_id: UUID) -> Response:
    """Read a nomination. Sealed scores are in no answer. What was written of it is for few, who are recorded."""
    return round_pages.nomination(year, nomination_id)


@bp.command(f"{NOMINATION}/withdrawals", Withdraw, status=201)
def withdraw(context: Context, fields: Fields, year: int, nomination_id: UUID) -> Outcome:
    """Take a nomination of one's own unit back, before the ranking."""
    return casework().withdraw_nomination(year, context, nomination_id=nomination_id, **fields)


@bp.command(f"{NOMINATION}/opinions", Opinion, status=201)
def receive_opinion(context: Context, fields: Fields, year: int, nomination_id: UUID) -> Outcome:
    """Note what an authority thinks of a candidate; a bureau speaks for itself."""
    return casework().receive_opinion(year, context, nomination_id=nomination_id, **fields)


@bp.command(f"{NOMINATION}/eligibility-decisions", Eligibility, status=201)
def decide_eligibility(context: Context, fields: Fields, year: int, nomination_id: UUID) -> Outcome:
    """Decide whether a candidate may be ranked; what was decided last holds, until the scores are open."""
    return casework().decide_eligibility(year, context, nomination_id=nomination_id, **fields)


@bp.command(f"{NOMINATION}/vetoes", Veto, status=201)
def record_veto(context: Context, fields: Fields, year: int, nomination_id: UUID) -> Outcome:
    """Note an authority's veto; while it stands the candidate is not eligible."""
    return casework().record_veto(year, context, nomination_id=nomination_id, **fields)


@bp.command(f"{NOMINATION}/vetoes/<uuid:veto_id>/liftings", Lift, status=201)
def lift_veto(context: Context, fields: Fields, year: int, nomination_id: UUID, veto_id: UUID) -> Outcome:
    """Note that the authority lifts its veto."""
    return casework().lift_veto(year, context, nomination_id=nomination_id, veto_id=veto_id, **fields)


@bp.command(f"{NOMINATION}/recusals", Recusal, status=201)
def declare_recusal(context: Context, fields: Fields, year: int, nomination_id: UUID) -> Outcome:
    """Recuse a panelist from a candidate."""
    return casework().declare_recusal(year, context, nomination_id=nomination_id, **fields)


@bp.command(f"{NOMINATION}/scores", Score, status=201)
def score(context: Context, fields: Fields, year: int, nomination_id: UUID) -> Outcome:
    """Score a candidate, once. The score is sealed until all are in."""
    return casework().record_score(year, context, nomination_id=nomination_id, **fields)


@bp.command(f"{NOMINATION}/site-visits", Visit, status=201)
def record_visit(context: Context, fields: Fields, year: int, nomination_id: UUID) -> Outcome:
    """Note a site visit; a candidate with an uncertain seat needs one before the list is published."""
    return casework().record_site_visit(year, context, nomination_id=nomination_id, **fields)


@bp.command(f"{NOMINATION}/objections", Objection, status=201)
def file_objection(context: Context, fields: Fields, year: int, nomination_id: UUID) -> Outcome:
    """Object to a candidate on the list, within its notice; anybody may, also without being named."""
    return casework().file_objection(year, context, nomination_id=nomination_id, **fields)


@bp.command(f"{NOMINATION}/objections/<uuid:objection_id>/resolutions", Resolution, status=201)
def resolve_objection(context: Context, fields: Fields, year: int, nomination_id: UUID, objection_id: UUID) -> Outcome:
    """Uphold or dismiss an objection; who nominated the candidate cannot."""
    return casework().resolve_objection(year, context, nomination_id=nomination_id, objection_id=objection_id, **fields)


@bp.command(f"{NOMINATION}/removals", Remove, status=201)
def remove(context: Context, fields: Fields, year: int, nomination_id: UUID) -> Outcome:
    """Take a candidate off the list, for a veto, an objection that was upheld, or since it declines."""
    return casework().remove_candidate(year, context, nomination_id=nomination_id, **fields)


@bp.command(f"{NOMINATION}/revocations", Revoke, status=201)
def revoke(context: Context, fields: Fields, year: int, nomination_id: UUID) -> Outcome:
    """Sign for the caller's bureau that a title is taken back; with the second signature it is lost."""
    return casework().sign_revocation(year, context, nomination_id=nomination_id, **fields)
