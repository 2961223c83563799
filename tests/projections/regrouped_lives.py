"""Random lives of two households that are merged and go apart again, beside the lives that they have without it."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any
from uuid import UUID

from casework.domain import two_households
from casework.domain.household import Household
from casework.domain.ids import uuid7
from casework.domain.residence import By
from casework.errors import CaseworkError
from tests.projections.lives import STEPS, UNTIL, WEIGHTS, Life

RECORDS = {"episode_id": "episodes", "need_id": "needs", "employment_id": "employments"}


def accepts(household: Household, command: str, today: Any, fields: dict[str, Any]) -> bool:
    """Give a command; say whether the rules allowed it."""
    try:
        getattr(household, command)(By(today), **fields)
    except CaseworkError:
        return False
    return True


BY_VERSION = {"void_entry", "correct_service"}
"""They name an event by its version, which is another one in the stream of a household that was never merged."""


class OpenLife(Life):
    """A life in which the file stays open and somebody stays."""

    def give(self, command: str, **fields: Any) -> bool:
        if command == "close_household" or (command == "record_death" and len(self.household.members) < 2):
            return False
        return super().give(command, **fields)

    def begin(self, steps: int) -> None:
        """Register, then so many steps."""
        self.register()
        self.go(steps)

    def go(self, steps: int) -> None:
        """So many steps."""
        for _ in range(steps):
            self.today = min(UNTIL, self.today + timedelta(self.random.randrange(20)))
            self.random.choices(STEPS, WEIGHTS)[0](self)


class Pair:
    """Two households, and what each would be had they never been one."""

    def __init__(self, seed: int, ids: tuple[UUID, UUID] | None = None) -> None:
        source_id, target_id = ids or (uuid7(), uuid7())
        self.source, self.target = OpenLife(source_id, seed), OpenLife(target_id, seed + 1)
        for life in (self.source, self.target):
            life.begin(15)
        today = max(self.source.today, self.target.today)
        self.source.today = self.target.today = today
        self.alone = deepcopy(self.source.household), deepcopy(self.target.household)

    @property
    def households(self) -> tuple[Household, Household]:
        """As they are, the one that is merged into the other first."""
        return self.source.household, self.target.household

    def merge(self) -> None:
        """The first becomes part of the second."""
        source, target = self.households
        two_households.merge(target, source, By(self.target.today), merged_on=self.target.today)

    def go_on_as_one(self, steps: int) -> None:
        """So many steps of the merged household; each is told to the one alone whose it is, too."""
        both = Together(self.target, *self.alone)
        both.go(steps)
        self.source.today = self.target.today = both.today

    def unmerge(self) -> None:
        """They go apart again."""
        source, target = self.households
        two_households.unmerge(target, source, By(self.target.today), unmerged_on=self.target.today)

    def go_on_apart(self, steps: int) -> None:
        """So many steps of each, which are allowed to it as they are to the one that was never merged."""
        for life, alone in zip((self.source, self.target), self.alone, strict=True):
            Beside(life, alone).go(steps)


class Together(OpenLife):
    """The life of a merged household, in which nothing happens that could not have happened without the merge."""

    def __init__(self, life: Life, source: Household, target: Household) -> None:
        super().__init__(life.household.id, 0)
        self.random, self.household, self.today = life.random, life.household, life.today
        self.alone = source, target

    def give(self, command: str, **fields: Any) -> bool:
        owner = self._owner(fields)
        if command in BY_VERSION:
            return False
        if command == "record_death" and len(owner.members) < 2:
            return False
        if not accepts(deepcopy(owner), command, self.today, fields) or not super().give(command, **fields):
            return False
        return accepts(owner, command, self.today, fields)

    def _owner(self, fields: dict[str, Any]) -> Household:
        source, target = self.alone
        known = fields.get("person_id") in source.people or any(
            fields.get(name) in getattr(source, records) for name, records in RECORDS.items()
        )
        return source if known else target


class Beside(OpenLife):
    """The life of a household that was merged for a while, and of its like that never was."""

    def __init__(self, life: Life, alone: Household) -> None:
        super().__init__(life.household.id, 0)
        self.random, self.household, self.today = life.random, life.household, life.today
        self.alone = alone

    def give(self, command: str, **fields: Any) -> bool:
        if command in BY_VERSION:
            return False
        done = super().give(command, **fields)
        if command != "close_household" and (command != "record_death" or len(self.alone.members) > 1 or done):
            assert accepts(self.alone, command, self.today, fields) == done, command
        return done
