"""What the vault tells of two records of a person that were made one, and of the one that stays once that is voided."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from casework.application import Casework
from casework.domain.state import MemberFacts
from tests.api.conftest import id_number
from tests.given import by, casework_on, person, registered

NUMBER = id_number("19820402", "601")
JOINED, LEFT = date(2013, 3, 1), date(2013, 9, 1)


@pytest.fixture
def casework(database_url: str, tmp_path: Path) -> Iterator[Casework]:
    yield from casework_on(database_url, tmp_path / "keys")


class Home(NamedTuple):
    """A household of three, of whom two are one person, made one at ``version``."""

    id: UUID
    kept: UUID
    doubled: UUID
    version: int


def twice(casework: Casework, kept: dict[str, Any], doubled: dict[str, Any], *steps: dict[str, Any]) -> Home:
    """Register the two records, tell the one that stays some steps' profiles, and make them one."""
    stays = person("李四", "1982-04-02", "female", "spouse", **kept)
    again = person("李四", "1982-04-02", "female", "other_relative", **doubled)
    home = registered(casework, person(), stays).id
    casework.add_member(home, by(), joined_on=JOINED, member=again[0], profile=again[1])
    ids = stays[0].person_id, again[0].person_id
    for profile in steps:
        tell(casework, home, ids[0], **profile)
    made_one = casework.remove_member(
        home, by(), person_id=ids[1], left_on=LEFT, reason="registered_twice", same_as=ids[0]
    )
    return Home(home, *ids, made_one.version)


def tell(casework: Casework, home: UUID, person_id: UUID, **profile: Any) -> None:
    casework.record_member_facts(
        home, by(), person_id=person_id, recorded_on=casework.today, facts=MemberFacts(), profile=profile
    )


def void(casework: Casework, home: Home) -> None:
    casework.void_entry(home.id, by(), voids=home.version, voided_on=casework.today, reason="wrong_person")


def told(casework: Casework, person_id: UUID, name: str) -> list[Any]:
    """A detail of somebody, as each profile that is kept tells it."""
    with casework.pool.connection() as db:
        rows = casework.persons.vault.revisions(db, person_id)
    return [row.fields.get(name) for row in rows if row.kind == "person"]


def test_earlier_profiles_of_the_one_that_stays_are_kept_where_neither_had_a_detail(casework: Casework):
    home = twice(casework, {"address": "伏牛路1号"}, {"phone": "13800000078"}, {"address": "秦岭路9号"})

    void(casework, home)

    assert told(casework, home.kept, "address") == ["伏牛路1号", "秦岭路9号", "秦岭路9号"]
    assert told(casework, home.kept, "phone") == [None, None, None]


def test_what_the_doubled_record_told_goes_from_earlier_profiles_also_where_it_was_told_anew_since(casework: Casework):
    home = twice(casework, {"id_number": NUMBER, "address": "伏牛路1号"}, {"phone": "13800000078"})
    tell(casework, home.id, home.kept, phone="13800000079")

    void(casework, home)

    assert told(casework, home.kept, "phone") == [None, "13800000079", "13800000079"]


def test_who_has_left_since_is_claimed_by_nobody_once_the_departure_of_the_doubled_one_is_voided(casework: Casework):
    home = twice(casework, {}, {"phone": "13800000078"})
    casework.remove_member(home.id, by(), person_id=home.kept, left_on=casework.today, reason="left_city")

    void(casework, home)

    assert told(casework, home.kept, "phone") == [None, None]
    with casework.pool.connection() as db:
        assert casework.persons.holders(db, [home.kept, home.doubled]) == {home.doubled: home.id}
