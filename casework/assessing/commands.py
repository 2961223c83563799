"""The commands of a line: each is a struct made from the signature of what it calls.

That is a method of the household, or, where a command tells two households, a function over both.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from operator import attrgetter
from typing import Any, Final, Union, get_type_hints
from uuid import UUID

import msgspec

from casework.assessing.instants import Id, any_id, unit
from casework.domain import two_households
from casework.domain.calendar import month_of
from casework.domain.events.corrections import Change
from casework.domain.events.membership import NewMember
from casework.domain.household import Household
from casework.domain.state import MemberFacts, Permit, Span
from casework.errors import Invalid, Refused

NAMES: Final = (
    *("register_household", "verify_residence", "move_household", "close_household"),
    *("add_member", "record_birth", "remove_member", "record_death", "change_head", "record_member_facts"),
    *("start_employment", "end_employment", "record_need", "clear_need"),
    *("request_service", "refer_service", "answer_referral", "grant_service", "deny_service", "start_service"),
    *("renew_service", "end_service", "record_delivery", "correct_service", "void_service"),
    *("correct_member_facts", "void_entry", "reopen_household"),
    *("split_household", "merge_households", "unmerge_households"),
)
OF_TWO: Final[Mapping[str, tuple[Callable[..., None], str]]] = {
    "split_household": (two_households.split, "new_household"),
    "merge_households": (two_households.merge, "from_household"),
    "unmerge_households": (two_households.unmerge, "to_household"),
}
"""What the commands that tell two households call, and how a line names the other one."""
YEARS: Final = range(1900, 2200)
HIDDEN: Final = {"commitment", "profile_commitment", "born_on", "mothers_household"}
"""What the vault, or the application, answers for, and so no line says."""


class Hukou(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where and of what kind a person's household registration is."""

    division: str | None = None
    kind: str | None = None


class FactsLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Dated facts of a person; what is left out was not said."""

    migrant: bool | None = None
    migrant_until: date | None = None
    student: Span | None = None
    pregnancy: Span | None = None
    hukou: Hukou | None = None
    hukou_division: str | None = None
    hukou_kind: str | None = None
    permit: Permit | None = None
    education: str | None = None
    disability: str | None = None
    marital: str | None = None


class MemberLine(FactsLine, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person taken in, with the exact date of birth that the vault would keep."""

    person_id: Id
    relation: str
    sex: str
    born_on: date
    resident_since: date | None = None
    from_household: Id | None = None


class RelatedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person, and what they are to the head of a household."""

    person_id: Id
    relation: str


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every command may say: of which household, when it was recorded, by whom, and when it happened."""

    household: Id | None = None
    recorded_at: str | None = None
    occurred_on: date | None = None
    role: str | None = None
    bureau: str | None = None
    remark: str | None = None


WRITTEN: Final[dict[Any, Any]] = {
    UUID: Id,
    UUID | None: Id | None,
    NewMember: MemberLine,
    Sequence[NewMember]: list[MemberLine],
    MemberFacts: FactsLine,
    Sequence[UUID]: list[Id],
    Mapping[UUID, str]: list[RelatedLine],
    Mapping[UUID, str] | None: list[RelatedLine] | None,
}
"""What a line writes where a method takes something else."""


