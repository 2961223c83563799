"""What can be disclosed of events: each field of each type that holds a value, under one flat name, and its kind.

A person's particulars have the same name wherever an event tells them (``birth_month``, ``facts.education``), also in
a correction, and evidence has that of its field (``evidence.grade``). What has no name here is never disclosed: what
was carried between households, answers to surveys, commitments, versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

import msgspec

from casework.domain import catalogue
from casework.domain.aggregate import EVENT_TYPES
from casework.domain.events.corrections import Change, EntryVoided
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.for_offices import FOR_OFFICES
from casework.domain.events.membership import NewMember
from casework.domain.state import MemberFacts

Kind = Literal["id", "unit", "entry", "date", "month", "code", "codes", "number", "flag"]

RECORDS = frozenset({"episodes", "ended_episodes", "needs", "records", "duplicates"})
"""Lists of services and needs, each of which may be withheld."""

PEOPLE = frozenset({"members", "person_id", "head", "new_head", "mother", "by", "same_as"})
"""Fields that name people, each of whom may be withheld."""

ON = {"requested_on", "granted_on", "delivered_on", "started_on", "ended_on", "joined_on"}
"""What corrections call the ``occurred_on`` of the event that they correct."""

_KINDS: Mapping[object, Kind] = {UUID: "id", date: "date", str: "code", int: "number", bool: "flag"}
_OF_EVIDENCE: Mapping[str, Kind] = {
    "code": "code",
    "codes": "codes",
    "number": "number",
    "bool": "flag",
    "date": "date",
    "month": "month",
    "text": "code",
}
_NEVER = {"carried", "answers", "spells", "commitment", "profile_commitment", "corrects", "ledger_entry"}


@cache
def event_types() -> frozenset[str]:
    """Return the types of event that a grant may name: those of households, but for what is the offices' own."""
    kinds = {name: kind for name, kind in EVENT_TYPES.items() if issubclass(kind, HouseholdEvent)}
    return frozenset(name for name, kind in kinds.items() if kind not in FOR_OFFICES)


@cache
def leaves() -> dict[str, Kind]:
    """Return every field that a grant may name, and what kind of value it holds."""
    found = dict(evidence_leaves())
    for name in event_types():
        found.update(_inside(EVENT_TYPES[name]))
    return found


@cache
def evidence_leaves() -> dict[str, Kind]:
    """Return the fields of evidence that events hold; those of the vault are not among them."""
    return {
        f"evidence.{name}": _OF_EVIDENCE[field.type]
        for service in catalogue.services().values()
        for name, field in service.evidence.items()
        if not field.vault
    }


def corrected_leaf(path: str) -> str:
    """Return the field that one change of a correction is about."""
    if path in ON:
        return "occurred_on"
    return f"facts.{path}" if path.partition(".")[0] in MemberFacts.__struct_fields__ else path


_FIELDS: dict[type[Any], tuple[Any, ...]] = {}


def fields_of(struct: type[Any]) -> tuple[Any, ...]:
    """Return the fields of a struct; each look at its annotations is slow."""
    if struct not in _FIELDS:
        _FIELDS[struct] = msgspec.structs.fields(struct)
    return _FIELDS[struct]


def plain_type(hint: Any) -> Any:
    """Return the type of a value that may also be absent."""
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return next(each for each in options if each is not type(None))


def kind_of(owner: type[Any], name: str, hint: Any) -> Kind | None:
    """Return the kind of value that a field of a struct holds; None where it holds other structs, or is never told."""
    if name in _NEVER:
        return None
    if name == "unit_id":
        return "unit"
    if name == "birth_month":
        return "month"
    if owner is EntryVoided and name == "voids":
        return "entry"
    inner = plain_type(hint)
    if get_origin(inner) is tuple:
        return "id" if get_args(inner)[0] is UUID else None
    return _KINDS.get(inner)


def _inside(struct: type[Any], prefix: str = "") -> Iterator[tuple[str, Kind]]:
    for field in fields_of(struct):
        kind = kind_of(struct, field.name, field.type)
        if kind is not None:
            yield prefix + field.encode_name, kind
            continue
        inner = plain_type(field.type)
        inner = get_args(inner)[0] if get_origin(inner) is tuple else inner
        if field.name in _NEVER or inner is Change or not _is_struct(inner):
            continue
        yield from _inside(inner, prefix_of(field.name, inner, prefix))


def prefix_of(name: str, inner: type[Any], prefix: str = "") -> str:
    """Return what stands before the names of what is inside a field: nothing where it is a person taken in."""
    return prefix if inner is NewMember or name in ("member", "members") else f"{prefix}{name}."


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
