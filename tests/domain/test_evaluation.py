"""What a unit's year is digested to can be taken by anybody, with any program."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from uuid import UUID

import pytest

from casework.domain.evaluation import AgencyCounts, ProviderCounts, SchoolCounts, UnitYear, Year, totals_digest

FIRST, SECOND = UUID(int=1), UUID(int=2)
COUNTS = (1, 0, 2)


def test_the_digest_is_taken_over_lines_of_json_in_the_order_of_ids():
    district = UnitYear((COUNTS, COUNTS))
    every = UnitYear(
        (COUNTS,), AgencyCounts(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), ProviderCounts(1), SchoolCounts(1, 2, 3, 4)
    )
    lines = (
        b'["00000000-0000-0000-0000-000000000001",[[1,0,2],[1,0,2]],null,null,null]\n'
        b'["00000000-0000-0000-0000-000000000002",[[1,0,2]],[1,2,3,4,5,6,7,8,9,10],[1,0,0,0,0,0,0,0],[1,2,3,4]]\n'
    )

    digest = totals_digest({SECOND: every, FIRST: district})

    assert digest == sha256(lines).digest()
    assert digest != totals_digest({FIRST: every, SECOND: district})


@pytest.mark.parametrize(
    ("day", "inside"),
    [(date(2012, 9, 30), False), (date(2012, 10, 1), True), (date(2013, 9, 30), True), (date(2013, 10, 1), False)],
)
def test_an_evaluation_year_begins_on_1_october(day: date, inside: bool):
    assert Year.of(2013).includes(day) == inside
    assert not Year.of(2013).includes(None)


def test_a_year_may_end_on_another_day():
    assert Year.ending(date(2013, 4, 3)) == (date(2012, 4, 4), date(2013, 4, 3))
