"""What each kind of row says: whom it is about, and the one command that it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from casework.application import Casework
from casework.bulk.columns import CellRefused, Fields, evidence_of
from casework.domain import catalogue
from casework.domain.calendar import month_of
from casework.domain.catalogue import Service
from casework.domain.events.membership import NewMember
from casework.domain.household import Household
from casework.domain.state import Episode, MemberFacts
from casework.errors import Forbidden, Invalid, Refused
from casework.log.reading import Db
from casework.outcome import Context, Outcome
from casework.privacy.persons import Profile
from casework.privacy.search import KeyedHashes

Step = tuple[str, dict[str, Any]]
Progress = Callable[[int, int], None]
"""Is told how many rows are done, of how many; raises where the work is to end."""


class Line(NamedTuple):
    """A row of a file: its number in it, whom it is about, what its cells say, and whose command it is."""

    number: int
    household_id: UUID
    person_id: UUID | None
    fields: Fields
    context: Context


class Holder(NamedTuple):
    """Where somebody is active."""

    household_id: UUID
    person_id: UUID


Command = Callable[[Casework], Outcome]

_HOLDERS = "SELECT hash, stream_id, subject_id FROM casework.claim WHERE hash = ANY (%b::bytea[])"


def holders(db: Db, hashes: Iterable[bytes]) -> dict[bytes, Holder]:
    """Return who holds some claims, of those that are held."""
    found = db.execute(_HOLDERS, (list(hashes),), binary=True).fetchall()
    return {bytes(hash): Holder(stream_id, subject_id) for hash, stream_id, subject_id in found}


def asked_for(kind: str, fields: Fields, hashes: KeyedHashes) -> bytes | None:
    """Return the claim by whose holder a row's household is found; None where the row names it, or makes it."""
    if kind == "households" or "household_id" in fields:
        return None
    by_number = fields.get("household_id_number" if kind == "members" else "id_number")
    if by_number is not None:
        return hashes.claim_hash("id-number", by_number)
    if "person_id" in fields:
        return hashes.claim_hash("person", str(fields["person_id"]))
    raise CellRefused("row-about-nobody", "")


def claimed_by(kind: str, fields: Fields, hashes: KeyedHashes) -> list[bytes]:
    """Return the claims that a row takes of a person by an ID number, which no two rows of a file may take."""
    if kind not in ("households", "members") or "id_number" not in fields:
        return []
    return [hashes.claim_hash("id-number", fields["id_number"])]


def profiles_needed(kind: str, lines: Iterable[Line]) -> set[UUID]:
    """Return the people whose profiles the rows' rules ask the vault for."""
    if kind == "employments":
        return {line.person_id for line in lines if line.person_id is not None}
    return {line.context.made("person-0") for line in lines} if kind in ("households", "members") else set()


def command(kind: str, line: Line) -> Command:
    """Return the command that a row is."""
    return lambda casework: _COMMANDS[kind](casework, line)


def _person(line: Line, relation: str) -> tuple[NewMember, Profile]:
    fields = line.fields
    facts = {name: fields[name] for name in MemberFacts.__struct_fields__ if name in fields}
    member = NewMember(
        person_id=line.context.made("person-0"),
        relation=relation,
        sex=fields["sex"],
        birth_month=month_of(fields["born_on"]),
        resident_since=fields.get("resident_since"),
        facts=MemberFacts(**facts),
    )
    profile = ("born_on", "name", "id_number", "phone", "address")
    return member, Profile(**{name: fields[name] for name in profile if name in fields})


def _household(casework: Casework, line: Line) -> Outcome:
    fields = line.fields
    head = _person(line, "head")
    return casework.register_household(
        line.context,
        household_id=line.household_id,
        members=[head],
        head=head[0].person_id,
        community=fields["community"],
        arrived_on=fields["arrived_on"],
        origin_division=fields.get("origin_division"),
    )


def _member(casework: Casework, line: Line) -> Outcome:
    member, profile = _person(line, line.fields["relation"])
    return casework.add_member(
        line.household_id, line.context, member=member, profile=profile, joined_on=line.fields["joined_on"]
    )


def _employment(casework: Casework, line: Line) -> Outcome:
    return casework.start_employment(
        line.household_id,
        line.context,
        person_id=_needed_person(line),
        kind=line.fields["kind"],
        unit_id=line.fields.get("unit"),
        from_=line.fields["from"],
        occurred_on=line.fields.get("occurred_on", casework.today),
    )


