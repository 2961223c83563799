"""Splits and merges on a real log: both streams or none, whatever else happens at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from casework.application import Casework
from casework.domain.ids import uuid7
from casework.domain.registry import unit_id
from casework.errors import CaseworkError, ClaimTaken, Invalid, NotFound, Refused
from casework.log.codec import Metadata
from casework.privacy.id_number import synthetic_id_number
from tests.given import OTHER_COMMUNITY, by, casework_on, person, registered

MAY = date(2013, 5, 1)


@pytest.fixture
def casework(database_url: str, tmp_path: Path) -> Iterator[Casework]:
    yield from casework_on(database_url, tmp_path / "keys")


def couple(casework: Casework, **more: Any) -> tuple[UUID, UUID, UUID]:
    """A household of two, its head and the other, who may have more particulars."""
    outcome = registered(casework, person(), person("李四", "1982-05-05", "female", "spouse", **more))
    head, spouse = outcome.events[0]["person_ids"]
    return outcome.id, head, spouse


def split(casework: Casework, household: UUID, spouse: UUID, **more: Any) -> UUID:
    outcome = casework.split_household(
        household, by(), split_on=date(2013, 4, 1), members={spouse: "head"}, head=spouse, **more
    )
    new: UUID = outcome.events[0]["new_household"]
    return new


def merge(casework: Casework, target: UUID, source: UUID) -> None:
    casework.merge_households(target, by(), merged_on=MAY, from_household=source)


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Do things at once; say of each whether it was refused, and by which rule."""

    def done(act: Callable[[], object]) -> str:
        try:
            act()
        except CaseworkError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(done, acts))


def test_claims_go_along_with_who_splits_off_and_with_who_is_merged(casework: Casework):
    number = synthetic_id_number(date(1982, 5, 5), "female", 1)
    household, _, spouse = couple(casework, id_number=number)
    twin = person("李四", "1982-05-05", "female", "head", id_number=number)

    def holder() -> UUID:
        with pytest.raises(ClaimTaken) as taken:
            registered(casework, twin)
        held_by: UUID = taken.value.values["held_by"]
        return held_by

    new = split(casework, household, spouse)
    assert holder() == new
    merge(casework, household, new)
    assert holder() == household
    casework.unmerge_households(household, by(), unmerged_on=date(2013, 6, 1), to_household=new)
    assert holder() == new
    casework.close_household(new, by(), closed_on=date(2013, 7, 1), reason="left_city")
    casework.reopen_household(new, by(), reopened_on=date(2013, 8, 1))
    assert holder() == new


def test_a_household_is_merged_into_one_of_two_at_once(casework: Casework):
    source, one, other = (registered(casework).id for _ in range(3))

    told = at_once(lambda: merge(casework, one, source), lambda: merge(casework, other, source))

    assert sorted(told) == ["done", "household-merged-away"]
    into = casework.household(source).merged_into
    assert len(casework.household(one).members) + len(casework.household(other).members) == 3
    assert into in (one, other)


def test_two_households_are_not_merged_into_each_other(casework: Casework):
    one, other = registered(casework).id, registered(casework).id

    told = at_once(lambda: merge(casework, one, other), lambda: merge(casework, other, one))

    assert sorted(told) == ["done", "household-merged-away"]


def test_what_is_told_while_a_household_is_merged_is_told_before_or_refused(casework: Casework):
    source, target = registered(casework).id, registered(casework).id

    def deliver(number: int) -> object:
        day = date(2013, 3, 1) + timedelta(number)
        return casework.give(source, "record_delivery", by(), service="COM-HALL", delivered_on=day)

    told = at_once(
        *(lambda number=number: deliver(number) for number in range(6)),
        lambda: merge(casework, target, source),
    )

    assert set(told) <= {"done", "household-merged-away", "version-conflict"}
    if casework.household(source).merged_into is not None:
        assert len(casework.household(target).episodes) == len(casework.household(source).episodes)


def test_a_member_is_not_split_off_twice_at_once(casework: Casework):
    household, _, spouse = couple(casework)

    told = at_once(*[lambda: split(casework, household, spouse)] * 2)

    assert sorted(told) == ["done", "person-not-a-member"]


def test_fifty_at_once_with_one_key_make_one_household(casework: Casework):
    household, _, spouse = couple(casework)

    def ask(_: int) -> object:
        return casework.split_household(
            household,
            by(key="apart", body=b"1"),
            split_on=date(2013, 4, 1),
            members={spouse: "head"},
            head=spouse,
            remark="分居",
        )

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(50)))

    assert all(answer == answers[0] for answer in answers)
    assert casework.household(household).version == 2


def test_both_streams_of_a_split_share_a_correlation_and_only_what_was_carried_is_restricted(casework: Casework):
    household, _, spouse = couple(casework)
    command = by(key="apart", body=b"1")

    outcome = casework.split_household(
        household, command, split_on=date(2013, 4, 1), members={spouse: "head"}, head=spouse
    )

    new = outcome.events[0]["new_household"]
    with casework.pool.connection() as db:
        rows = db.execute(
            "SELECT stream_id, meta FROM casework.events WHERE type = 'household.split.v1' OR stream_id = %s", (new,)
        ).fetchall()
    metas = {stream_id: Metadata.decode(bytes(meta)) for stream_id, meta in rows}
    assert {meta.correlation_id for meta in metas.values()} == {command.command_id}
    assert (metas[household].restricted, metas[new].restricted) == (False, True)


def test_a_household_that_is_not_there_or_is_another_stream_is_not_merged(casework: Casework):
    target = registered(casework).id

    for source in (uuid7(), unit_id("410105")):
        with pytest.raises(NotFound):
            merge(casework, target, source)
    with pytest.raises(Refused, match="itself"):
        merge(casework, target, target)


def test_who_splits_off_outside_the_divisions_is_not_there_for_them_any_more(casework: Casework):
    household, _, spouse = couple(casework)
    new = split(casework, household, spouse, community=OTHER_COMMUNITY)

    with pytest.raises(NotFound):
        casework.merge_households(household, by(divisions=frozenset({"410105"})), merged_on=MAY, from_household=new)
    assert casework.household(new).merged_into is None


def test_more_than_an_event_can_hold_is_not_merged_and_nothing_is_written(casework: Casework):
    source, target = registered(casework).id, registered(casework).id
    somebody = next(iter(casework.household(source).people))
    for number in range(280):
        day = date(2013, 1, 6) + timedelta(number)
        casework.give(source, "record_delivery", by(), service="CUL-FIT", delivered_on=day, person_id=somebody)

    with pytest.raises(Invalid) as refused:
        casework.merge_households(target, by(), merged_on=date(2013, 10, 19), from_household=source)

    assert refused.value.code == "event-too-large"
    assert (casework.household(target).version, casework.household(source).merged_into) == (1, None)
