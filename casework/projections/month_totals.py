"""What the households of one partition add up to over an evaluation year, as it is stored and added to others'.

Month ends are kept as changes: a household whose counts stay as they are costs nothing after the first. The number at
``month * WIDTH + place`` of a unit is by how much its tally's ``place`` differs at that month end from the one before.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import count
from operator import add
from typing import Any
from uuid import UUID

import msgspec

from casework.domain.contributions import Contributions
from casework.domain.household_year import HouseholdYear
from casework.domain.metrics import NOTHING, WIDTH, Counts
from casework.domain.month_counting import NOWHERE
from casework.domain.year_places import Trained

MONTHS = 12
NO_MONTHS: tuple[Counts, ...] = (NOTHING,) * MONTHS


class Stored(msgspec.Struct, array_like=True):
    """The form in which totals are stored, in the order of ids: units, episodes and persons as their 16 bytes.

    ``faulted`` are pairs of a unit and an episode, ``trained`` a provider, a person and the bits of
    :data:`casework.domain.year_places.BITS`.
    """

    months: list[tuple[bytes, dict[int, int]]]
    agencies: list[tuple[bytes, list[int]]]
    faulted: list[tuple[bytes, bytes]]
    trained: list[tuple[bytes, bytes, int]]
    schools: list[tuple[bytes, list[int]]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Stored).decode


class Totals:
    """Of a partition, by unit: the month ends as changes, and what is counted by events."""

    def __init__(self) -> None:
        self.changes: dict[UUID, dict[int, int]] = {}
        self.agencies: dict[UUID, list[int]] = {}
        self.faulted: set[tuple[UUID, UUID]] = set()
        self.trained: Trained = {}
        self.schools: dict[UUID, list[int]] = {}

    def add(self, household: HouseholdYear) -> None:
        """Add a household."""
        self.add_months(household.months)
        add_all(self.agencies, household.decided.counts.items())
        self.faulted |= household.decided.faulted
        join(self.trained, household.trained)
        add_all(self.schools, household.schools.items())

    def add_months(self, by_month: Sequence[Contributions]) -> None:
        """Add what a household contributes at each month end that is over; it adds nothing at the others."""
        before = NOWHERE
        for month in range(MONTHS):
            now = by_month[month] if month < len(by_month) else NOWHERE
            if now is not before:
                self._add_difference(month * WIDTH, before, now)
                before = now

    def _add_difference(self, first: int, before: Contributions, now: Contributions) -> None:
        for unit, counts in now.items():
            was = before.get(unit, NOTHING)
            if counts is not was:
                changes = self.changes.setdefault(unit, {})
                for place, old, new in zip(count(first), was, counts, strict=False):
                    if old != new:
                        changes[place] = changes.get(place, 0) + new - old
        for unit in before.keys() - now.keys():
            changes = self.changes.setdefault(unit, {})
            for place, old in zip(count(first), before[unit], strict=False):
                if old:
                    changes[place] = changes.get(place, 0) - old

    def encoded(self) -> bytes:
        """Return the bytes that are stored, the same for the same households in any order."""
        return _encode(
            Stored(
                [(unit.bytes, _told(changes)) for unit, changes in sorted(self.changes.items(), key=_unit)],
                [(unit.bytes, counts) for unit, counts in sorted(self.agencies.items())],
                [(unit.bytes, episode.bytes) for unit, episode in sorted(self.faulted)],
                [(unit.bytes, person.bytes, bits) for (unit, person), bits in sorted(self.trained.items())],
                [(unit.bytes, counts) for unit, counts in sorted(self.schools.items())],
            )
        )


class Sums:
    """What the totals of all partitions come to, in memory for each unit, however many live in it."""

    def __init__(self) -> None:
        self.changes: dict[UUID, array[int]] = {}
        self._changes: dict[bytes, array[int]] = {}  # the same by the bytes of the unit, as totals name it
        self.agencies: dict[UUID, list[int]] = {}
        self.faulted: set[tuple[UUID, UUID]] = set()
        self.trained: Trained = {}
        self.schools: dict[UUID, list[int]] = {}

    def add(self, totals: bytes) -> None:
        """Add the stored totals of a partition."""
        stored = _decode(totals)
        for unit, more in stored.months:
            changes = self._changes.get(unit)
            if changes is None:
                changes = self._changes[unit] = self.changes[UUID(bytes=unit)] = array("q", _NO_CHANGE)
            for place, number in more.items():
                changes[place] += number
        add_all(self.agencies, _named(stored.agencies))
        add_all(self.schools, _named(stored.schools))
        self.faulted.update((UUID(bytes=unit), UUID(bytes=episode)) for unit, episode in stored.faulted)
        join(self.trained, {(UUID(bytes=unit), UUID(bytes=person)): bits for unit, person, bits in stored.trained})

    def months_of(self, unit: UUID) -> tuple[Counts, ...]:
        """Return what was added to the unit itself at each month end."""
        changes, current, found = self.changes[unit], NOTHING, list[Counts]()
        for first in range(0, MONTHS * WIDTH, WIDTH):
            current = tuple(map(add, current, changes[first : first + WIDTH]))
            found.append(current)
        return tuple(found)


_NO_CHANGE = bytes(8 * MONTHS * WIDTH)


def _told(changes: dict[int, int]) -> dict[int, int]:
    return {place: changes[place] for place in sorted(changes) if changes[place]}


def _unit(item: tuple[UUID, Any]) -> UUID:
    return item[0]


def _named(stored: Iterable[tuple[bytes, list[int]]]) -> list[tuple[UUID, list[int]]]:
    return [(UUID(bytes=unit), counts) for unit, counts in stored]


def add_all(totals: dict[UUID, list[int]], more: Iterable[tuple[UUID, list[int]]]) -> None:
    """Add numbers by unit."""
    for unit, counts in more:
        before = totals.get(unit)
        totals[unit] = counts if before is None else [a + b for a, b in zip(before, counts, strict=True)]


def join(trained: Trained, more: Trained) -> None:
    """The same person counts once for a provider, with all that they were to it."""
    for key, bits in more.items():
        trained[key] = trained.get(key, 0) | bits
