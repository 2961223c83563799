"""What the data of each type of event may look like, as JSON Schema: all that a grant could have told, none required.

It follows the same fields as :mod:`casework.streams.plan`, which tells of them what a grant names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args, get_origin

from casework.domain.aggregate import EVENT_TYPES
from casework.domain.events.consents import PersonErased
from casework.domain.events.corrections import Change
from casework.domain.events.membership import NewMember, ReturnedMember
from casework.domain.grants import GrantNarrowed, GrantRevoked
from casework.domain.leaves import (
    Kind,
    event_types,
    evidence_leaves,
    fields_of,
    kind_of,
    leaves,
    plain_type,
    prefix_of,
)
from casework.streams.plan import MASKED, OPENED

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
ID: Schema = {"type": "string", "format": "uuid"}
TOKEN: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "The same for the same value."}
MASK: Schema = {"const": MASKED}
YEAR: Schema = {"type": "string", "pattern": "^[0-9]{4}$"}

_KEPT: dict[Kind, Schema] = {
    "id": ID,
    "entry": ID,
    "unit": {**TEXT, "description": "A unit's code."},
    "date": {"type": "string", "format": "date"},
    "month": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
    "code": TEXT,
    "codes": {"type": "array", "items": TEXT},
    "number": {"type": "number"},
    "flag": {"type": "boolean"},
}


def kinds() -> dict[str, Schema]:
    """Return a schema for each kind of field: as it is, and as each transform that the kind has makes it."""
    return {kind: {"anyOf": [kept, *_transformed(kind)]} for kind, kept in _KEPT.items()}


def _transformed(kind: Kind) -> Iterable[Schema]:
    if kind in ("date", "month"):
        yield YEAR
    if kind not in ("id", "entry"):
        yield TOKEN
    yield MASK


def data_of(event_type: str, refer: str) -> Schema:
    """Return the schema of an event's data; ``refer`` leads to that of a kind, where its name is put in."""
    if event_type in NOTICES:
        return NOTICES[event_type]
    if event_type == PersonErased.type_name:
        return {**_object({"person_id": ID}), "required": ["person_id"]}
    return _Shapes(refer).of(EVENT_TYPES[event_type])


def told_types() -> list[str]:
    """Return all types of event that a subscriber may be given."""
    return sorted({*event_types(), *NOTICES})


class _Shapes:
    def __init__(self, refer: str) -> None:
        self._refer = refer

    def of(self, struct: type[Any], prefix: str = "") -> Schema:
        found = {}
        for field in fields_of(struct):
            shape = self._field(struct, field, prefix)
            if shape is not None:
                found[field.encode_name] = shape
        return _object(found)

    def _field(self, struct: type[Any], field: Any, prefix: str) -> Schema | None:
        leaf, kind = prefix + field.encode_name, kind_of(struct, field.name, field.type)
        inner = plain_type(field.type)
        several = get_origin(inner) is tuple
        if kind is not None:
            told = leaf in leaves() and leaf != "occurred_on"  # which the envelope has as ``occurredon``
            return _listed(self._kind(kind), several) if told else None
        if field.name == "evidence":
            return self._evidence()
        return self._within(field.name, get_args(inner)[0] if several else inner, several, prefix)

    def _within(self, name: str, inner: Any, several: bool, prefix: str) -> Schema | None:
        if inner is Change:
            return _listed(self._change(), several)
        if inner in (NewMember, ReturnedMember):
            return _listed(self.of(NewMember, prefix), several)
        return self.of(inner, prefix_of(name, inner, prefix)) if name in OPENED else None

    def _evidence(self) -> Schema:
        return _object({leaf.partition(".")[2]: self._kind(kind) for leaf, kind in evidence_leaves().items()})

    def _change(self) -> Schema:
        """What stands at a path before and after, of whatever kind it is; null: nothing."""
        return {**_object({"path": TEXT, "old": {}, "new": {}}), "required": ["path", "old", "new"]}

    def _kind(self, kind: Kind) -> Schema:
        return {"$ref": self._refer.format(kind)}


def _listed(shape: Schema, several: bool) -> Schema:
    return {"type": "array", "items": shape} if several else shape


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


_CODES: Schema = {"type": "array", "items": TEXT}

NOTICES: dict[str, Schema] = {
    GrantNarrowed.type_name: {
        **_object(
            {
                "grant": TEXT,
                "delete": _object(
                    {
                        "areas": _CODES,
                        "types": _CODES,
                        "fields": {
                            "type": "object",
                            "additionalProperties": {"type": ["string", "null"]},
                            "description": "By field what of it may be kept, null: nothing.",
                        },
                        "outside_divisions": {**_CODES, "description": "All that is of other divisions than these."},
                    }
                ),
            }
        ),
        "required": ["grant", "delete"],
    },
    GrantRevoked.type_name: {
        **_object({"grant": TEXT, "delete": _object({"everything": {"const": True}}), "reason": TEXT}),
        "required": ["grant", "delete", "reason"],
    },
}
"""The types of what is told of the grant itself (``casework.streams.notices``)."""
