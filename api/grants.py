"""Grants: what each bureau is told of households, for which purpose, on which basis, and which fields of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import marshmallow as ma
from marshmallow import fields as answers
from marshmallow import validate

from api.auth import of_one_bureau, principal
from api.command_bodies import Command
from api.fields import UNIT_CODE, Code, Day, Plain, Query, Several, Text
from api.giving import casework
from api.resource import Fields, Resource
from api.schemas import described
from casework.domain import codes
from casework.domain.grants import TRANSFORMS, Extent, Grant
from casework.domain.leaves import event_types, leaves
from casework.errors import NotFound
from casework.outcome import Context, Outcome

bp = Resource("grants", __name__, description=__doc__)

NAME = "[a-z][a-z0-9-]{0,59}"
REFERENCE = "[A-Za-z0-9][A-Za-z0-9._:/-]{0,59}"


class Transforms(answers.Dict):
    """What is told of each field."""

    def __init__(self, **kwargs: Any) -> None:
        known = validate.OneOf(sorted(leaves()), error="unknown-code")
        super().__init__(
            keys=answers.String(validate=known),
            values=Code(TRANSFORMS),
            validate=validate.Length(max=200, error="field-length"),
            **kwargs,
        )


class ExtentBody(Command):
    """How far it goes."""

    areas = Several(Code("areas"), 1, 20, required=True, **described("Of services, needs and jobs."))
    divisions = Several(
        Text(12, pattern=UNIT_CODE), 1, 100, required=True, **described("Codes; `4101` is the whole city.")
    )
    types = Several(Code(sorted(event_types())), 1, 100, required=True, **described("Types of events."))
    fields_ = Transforms(
        required=True,
        data_key="fields",
        **described(
            "By field what is told of it: `keep`, `mask` (that it is there), `year` (of dates), `pseudonym` (a token). "
            "A field that is not named is not told."
        ),
    )
    from_ = Day(required=True, data_key="from", **described("The first day on which it is told."))
    to = Day(**described("The last."))


class Issue(ExtentBody):
    """A bureau is told of households."""

    name = Plain(60, pattern=NAME, required=True, **described("Its own, for ever."))
    bureau = Code([row.code for row in codes.bureaus()], required=True)
    purpose = Code("grant_purposes", required=True)
    legal_basis = Code("grant_bases", required=True)
    reference = Plain(60, pattern=REFERENCE, **described("The number of the document that says so."))
    issued_on = Day(**described("Default: today."))


class Narrow(ExtentBody):
    """Less is told from now on."""

    narrowed_on = Day(**described("Default: today."))


class Revoke(Command):
    """Nothing more is told."""

    reason = Code("grant_revocation_reasons", required=True)
    revoked_on = Day(**described("Default: today."))


class ListGrants(Query):
    """Whose."""

    bureau = Code([row.code for row in codes.bureaus()])


class Plainly(Query):
    """No parameters."""


class GrantExtent(ma.Schema):
    """How far a grant goes."""

    areas = answers.List(answers.String(), required=True)
    divisions = answers.List(answers.String(), required=True)
    types = answers.List(answers.String(), required=True)
    fields_ = answers.Dict(keys=answers.String(), values=answers.String(), required=True, data_key="fields")
    from_ = answers.Date(required=True, data_key="from")
    to = answers.Date(required=True, allow_none=True)


class GrantAnswer(ma.Schema):
    """A grant as it stands."""

    name = answers.String(required=True)
    policy = answers.String(required=True, **described("What events told under it now carry as `policyver`."))
    bureau = answers.String(required=True)
    purpose = answers.String(required=True)
    legal_basis = answers.String(required=True)
    reference = answers.String(required=True, allow_none=True)
    issued_on = answers.Date(required=True)
    extent = answers.Nested(GrantExtent, required=True)
    in_force = answers.Boolean(required=True)
    revoked_on = answers.Date(required=True, allow_none=True)
    revoked_reason = answers.String(required=True, allow_none=True)


class GrantList(ma.Schema):
    """Grants, by name."""

    items = answers.List(answers.Nested(GrantAnswer), required=True)


@bp.command("/grants", Issue, status=201)
def issue(context: Context, fields: Fields) -> Outcome:
    """Say what a bureau is told of households; whoever is to be told more later gets another grant.

    What is restricted goes to the bureaus responsible alone, whatever a grant says. Sharing between bureaus rests on
    consent (`cross_bureau`), unless a statutory duty asks for it; publication always does (`publication`).
    """
    fields.setdefault("issued_on", casework().today)
    return casework().issue_grant(context, extent=_extent(fields), **fields)


@bp.reading("/grants", ListGrants, GrantList)
def list_grants(asked: Fields) -> dict[str, Any]:
    """List grants; a bureau sees its own."""
    seen = [each for each in casework().registry().grants.values() if _is_seen(each)]
    if "bureau" in asked:
        seen = [each for each in seen if each.issued.bureau == asked["bureau"]]
    return {"items": [_told(each, casework().today) for each in sorted(seen, key=lambda each: each.issued.name)]}


@bp.reading("/grants/<name>", Plainly, GrantAnswer)
def read(asked: Fields, name: str) -> dict[str, Any]:
    """Read a grant as it stands."""
    found = casework().registry().grant(name)
    if found is None or not _is_seen(found):
        raise NotFound("grant-unknown")
    return _told(found, casework().today)


@bp.command("/grants/<name>/narrowings", Narrow)
def narrow(context: Context, fields: Fields, name: str) -> Outcome:
    """Tell less under a grant, at once: the whole of what is left of it."""
    narrowed_on = fields.pop("narrowed_on", casework().today)
    return casework().narrow_grant(context, name=name, extent=_extent(fields), narrowed_on=narrowed_on)


@bp.command("/grants/<name>/revocations", Revoke)
def revoke(context: Context, fields: Fields, name: str) -> Outcome:
    """Tell nothing more under a grant, at once."""
    fields.setdefault("revoked_on", casework().today)
    return casework().revoke_grant(context, name=name, **fields)


def _extent(fields: Fields) -> Extent:
    """Take an extent out of a body's fields."""
    lists = {name: tuple(fields.pop(name)) for name in ("areas", "divisions", "types")}
    return Extent(**lists, fields=fields.pop("fields_"), from_=fields.pop("from_"), to=fields.pop("to", None))


def _is_seen(grant: Grant) -> bool:
    return not of_one_bureau() or grant.issued.bureau == principal().bureau


def _told(grant: Grant, today: date) -> dict[str, Any]:
    issued, extent, revoked = grant.issued, grant.extent, grant.revoked
    return {
        "name": issued.name,
        "policy": grant.policy,
        "bureau": issued.bureau,
        "purpose": issued.purpose,
        "legal_basis": issued.legal_basis,
        "reference": issued.reference,
        "issued_on": issued.occurred_on,
        "extent": {
            "areas": extent.areas,
            "divisions": extent.divisions,
            "types": extent.types,
            "fields": extent.fields,
            "from": extent.from_,
            "to": extent.to,
        },
        "in_force": grant.in_force(today),
        "revoked_on": revoked.occurred_on if revoked is not None else None,
        "revoked_reason": revoked.reason if revoked is not None else None,
    }