def _service(casework: Casework, line: Line) -> Outcome:
    fields = dict(line.fields)
    service = catalogue.service(fields["service"], fields["occurred_on"])
    _check_own(line.context, service)
    evidence, person = evidence_of(service.code, fields), _beneficiary(service, line)
    common = {"person_id": person, "service": service.code}
    remark = {"remark": fields["remark"]} if "remark" in fields else {}
    if service.is_delivery:
        delivery = {**common, **remark, "delivered_on": fields["occurred_on"], "unit_id": fields.get("unit")}
        return casework.give(line.household_id, "record_delivery", line.context, evidence=evidence, **delivery)
    episode_id = line.context.made("episode_id")
    chosen = {name: fields[name] for name in ("valid_from", "valid_to", "decided_by") if name in fields}
    steps: list[Step] = [
        _request(episode_id, common, fields),
        ("grant_service", _grant(episode_id, fields, evidence) | chosen | remark),
    ]
    return casework.give_planned(line.household_id, line.context, lambda household: steps)


def _insurance(casework: Casework, line: Line) -> Outcome:
    """A payment: it prolongs the insurance that is in force, or enrols."""
    fields = line.fields
    service = catalogue.service(fields["service"], fields["occurred_on"])
    _check_own(line.context, service)
    person = _needed_person(line)
    evidence = {"scheme": fields["scheme"], "paid_through": fields["paid_through"]}
    episode_id = line.context.made("episode_id")

    def plan(household: Household) -> list[Step]:
        insured = _insured(household, service, person, service.exclusive_key(fields.get("unit"), evidence))
        if insured is not None:
            renewal = {"episode_id": insured.episode_id, "renewed_on": fields["occurred_on"], "evidence": evidence}
            return [("renew_service", renewal)]
        common = {"person_id": person, "service": service.code}
        return [
            _request(episode_id, common, fields),
            ("grant_service", _grant(episode_id, fields, evidence)),
        ]

    return casework.give_planned(line.household_id, line.context, plan)


def _insured(household: Household, service: Service, person: UUID, key: object) -> Episode | None:
    """The insurance of this kind, of an employee with this employer, that a payment goes on with."""
    for episode in household.episodes_of.get((service.code, person), ()):
        if not episode.is_over and episode.terms and key == service.exclusive_key(episode.unit_id, episode.evidence()):
            return episode
    return None


def _request(episode_id: UUID, common: Fields, fields: Fields) -> Step:
    asked = {"requested_on": fields["occurred_on"], "unit_id": fields.get("unit")}
    return "request_service", {
        "episode_id": episode_id,
        **common,
        **asked,
        "override_reason": fields.get("override_reason"),
    }


def _grant(episode_id: UUID, fields: Fields, evidence: Fields) -> Fields:
    return {"episode_id": episode_id, "granted_on": fields["occurred_on"], "evidence": evidence}


def _beneficiary(service: Service, line: Line) -> UUID | None:
    """For whom a service is: whoever names a household by one of its people gives it to the household."""
    return None if service.beneficiary == "household" else line.person_id


def _needed_person(line: Line) -> UUID:
    if line.person_id is None:
        raise Refused("person-needed")
    return line.person_id


def _check_own(context: Context, service: Service) -> None:
    """A feed of one bureau brings its own services alone, as by the form."""
    if context.role == "service" and context.bureau is not None and context.bureau not in service.responsible:
        raise Forbidden("bureau-not-yours")


_COMMANDS: Mapping[str, Callable[[Casework, Line], Outcome]] = {
    "services": _service,
    "insurances": _insurance,
    "employments": _employment,
    "households": _household,
    "members": _member,
}


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """What came of a row: ``done`` by this import, ``unchanged`` since it was there already, or an ``error``."""

    row: int
    status: str
    code: str | None = None
    column: str | None = None


def refused(number: int, error: Exception) -> Verdict:
    """Return the verdict on a row that an error speaks of; its code is the innermost one that is known."""
    if isinstance(error, CellRefused):
        return Verdict(number, "error", error.code, error.column or None)
    code, pointer = getattr(error, "code", "internal"), ""
    if isinstance(error, Invalid) and error.errors:
        code, pointer = error.errors[0].code, error.errors[0].pointer
    column = pointer.removeprefix("/members/0").strip("/").replace("/", ".")
    return Verdict(number, "error", "row-person-not-found" if code == "not-found" else code, column or None)


encode_verdicts = msgspec.msgpack.Encoder().encode
decode_verdicts: Callable[[bytes], list[Verdict]] = msgspec.msgpack.Decoder(list[Verdict]).decode


def count(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Return how many rows came to what."""
    counted = {"rows": 0, "done": 0, "unchanged": 0, "error": 0}
    for verdict in verdicts:
        counted["rows"] += 1
        counted[verdict.status] += 1
    return {**{name: counted[name] for name in ("rows", "done", "unchanged")}, "errors": counted["error"]}
