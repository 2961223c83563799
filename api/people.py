"""How people are told of in requests: who they are, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import marshmallow as ma

from api.fields import Body, Code, Day, Flag, Id, NewId, Part, Text
from api.schemas import described
from casework.domain.calendar import month_of
from casework.domain.events.membership import NewMember
from casework.domain.fact_corrections import OF_BIRTH
from casework.domain.state import MemberFacts, Permit, Span
from casework.errors import Invalid
from casework.outcome import Context
from casework.privacy.persons import Profile

DIVISION = "[0-9]{6}([0-9]{3}){0,2}"
PROFILE = ("name", "id_number", "phone", "address", "born_on")
PLAIN = ("person_id", "relation", "sex", "resident_since")


class SpanBody(Body):
    """A first day and, where it is known, a last one."""

    from_ = Day(required=True, data_key="from")
    to = Day(allow_none=True)


class PermitBody(Body):
    """A residence permit."""

    status = Code("permit_states", required=True)
    from_ = Day(data_key="from", allow_none=True)
    to = Day(allow_none=True)


class FactsBody(Body):
    """Dated facts of a person; what is left out was not said."""

    hukou_division = Text(12, pattern=DIVISION, **described("Code of the county of the household register."))
    hukou_kind = Code("hukou_kinds")
    migrant = Flag(**described("Whether the person counts as a migrant."))
    migrant_until = Day(**described("The first day on which the person no longer does."))
    student = Part(SpanBody)
    permit = Part(PermitBody)
    education = Code("education_levels")
    disability = Code("disabilities")
    marital = Code("marital_states")
    pregnancy = Part(SpanBody, **described("From the last period; until the birth, where it is known."))


class ProfileBody(Body):
    """What names a person. It is sealed in the vault and never part of an event."""

    name = Text(100)
    born_on = Day(**described("Events carry the month alone."))
    id_number = Text(
        20, allow_none=True, **described("Resident ID number, 18 characters; null takes back a wrong one.")
    )
    phone = Text(40)
    address = Text(300)


class MemberBody(FactsBody, ProfileBody):
    """A person who joins: who they are, and what is known of them."""

    person_id = NewId(**described("Chosen by the caller, or made here."))
    relation = Code("relations", required=True)
    sex = Code("sexes", required=True)
    name = Text(100, required=True)
    born_on = Day(required=True)
    migrant = Flag(required=True, **described("Whether the person counts as a migrant."))
    resident_since = Day(**described("Lives in the city since; default: the day of arrival or joining."))


class NewbornBody(MemberBody):
    """A child who was born."""

    name = Text(100)


class AnyPerson(Body):
    """Another member."""

    person_id = Id(required=True)


_DATES = ("joined_on",)
_MONTH = Text(7, pattern="[0-9]{4}-(0[1-9]|1[0-2])")


def field_of(path: str) -> ma.fields.Field[Any]:
    """Return the field in which a value was told first that a correction names."""
    if path == "birth_month" or path.startswith(OF_BIRTH):
        return _MONTH
    if path in _DATES:
        return Day()
    name, _, part = path.partition(".")
    field: ma.fields.Field[Any] = MemberBody().fields[name]
    if isinstance(field, Part):
        inner = field.schema.fields
        return next(each for name, each in inner.items() if (each.data_key or name) == part)
    return field


def facts_from(fields: Mapping[str, Any]) -> MemberFacts:
    """Return the facts among a body's fields."""
    told = {name: value for name, value in fields.items() if name in MemberFacts.__struct_fields__}
    for name in ("student", "pregnancy"):
        if name in told:
            told[name] = Span(told[name]["from_"], told[name].get("to"))
    if "permit" in told:
        permit = told["permit"]
        told["permit"] = Permit(permit["status"], permit.get("from_"), permit.get("to"))
    return MemberFacts(**told)


def member_from(fields: Mapping[str, Any], context: Context, made: str) -> tuple[NewMember, Profile]:
    """Return a person as the event tells of them, and what the vault keeps; ``made`` names an id that is made here."""
    plain = {name: fields[name] for name in PLAIN if name in fields}
    plain.setdefault("person_id", context.made(made))
    born_on: date = fields["born_on"]
    member = NewMember(**plain, birth_month=month_of(born_on), facts=facts_from(fields))
    return member, Profile(**{name: fields[name] for name in PROFILE if name in fields})


def head_among(people: list[tuple[NewMember, Profile]]) -> UUID:
    """Return who is called head among a household's first members."""
    heads = [member.person_id for member, _ in people if member.relation == "head"]
    if len(heads) != 1:
        raise Invalid("head-not-told")
    return heads[0]