class Command:
    """How to read one command and give it to a household, and to a second one where it tells of two."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.method: Callable[..., None]
        self.other: str | None
        self.method, self.other = OF_TWO[name] if name in OF_TWO else (getattr(Household, name), None)
        hints = get_type_hints(self.method)
        parameters = [p for p in inspect.signature(self.method).parameters.values() if p.kind is p.KEYWORD_ONLY]
        self.parameters = [p for p in parameters if p.name not in HIDDEN]
        self.own_date = self.parameters[0].name
        self.asks_birth = any(p.name == "born_on" for p in parameters)
        self.struct = msgspec.defstruct(
            name,
            [
                *((each, Id, msgspec.NODEFAULT) for each in (self.other,) if each is not None),
                *(self._field(p, hints[p.name]) for p in self.parameters if p.name != "occurred_on"),
            ],
            bases=(Envelope,),
            frozen=True,
            kw_only=True,
            forbid_unknown_fields=True,
            rename={"from_": "from"},
            tag=name,
            tag_field="command",
        )
        self.names = [p.name for p in self.parameters]
        self.defaults = {p.name for p in self.parameters if p.default is not p.empty}
        self.values = attrgetter(*self.names)
        self.turns = [(name, turn) for name in self.names if (turn := _turn(name, hints[name]))]
        self.takes_in = any(hints[name] in (NewMember, Sequence[NewMember]) for name in self.names)

    def _field(self, parameter: inspect.Parameter, hint: Any) -> tuple[str, Any, Any]:
        if parameter.name == self.own_date:
            return parameter.name, date | None, None
        if parameter.default is parameter.empty:
            return parameter.name, WRITTEN.get(hint, hint), msgspec.NODEFAULT
        return parameter.name, WRITTEN.get(hint, hint) | None, parameter.default

    def happened_on(self, said: Any) -> date:
        """The day of what the command says: its own date, ``occurred_on``, or the first or last day of a job."""
        own: date | None = getattr(said, self.own_date)
        if own is not None and said.occurred_on is not None and own != said.occurred_on:
            raise Refused("date-mismatch")
        on = own or said.occurred_on or getattr(said, "from_", None) or getattr(said, "to", None)
        if on is None or on.year not in YEARS:
            raise Invalid("malformed-command", reason=f"It needs {self.own_date} or occurred_on, from 1900 to 2199.")
        return on

    def arguments(self, said: Any, on: date) -> dict[str, Any]:
        """The keyword arguments of the method."""
        arguments = dict(zip(self.names, self.values(said), strict=True))
        for name, turn in self.turns:
            arguments[name] = turn(arguments[name])
        arguments[self.own_date] = on
        return {name: value for name, value in arguments.items() if value is not None or name not in self.defaults}


def _turn(name: str, hint: Any) -> Callable[[Any], Any] | None:
    """How what a line writes becomes what the method takes; None where it is that already."""
    if hint in (UUID, UUID | None):
        return _optional_unit if name == "unit_id" else _optional_id
    turns: dict[Any, Callable[[Any], Any]] = {
        NewMember: _member,
        Sequence[NewMember]: _members,
        MemberFacts: _facts,
        Sequence[Change]: _changes,
        Sequence[UUID]: _ids,
        Mapping[UUID, str]: _relations,
        Mapping[UUID, str] | None: _relations,
    }
    return turns.get(hint)


def _optional_id(text: Id | None) -> UUID | None:
    return None if text is None else any_id(text)


def _optional_unit(text: Id | None) -> UUID | None:
    return None if text is None else unit(text)


def _ids(said: Sequence[Id] | None) -> list[UUID]:
    return [any_id(each) for each in said or ()]


def _relations(said: Sequence[RelatedLine] | None) -> dict[UUID, str]:
    relations = {any_id(each.person_id): each.relation for each in said or ()}
    if len(relations) < len(said or ()):
        raise Refused("member-twice")
    return relations


def _member(said: MemberLine) -> NewMember:
    return NewMember(
        person_id=any_id(said.person_id),
        relation=said.relation,
        sex=said.sex,
        birth_month=month_of(said.born_on),
        facts=_facts(said),
        resident_since=said.resident_since,
        from_household=_optional_id(said.from_household),
    )


def _members(said: Sequence[MemberLine]) -> list[NewMember]:
    return [_member(member) for member in said]


def _facts(said: FactsLine) -> MemberFacts:
    hukou = said.hukou or Hukou()
    return MemberFacts(
        hukou_division=said.hukou_division or hukou.division,
        hukou_kind=said.hukou_kind or hukou.kind,
        migrant=said.migrant,
        migrant_until=said.migrant_until,
        student=said.student,
        permit=said.permit,
        education=said.education,
        disability=said.disability,
        marital=said.marital,
        pregnancy=said.pregnancy,
    )


def _changes(said: Sequence[Change]) -> list[Change]:
    return [_change(change) for change in said]


def _change(said: Change) -> Change:
    """A change whose unit, if it is one, is an id."""
    if said.path != "unit_id":
        return said
    old, new = (None if text is None else str(unit(str(text))) for text in (said.old, said.new))
    return Change(said.path, old, new)


COMMANDS: Final = {name: Command(name) for name in NAMES}
BY_STRUCT: Final = {command.struct: command for command in COMMANDS.values()}

_decode: Callable[[msgspec.Raw], Any] = msgspec.json.Decoder(
    Union[tuple(command.struct for command in COMMANDS.values())]  # noqa: UP007
).decode


class Named(msgspec.Struct):
    """As much of a command as says which it is."""

    command: str


_decode_name = msgspec.json.Decoder(Named).decode


def read(command: msgspec.Raw) -> Any:
    """Read one command, as a struct of :data:`BY_STRUCT`; Invalid says what is wrong with it."""
    try:
        return _decode(command)
    except msgspec.ValidationError as error:
        reason = str(error)
    try:
        known = _decode_name(command).command in COMMANDS
    except msgspec.ValidationError:
        known = False
    raise Invalid("malformed-command", reason=reason) if known else Invalid("unknown-command")
