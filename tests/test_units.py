"""Units rearranged on a real log: several streams in one append, and others who are faster."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from casework.application import Casework
from casework.domain.rearranging import NewPart
from casework.domain.registry import unit_id
from casework.errors import VersionConflict
from tests.given import by, casework_on

BEGUN, MAY = date(2012, 6, 1), date(2013, 5, 1)


@pytest.fixture
def casework(database_url: str, tmp_path: Path) -> Iterator[Casework]:
    yield from casework_on(database_url, tmp_path / "keys")


def given_units(casework: Casework, kind: str, parent: str, *codes: str) -> None:
    above: dict[str, Any] = {"kind": kind, "name_zh": "甲", "parent": unit_id(parent), "registered_on": BEGUN}
    for code in codes:
        casework.register_unit(by("operator"), code=code, **above)


def test_two_units_that_are_merged_into_one_at_once_are_both_in_it(casework: Casework):
    given_units(casework, "district", "4101", "east", "west", "both")
    given_units(casework, "township", "east", "e1")
    given_units(casework, "township", "west", "w1")

    def merge(code: str) -> bool:
        return casework.merge_unit(unit_id(code), by("operator"), merged_on=MAY, into=unit_id("both")).changed

    with ThreadPoolExecutor(2) as pool:
        changed = list(pool.map(merge, ("east", "west")))

    registry = casework.registry()
    assert changed == [True, True]
    assert set(registry.units[unit_id("both")].took_in) == {unit_id("east"), unit_id("west")}
    assert set(registry.below(unit_id("both"), MAY)) == {unit_id("e1"), unit_id("w1")}


def test_a_split_is_one_append_whose_last_position_is_told_again(casework: Casework):
    given_units(casework, "district", "4101", "old")
    given_units(casework, "township", "old", "t1", "t2")
    parts = [NewPart("new-1", {"name_zh": "一"}, [unit_id("t1")]), NewPart("new-2", {"name_zh": "二"}, takes_rest=True)]
    head = casework.registry().position

    first, again = (
        casework.split_unit(unit_id("old"), by("operator", key="once"), split_on=MAY, parts=parts, closes=True)
        for _ in range(2)
    )

    assert first.position == again.position == f"64:{head + 5}" == f"64:{casework.registry().position}"
    with casework.pool.connection() as db:
        moments = db.execute("SELECT count(DISTINCT recorded_at) FROM casework.events WHERE position > %s", (head,))
        assert moments.fetchone() == (1,)


def test_who_saw_an_older_version_does_not_overwrite_where_a_unit_stands(casework: Casework):
    given_units(casework, "district", "4101", "east", "west", "north")
    given_units(casework, "township", "east", "t1")
    casework.change_unit_place(unit_id("t1"), by("operator"), changed_on=MAY, parent=unit_id("west"))

    with pytest.raises(VersionConflict):
        casework.change_unit_place(
            unit_id("t1"), by("operator", expected_version=1), changed_on=MAY, parent=unit_id("north")
        )
    seen = casework.change_unit_place(
        unit_id("t1"), by("operator", expected_version=2), changed_on=MAY, parent=unit_id("north")
    )

    assert seen.changed


def test_a_split_is_taken_back_in_one_append_that_is_told_again(casework: Casework):
    given_units(casework, "district", "4101", "old")
    given_units(casework, "township", "old", "t1", "t2")
    parts = [NewPart("new-1", {"name_zh": "一"}, [unit_id("t1"), unit_id("t2")])]
    casework.split_unit(unit_id("old"), by("operator"), split_on=MAY, parts=parts, closes=True)
    head = casework.registry().position

    first, again = (
        casework.void_unit_entry(unit_id("old"), by("operator", key="back"), voids=2, reason="entry_error")
        for _ in range(2)
    )

    registry = casework.registry()
    assert registry.position == head + 4
    assert (first.position, again.position) == (f"64:{head + 4}", f"64:{head + 4}")
    assert set(registry.below(unit_id("old"), MAY)) == {unit_id("t1"), unit_id("t2")}
    assert registry.units[unit_id("new-1")].is_void


def test_what_somebody_else_took_back_in_this_very_moment_is_taken_back(casework: Casework):
    given_units(casework, "district", "4101", "old")
    given_units(casework, "township", "old", "t1")
    parts = [NewPart("new-1", {"name_zh": "一"}, [unit_id("t1")])]
    casework.split_unit(unit_id("old"), by("operator"), split_on=MAY, parts=parts)
    today, outcomes = casework.now, []

    def take_back() -> None:
        outcomes.append(casework.void_unit_entry(unit_id("old"), by("operator"), voids=2, reason="entry_error").changed)

    def now() -> datetime:  # is asked once the unit was read, and before all others are
        casework.now = today
        take_back()
        return today()

    casework.now = now
    take_back()

    assert outcomes == [True, False]
