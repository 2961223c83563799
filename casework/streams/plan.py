"""Which fields of an event are told, and how: a grant's fields compiled into one writer for each type of event.

What a grant does not name is not there, and neither is what it names of somebody, or of a record, that is withheld.
An erasure alone always tells whose it is, so that whoever holds something of them deletes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Protocol, get_args, get_origin
from uuid import UUID

import msgspec

from casework.domain.about import person_in
from casework.domain.aggregate import EVENT_TYPES
from casework.domain.corrections import is_id
from casework.domain.events.consents import PersonErased
from casework.domain.events.corrections import Change
from casework.domain.events.membership import NewMember, ReturnedMember
from casework.domain.leaves import (
    PEOPLE,
    RECORDS,
    Kind,
    corrected_leaf,
    event_types,
    evidence_leaves,
    fields_of,
    kind_of,
    leaves,
    plain_type,
    prefix_of,
)
from casework.domain.sight import Sight
from casework.domain.state import MemberFacts

MASKED = "***"
ABSENT: Any = msgspec.UNSET


class Names(Protocol):
    """How ids and values are named to a reader."""

    def encode(self, id: UUID) -> str:
        """Return how they know an id."""
        ...

    def token(self, field: str, value: str) -> str:
        """Return what stands for a value of a field."""
        ...


class View(Protocol):
    """What of one event is told."""

    def person(self, id: UUID) -> bool:
        """Whether a person may be named."""
        ...

    def record(self, id: UUID) -> bool:
        """Whether a service or need may be named."""
        ...

    def event_id(self, version: int) -> UUID | None:
        """The id of another event of the stream, where it is at hand."""
        ...


Write = Callable[[Any, View], Any]
"""From a value of an event to what is told of it, or ``ABSENT``."""

Turn = Callable[[Any], Any]


class Plan:
    """What a grant's fields make of each event; ``data`` is empty where nothing of it is told."""

    def __init__(
        self, fields: Mapping[str, str], types: frozenset[str], sight: Sight, names: Names, units: Mapping[UUID, str]
    ) -> None:
        self._fields = {name: fields[name] for name in leaves() if name in fields}
        self._sight, self._names, self._units = sight, names, units
        self._turns = {name: self._turn(name, leaves()[name], transform) for name, transform in self._fields.items()}
        self._writers = {name: self._struct(EVENT_TYPES[name]) for name in types & event_types()}
        self._writers[PersonErased.type_name] = lambda event, view: {"person_id": names.encode(event.person_id)}
        self._occurred_on = self._turns.get("occurred_on")
        self._needed = {name: _parts_of(EVENT_TYPES[name]) for name in self._writers}

    def occurred_on(self, event: Any) -> str | None:
        """Return the day on which it happened, as far as it is told."""
        return None if self._occurred_on is None else str(self._occurred_on(event.occurred_on))

    def data(self, event: Any, view: View) -> dict[str, Any] | None:
        """Return the fields that are told; None where those are withheld that make the event."""
        writer = self._writers.get(event.type_name)
        if writer is None:
            return None
        data: dict[str, Any] = writer(event, view)
        for part in self._needed[event.type_name]:
            if part not in data:
                return None
        return data

    def _struct(self, struct: type[Any], prefix: str = "") -> Write:
        """Return the writer of a struct's fields, by their names as JSON has them."""
        steps = []
        for field in fields_of(struct):
            write = self._field(struct, field, prefix)
            if write is not None:
                steps.append((field.encode_name, field.name, write))

        def write_struct(value: Any, view: View) -> dict[str, Any]:
            told = {}
            for key, attribute, write in steps:
                inner = getattr(value, attribute)
                if inner is None:
                    continue
                out = inner if write is _as_it_is else write(inner, view)
                if out is not ABSENT:
                    told[key] = out
            return told

        return write_struct

    def _field(self, struct: type[Any], field: Any, prefix: str) -> Write | None:
        if struct is MemberFacts and not self._sight.fact(field.name):
            return None
        leaf = prefix + field.encode_name
        kind = kind_of(struct, field.name, field.type)
        if kind is not None:
            return self._leaf(leaf, field, kind) if leaf != "occurred_on" else None
        if field.name == "evidence":
            return self._evidence()
        return self._within(field, prefix)

    def _within(self, field: Any, prefix: str) -> Write | None:
        """Return the writer of what holds structs; None where nothing inside has a name."""
        inner = plain_type(field.type)
        several = get_origin(inner) is tuple
        inner = get_args(inner)[0] if several else inner
        if inner is Change:
            return self._changes()
        if inner in (NewMember, ReturnedMember):
            write = _told_of_person(self._struct(NewMember, prefix))
            return _each(write) if several else write
        if field.name in OPENED:
            return _not_empty(self._struct(inner, prefix_of(field.name, inner, prefix)))
        return None

    def _leaf(self, leaf: str, field: Any, kind: Kind) -> Write | None:
        turn = self._turns.get(leaf)
        if turn is None:
            return None
        several = get_origin(plain_type(field.type)) is tuple
        if kind == "entry":
            return lambda value, view: ABSENT if (id := view.event_id(value)) is None else turn(id)
        if leaf in PEOPLE or leaf in RECORDS:
            one = _where_named(leaf, turn)
            return _each(one) if several else one
        return _as_it_is if turn is _plain and kind in PLAIN else lambda value, view: turn(value)

    def _evidence(self) -> Write | None:
        turns = {leaf.partition(".")[2]: turn for leaf, turn in self._turns.items() if leaf in evidence_leaves()}
        if not turns:
            return None

        def write(value: Mapping[str, Any], view: View) -> Any:
            told = {name: _or_withdrawn(turns[name], each) for name, each in value.items() if name in turns}
            return told or ABSENT

        return write

    def _changes(self) -> Write:
        """Of a correction those changes are told whose fields are."""

        def one(change: Change, view: View) -> Any:
            leaf = corrected_leaf(change.path)
            turn = self._turns.get(leaf)
            if turn is None or not self._sight.fact(change.path.partition(".")[0]):
                return ABSENT
            old, new = (_or_withdrawn(turn, value) for value in (change.old, change.new))
            return ABSENT if ABSENT in (old, new) else {"path": change.path, "old": old, "new": new}

        return _each(one)

    def _turn(self, leaf: str, kind: Kind, transform: str) -> Turn:
        """Return what a transform makes of the values of a field."""
        token = self._names.token
        match transform:
            case "mask":
                return lambda value: MASKED
            case "year" if kind in ("date", "month"):
                return lambda value: _text(value)[:4]
            case "keep" | "pseudonym" if kind in ("id", "entry"):
                return self._names.encode
            case "keep" if kind == "unit":
                return self._unit
            case "keep":
                return _plain
            case "pseudonym":
                return lambda value: token(leaf, _text(value))
        return lambda value: ABSENT

    def _unit(self, value: UUID | str) -> Any:
        """The code of a unit, which is the same for everybody; corrections hold ids as texts."""
        if not isinstance(value, UUID):
            if not is_id(value):
                return ABSENT
            value = UUID(value)
        return self._units.get(value, ABSENT)


