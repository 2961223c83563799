"""The commands of a line: each is a struct made from the signature of the method that it calls."""

from __future__ import annotations

import inspect
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any, Final, Union, get_type_hints
from uuid import UUID

import msgspec

from casework.assessing.instants import Id, any_id, end_of_day, instant, unit
from casework.domain.calendar import born_last, month_of, shanghai_date
from casework.domain.events import Change, NewMember
from casework.domain.household import Household
from casework.domain.residence import By
from casework.domain.state import MemberFacts, Permit, Span
from casework.errors import Invalid, NotFound, Refused

NAMES: Final = (
    *("register_household", "verify_residence", "move_household", "close_household"),
    *("add_member", "record_birth", "remove_member", "record_death", "change_head", "record_member_facts"),
    *("start_employment", "end_employment", "record_need", "clear_need"),
    *("request_service", "refer_service", "answer_referral", "grant_service", "deny_service", "start_service"),
    *("renew_service", "end_service", "record_delivery", "correct_service", "void_service"),
    *("correct_member_facts", "void_entry"),
)
YEARS: Final = range(1900, 2200)
HIDDEN: Final = {"commitment", "born_on"}
"""What the vault answers for, and so no line says."""


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


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every command may say: when it was recorded, by whom, and when it happened."""

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
}
"""What a line writes where a method takes something else."""


class Command:
    """How to read one command and give it to a household."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.method: Callable[..., None] = getattr(Household, name)
        hints = get_type_hints(self.method)
        parameters = [p for p in inspect.signature(self.method).parameters.values() if p.kind is p.KEYWORD_ONLY]
        self.parameters = [p for p in parameters if p.name not in HIDDEN]
        self.own_date = self.parameters[0].name
        self.asks_birth = any(p.name == "born_on" for p in parameters)
        self.struct = msgspec.defstruct(
            name,
            [self._field(p, hints[p.name]) for p in self.parameters if p.name != "occurred_on"],
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
        self.takes_in = "members" in self.names or "member" in self.names

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
    turns: dict[str, Callable[[Any], Any]] = {"member": _member, "members": _members, "facts": _facts}
    return turns.get(name, _changes if name == "changes" else None)


def _optional_id(text: Id | None) -> UUID | None:
    return None if text is None else any_id(text)


def _optional_unit(text: Id | None) -> UUID | None:
    return None if text is None else unit(text)


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


class Teller:
    """Gives commands to a household; it keeps the dates of birth that the vault would, and each event's instant."""

    def __init__(self) -> None:
        self.household = Household(UUID(int=0))
        self.instants: list[datetime] = []
        self.born: dict[UUID, date] = {}

    def give(self, command: msgspec.Raw) -> None:
        """Give one command, as JSON; CaseworkError says why it is refused."""
        said = _read(command)
        kind = BY_STRUCT[type(said)]
        on = kind.happened_on(said)
        at = self._recorded_at(said, on)
        by = By(shanghai_date(at), said.role == "supervisor", said.bureau, said.role == "bureau")
        if not self.household.version and kind.name != "register_household":
            raise NotFound
        if kind.takes_in:
            self._keep_births(said, on if kind.name == "record_birth" else by.today)
        arguments = kind.arguments(said, on)
        if kind.asks_birth:
            arguments["born_on"] = self.born.get(arguments["person_id"], date.min)
        kind.method(self.household, by, **arguments)
        self._keep_corrected(said)
        self.instants += [at] * (len(self.household.pending) - len(self.instants))

    def known(self, at: datetime) -> Household:
        """The household as it was known at an instant; instants never go back, so that what was known came first."""
        if not self.instants or self.instants[-1] <= at:
            return self.household
        events = self.household.pending[: bisect_right(self.instants, at)]
        return Household.fold(None, events) or Household(self.household.id)

    def _recorded_at(self, said: Any, on: date) -> datetime:
        """The log's instants never go back: one before that of the last event is the same."""
        try:
            at = end_of_day(on) if said.recorded_at is None else instant(said.recorded_at)
        except ValueError:
            raise Invalid("malformed-instant") from None
        if at.year not in YEARS:
            raise Invalid("malformed-instant")
        return max(at, self.instants[-1]) if self.instants else at

    def _keep_births(self, said: Any, latest: date) -> None:
        for member in said.members if hasattr(said, "members") else [said.member]:
            if member.born_on > latest:
                raise Refused("born-later")
            self.born[any_id(member.person_id)] = member.born_on

    def _keep_corrected(self, said: Any) -> None:
        """The vault's date agrees with a month of birth that was corrected; its last day is what counts (RULES A1)."""
        for change in getattr(said, "changes", ()):
            if change.path == "birth_month":
                self.born[any_id(said.person_id)] = born_last(str(change.new))


def _read(command: msgspec.Raw) -> Any:
    try:
        return _decode(command)
    except msgspec.ValidationError as error:
        reason = str(error)
    try:
        known = _decode_name(command).command in COMMANDS
    except msgspec.ValidationError:
        known = False
    raise Invalid("malformed-command", reason=reason) if known else Invalid("unknown-command")
