"""Households that a process keeps: a shortcut, and never more than that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from casework.application import Casework
from casework.command import Decided
from casework.domain.household import Household
from casework.domain.ids import uuid7
from casework.domain.residence import By
from casework.errors import Refused
from casework.kept import KeptHouseholds, Loaded
from tests.given import by, casework_on, registered

VISIT = {"verified_on": date(2013, 9, 1), "outcome": "present"}


@pytest.fixture
def casework(database_url: str, tmp_path: Path) -> Iterator[Casework]:
    yield from casework_on(database_url, tmp_path / "keys")


def household(version: int) -> Loaded:
    one = Household(uuid7())
    one.version = version
    return Loaded(one, b"")


def test_a_household_is_lent_to_one_command_at_a_time_and_only_as_it_was_seen():
    kept, one = KeptHouseholds(), household(3)
    kept.keep(one, None)

    first, second = kept.take(one.household.id, 3), kept.take(one.household.id, 3)

    assert first is not None
    assert (first.household, first.was_kept, second) == (one.household, True, None)


@pytest.mark.parametrize("version", [None, 2, 4])
def test_another_version_is_not_lent(version: int | None):
    kept, one = KeptHouseholds(), household(3)
    kept.keep(one, None)

    assert kept.take(one.household.id, version) is None


def test_the_longest_unused_makes_room():
    kept, many = KeptHouseholds(most=2), [household(1) for _ in range(3)]

    for one in many:
        kept.keep(one, None)

    assert [kept.take(one.household.id, 1) is not None for one in many] == [False, True, True]


def test_a_kept_household_knows_its_commands():
    kept, one, command = KeptHouseholds(), household(1), uuid7()
    kept.keep(one, command)

    again = kept.take(one.household.id, 1)

    assert again is not None
    assert again.may_hold(command)
    assert not again.may_hold(uuid7())


def test_a_command_on_a_kept_household_ends_as_on_one_that_is_read(casework: Casework):
    household_id = registered(casework).id
    casework.give(household_id, "verify_residence", by(expected_version=1), **VISIT)

    answer = casework.give(
        household_id, "record_delivery", by(expected_version=2), service="COM-HALL", delivered_on=date(2013, 9, 2)
    )

    assert answer.version == casework.household(household_id).version == 3
    assert len(casework.household(household_id).episodes) == 1


def test_a_refusal_is_by_what_the_log_says_and_not_by_what_was_kept(casework: Casework):
    household_id = registered(casework).id
    need = casework.give(
        household_id,
        "record_need",
        by(expected_version=1),
        need="HOUSING",
        result="present",
        assessed_on=date(2013, 9, 1),
    ).events[0]["need_id"]
    clear_elsewhere(casework, household_id, need)

    again = casework.give(
        household_id,
        "record_need",
        by(expected_version=2),
        need="HOUSING",
        result="present",
        assessed_on=date(2013, 9, 3),
    )

    assert (again.changed, again.version) == (True, 4)


def test_a_kept_household_still_refuses_what_is_refused(casework: Casework):
    household_id = registered(casework).id
    casework.give(household_id, "verify_residence", by(expected_version=1), **VISIT)

    with pytest.raises(Refused):
        casework.close_household(household_id, by(expected_version=2), closed_on=date(2031, 1, 1), reason="dissolved")
    assert casework.household(household_id).closed_on is None


def test_a_household_that_others_keep_again_and_again_is_read_once_and_then_decided_on(casework: Casework):
    household_id = registered(casework).id
    casework.give(household_id, "verify_residence", by(expected_version=1), **VISIT)
    decided = 0

    def decide(household: Household, by_whom: By) -> Decided:
        nonlocal decided
        decided += 1
        change_nothing(casework, household_id)
        raise Refused("household-closed")

    with pytest.raises(Refused):
        casework._change(household_id, by(expected_version=2), decide)
    assert decided == 2


def change_nothing(casework: Casework, household_id: UUID) -> None:
    """As another caller would, whose command has nothing to do: it leaves the household as it read it, and kept."""
    head = casework.household(household_id).head
    assert head is not None
    again = casework.change_head(household_id, by(expected_version=2), person_id=head, changed_on=date(2013, 9, 2))
    assert not again.changed


def clear_elsewhere(casework: Casework, household_id: UUID, need: UUID) -> None:
    """As another process would, which knows nothing of what this one keeps."""
    another = Casework(casework.pool, casework.persons, now=casework.now)
    another.give(household_id, "clear_need", by("service"), need_id=need, cleared_on=date(2013, 9, 2), reason="met")
    another.close()