def _parts_of(struct: type[Any]) -> tuple[str, ...]:
    """The fields without which an event of a type says nothing."""
    return tuple(each for each in ("facts", "changes") if each in struct.__struct_fields__)


PLAIN = frozenset[Kind]({"code", "codes", "number", "flag"})
"""Kinds of which JSON has the values as they are."""

OPENED = frozenset({"facts", "student", "permit", "pregnancy"})
"""Fields that hold a struct of named fields; what any other holds is never told."""


def _as_it_is(value: Any, view: View) -> Any:
    """Tell a value that needs neither leave nor another form; who writes does not even call this."""
    return value


def _where_named(leaf: str, turn: Turn) -> Write:
    """Return what tells an id where whoever or whatever has it may be named."""
    if leaf in PEOPLE:
        return lambda value, view: turn(value) if view.person(value) else ABSENT
    return lambda value, view: turn(value) if view.record(value) else ABSENT


def _told_of_person(write: Write) -> Write:
    def one(value: Any, view: View) -> Any:
        member = getattr(value, "member", value)
        return write(member, view) or ABSENT if view.person(person_in(value)) else ABSENT

    return one


def _each(one: Write) -> Write:
    def write(values: Any, view: View) -> Any:
        told = [out for value in values if (out := one(value, view)) is not ABSENT]
        return told or ABSENT

    return write


def _not_empty(write: Write) -> Write:
    return lambda value, view: write(value, view) or ABSENT


def _or_withdrawn(turn: Turn, value: Any) -> Any:
    return None if value is None else turn(value)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _text(value: Any) -> str:
    plain = str(value) if isinstance(value, UUID) else _plain(value)
    return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()
