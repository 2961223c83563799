"""A long file in which every row is wrong, each in its own way: row errors, and nothing written (FAULTS 19)."""

from __future__ import annotations

import csv
import io
from itertools import cycle, islice
from uuid import uuid4

import pytest

from casework.application import Casework
from casework.bulk.columns import KINDS, columns
from casework.errors import problems
from casework.log import reading
from tests.api.conftest import id_number
from tests.bulk.conftest import Clerk
from tests.faults.amounts import amount
from tests.given import COMMUNITY, person, registered

ROWS = amount(short=1000, long=100_000)
NUMBER = id_number("19800302", "201")
GOOD = {
    "community": COMMUNITY,
    "arrived_on": "2013-01-05",
    "joined_on": "2013-01-05",
    "from": "2013-01-05",
    "occurred_on": "2013-03-01",
    "paid_through": "2013-03",
    "born_on": "1980-03-02",
    "name": "某人",
    "sex": "male",
    "migrant": "true",
    "relation": "child",
    "kind": "employee",
    "service": "SSI-PEN",
    "scheme": "resident",
}
WRONG = [
    "\x00",
    "=1+1",
    "9" * 3000,
    "-1",
    "1e999",
    "2099-01-01",
    "0000-00-00",
    "NaN",
    "'; DROP TABLE events; --",
    "410105198003020998",
    "13800138000",
    "🀄" * 50,
    "\u202e",
    "{}",
    "null",
]


def wrong_rows(kind: str) -> list[dict[str, str]]:
    """Rows with one wrong cell each: every column, everything that it cannot hold."""
    named = [column for column in columns(kind) if column.name not in ("name", "address", "phone", "remark")]
    whose = {"household_id_number": NUMBER} if kind == "members" else {"id_number": NUMBER}
    base = {column.name: GOOD.get(column.name, "") for column in columns(kind)} | (
        {} if kind == "households" else whose
    )
    rows = [{**base, column.name: wrong} for column in named for wrong in WRONG]
    rows += [{**base, column.name: ""} for column in named if column.required]
    rows += [{**base, "household_id": str(uuid4()), **dict.fromkeys(whose, "")} for _ in range(3)]
    return rows


@pytest.fixture(scope="module", autouse=True)
def man(casework: Casework) -> None:
    """The man whom the rows are about."""
    registered(casework, person(id_number=NUMBER))


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_wrong_rows_is_answered_row_by_row(casework: Casework, clerk: Clerk, kind: str):
    table = io.StringIO()
    writer = csv.DictWriter(table, [column.name for column in columns(kind)], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(islice(cycle(wrong_rows(kind)), ROWS))
    id = clerk.uploads(kind, table.getvalue())
    before = heads(casework)

    tried = clerk.runs(id, "validated")
    unmoved = heads(casework)
    given = clerk.runs(id, "committed")

    assert unmoved == before
    assert given == tried
    assert len(given) == ROWS
    assert {verdict.code for verdict in given.values() if verdict.code} <= set(problems()) - {"internal"}
    done = sum(verdict.status == "done" for verdict in given.values())
    assert done < ROWS / 10
    assert sum(heads(casework).values()) - sum(before.values()) <= 2 * done


def heads(casework: Casework) -> dict[int, int]:
    """How far each partition is."""
    with casework.pool.connection() as db:
        return reading.heads(db)
