"""People who are in two files are found, and people who only resemble one another are not.

``people.csv`` holds people made up from the names and ID numbers of the synthetic population, in families that share
phones and addresses, some with twins; ``person`` says who is whom. 520 of them come twice, the second time as offices
write: a name by its sound or with another character, dates with a digit off, ID numbers left out or told later, other
phones and addresses.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from itertools import combinations
from pathlib import Path
from uuid import UUID

import pytest

from casework.domain.ids import uuid7
from casework.errors import NotFound
from casework.privacy.duplicates import Duplicates
from casework.privacy.keys import KeyRing
from casework.privacy.matching import compare
from casework.privacy.persons import Persons, Profile
from casework.privacy.search import KeyedHashes
from casework.privacy.vault import Vault
from tests.privacy.conftest import Append, Database

TODAY = date(2013, 10, 1)
WANG = Profile(name="王小明", born_on=date(1985, 3, 17), phone="22345678901", address="金水路1号")


@pytest.fixture(scope="module")
def persons(keys: KeyRing) -> Persons:
    return Persons(Vault(keys), KeyedHashes(keys), synthetic=True)


@pytest.fixture
def duplicates(persons: Persons) -> Duplicates:
    return Duplicates(persons)


def labelled() -> Iterator[tuple[str, Profile]]:
    """Whose profile is whose."""
    with Path(__file__).with_name("people.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            person, born_on = row.pop("person"), date.fromisoformat(row.pop("born_on"))
            yield person, Profile(born_on=born_on, **{name: value or None for name, value in row.items()})


def enter(append: Append, persons: Persons, profile: Profile, person_id: UUID | None = None) -> UUID:
    """Let somebody's profile be in the vault."""
    person_id = person_id or uuid7()
    entry = persons.enter(person_id, profile, today=TODAY)
    append([entry.row], entry.search_keys)
    return person_id


def pairs(found: Duplicates, db: Database) -> set[frozenset[UUID]]:
    """All pairs that wait."""
    return {frozenset((each.one, each.other)) for each in found.waiting(db, limit=10_000)}


def test_the_pass_over_all_finds_nearly_all_and_hardly_any_other(
    db: Database, append: Append, persons: Persons, duplicates: Duplicates
):
    people = list(labelled())
    entries = [(person, persons.enter(uuid7(), profile, today=TODAY)) for person, profile in people]
    for start in range(0, len(entries), 100):
        chunk = [entry for _, entry in entries[start : start + 100]]
        append([entry.row for entry in chunk], [key for entry in chunk for key in entry.search_keys])
    homes: dict[str, list[UUID]] = {}
    for person, entry in entries:
        homes.setdefault(person, []).append(entry.row.subject_id)
    same = {frozenset(pair) for ids in homes.values() for pair in combinations(ids, 2)}

    queued = sum(duplicates.look_at_all(db))
    found = pairs(duplicates, db)

    assert len(same) == 520
    assert queued >= len(found)
    assert len(found & same) / len(found) >= 0.98
    assert len(found & same) / len(same) >= 0.95


def test_whoever_is_entered_is_compared_with_those_who_are_there(
    db: Database, append: Append, persons: Persons, duplicates: Duplicates
):
    there = enter(append, persons, WANG)
    enter(append, persons, Profile(name="李建国", born_on=date(1961, 1, 2), phone=WANG.phone))
    new = uuid7()

    found = duplicates.note(db, new, Profile(name="王晓明", born_on=WANG.born_on, phone="223 4567 8901"))

    assert found == [there]
    [waiting] = duplicates.waiting(db)
    assert {waiting.one, waiting.other} == {there, new}
    assert set(waiting.reasons) == {"name-sounds-same", "born-same", "phone-same"}


def test_what_a_reviewer_decided_is_never_asked_again(
    db: Database, append: Append, persons: Persons, duplicates: Duplicates
):
    there, new = enter(append, persons, WANG), enter(append, persons, WANG)
    assert duplicates.note(db, new, WANG) == [there]

    duplicates.decide(db, (new, there), "not_same", by="reviewer-1")

    assert duplicates.note(db, new, WANG) == []
    assert sum(duplicates.look_at_all(db)) == 0
    assert duplicates.waiting(db) == []


def test_a_decision_on_a_pair_that_was_never_found_is_refused(db: Database, duplicates: Duplicates):
    with pytest.raises(NotFound):
        duplicates.decide(db, (uuid7(), uuid7()), "same", by="reviewer-1")


def test_a_pass_goes_on_block_by_block(db: Database, append: Append, persons: Persons, duplicates: Duplicates):
    for number in range(3):
        twice = Profile(name="赵秀英", born_on=date(1970 + number, 5, 6), phone=f"2234567890{number}")
        enter(append, persons, twice)
        enter(append, persons, twice)

    assert sum(duplicates.look_at_all(db, blocks=1)) >= 3
    assert len(pairs(duplicates, db)) == 3


@pytest.mark.parametrize(
    ("other", "probable"),
    [
        (Profile(name="王小明", born_on=date(1985, 3, 17)), True),
        (Profile(name="王晓明", born_on=date(1985, 3, 17)), True),
        (Profile(name="王小明", born_on=date(1985, 3, 11), phone="22345678901"), True),
        (Profile(name="王小明", born_on=date(1962, 7, 1), phone="22345678901"), False),
        (Profile(name="王小红", born_on=date(1985, 3, 17)), False),
    ],
)
def test_pairs_are_weighed_by_what_they_agree_and_differ_in(other: Profile, probable: bool):
    assert compare(WANG, other).is_probable == probable
    assert compare(other, WANG) == compare(WANG, other)
