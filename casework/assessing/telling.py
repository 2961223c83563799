"""A line's commands given to its households, one after another."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from casework.assessing.commands import BY_STRUCT, YEARS, Command, read
from casework.assessing.instants import Id, any_id, end_of_day, instant
from casework.domain.calendar import born_last, shanghai_date
from casework.domain.household import Household
from casework.domain.residence import By, refuse_if
from casework.errors import Invalid, NotFound, Refused

UNNAMED = UUID(int=0)
"""The household of commands that name none."""


class File:
    """A household of a line, and each of its events' instant."""

    def __init__(self, household_id: UUID) -> None:
        self.household = Household(household_id)
        self.instants: list[datetime] = []

    def known(self, at: datetime) -> Household:
        """The household as it was known at an instant; instants never go back, so that what was known came first."""
        if not self.instants or self.instants[-1] <= at:
            return self.household
        events = self.household.pending[: bisect_right(self.instants, at)]
        return Household.fold(None, events) or Household(self.household.id)


class Teller:
    """Gives commands to the households of a line; it keeps the dates of birth that the vault would."""

    def __init__(self) -> None:
        self.files: dict[UUID, File] = {}
        self.last: datetime | None = None
        self.born: dict[UUID, date] = {}

    def file(self, household: Id | None = None) -> File:
        """The file of a household, by its name in the line; empty where nothing was told of it."""
        household_id = UNNAMED if household is None else any_id(household)
        if household_id not in self.files:
            self.files[household_id] = File(household_id)
        return self.files[household_id]

    def give(self, command: msgspec.Raw) -> None:
        """Give one command, as JSON; CaseworkError says why it is refused."""
        said = read(command)
        kind = BY_STRUCT[type(said)]
        on = kind.happened_on(said)
        at = self._recorded_at(said, on)
        by = By(shanghai_date(at), said.role == "supervisor", said.bureau, said.role == "bureau")
        told = self._told(kind, said)
        if kind.takes_in:
            self._keep_births(said, on if kind.name == "record_birth" else by.today)
        arguments = kind.arguments(said, on)
        if kind.asks_birth:
            arguments["born_on"] = self.born.get(arguments["person_id"], date.min)
        kind.method(*(file.household for file in told), by, **arguments)
        self._keep_corrected(said)
        self._keep_instants(told, at)

    def _told(self, kind: Command, said: Any) -> list[File]:
        """The files that a command writes to: one or two, which are there, but for those that it begins."""
        told = [self.file(said.household)]
        if not told[0].household.version and kind.name != "register_household":
            raise NotFound
        if kind.other is not None:
            told.append(self.file(getattr(said, kind.other)))
            is_there = told[1].household.version > 0
            refuse_if(is_there and kind.name == "split_household", "household-exists")
            if not is_there and kind.name != "split_household":
                raise NotFound
        return told

    def _keep_instants(self, told: list[File], at: datetime) -> None:
        for file in told:
            new = len(file.household.pending) - len(file.instants)
            file.instants += [at] * new
            self.last = at if new else self.last

    def _recorded_at(self, said: Any, on: date) -> datetime:
        """The log's instants never go back: one before that of the last event is the same."""
        try:
            at = end_of_day(on) if said.recorded_at is None else instant(said.recorded_at)
        except ValueError:
            raise Invalid("malformed-instant") from None
        if at.year not in YEARS:
            raise Invalid("malformed-instant")
        return max(at, self.last) if self.last else at

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
