"""What the vault seals opens unchanged, for the right subject only, under old keys and new."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.domain.ids import uuid7, vault_partition_of
from casework.errors import CaseworkError
from casework.log.append import VaultRow
from casework.privacy.keys import KeyRing
from casework.privacy.vault import Vault
from tests.traces import dump_of, traces

PROFILE = {"name": "王小明", "phone": "13812345678", "born_on": "1985-02-03"}
WANG = UUID("0190f3a2-7c41-7d08-9b6e-0000000000c1")

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | names
fields = st.dictionaries(names, values | st.lists(names, max_size=3), max_size=6)


def assert_damaged(vault: Vault, row: VaultRow) -> None:
    with pytest.raises(CaseworkError) as refused:
        vault.open(row)
    assert refused.value.code == "vault-damaged"
    assert "王" not in str(refused.value)


@pytest.fixture
def own_keys(tmp_path: Path) -> KeyRing:
    return KeyRing.open(tmp_path / "keys", create=True)


@given(fields=fields)
def test_what_is_sealed_opens_unchanged(vault, fields):
    assert vault.open(vault.seal(WANG, "person", fields)) == (
        {name: None if value in (float("inf"), float("-inf")) else value for name, value in fields.items()}
    )


def test_the_same_fields_sealed_twice_have_nothing_in_common(vault):
    one, two = (vault.seal(WANG, "person", PROFILE) for _ in range(2))

    assert one.commitment != two.commitment
    assert one.sealed[:12] != two.sealed[:12]
    assert vault.open(one) == vault.open(two)


def test_a_row_shows_nothing_of_its_fields(vault):
    row = vault.seal(WANG, "person", PROFILE)

    assert traces({"sealed": row.sealed, "commitment": row.commitment}, *PROFILE.values()) == []
    assert len(row.commitment) == 32


def test_the_commitment_is_what_the_documentation_says(vault):
    row = vault.seal(WANG, "remark", {"text": "x", "a": 1})

    document = msgspec.json.decode(vault._unseal(row))
    salt = msgspec.convert(document["salt"], bytes, strict=False)
    canonical = b'{"a":1,"text":"x"}'
    assert len(salt) == 16
    assert row.commitment == sha256(len(salt).to_bytes(8) + salt + len(canonical).to_bytes(8) + canonical).digest()


def test_a_row_with_any_byte_changed_is_refused(vault):
    row = vault.seal(WANG, "person", PROFILE)

    for place in range(len(row.sealed)):
        sealed = bytearray(row.sealed)
        sealed[place] ^= 1
        assert_damaged(vault, row._replace(sealed=bytes(sealed)))
    for place in range(len(row.commitment)):
        commitment = bytearray(row.commitment)
        commitment[place] ^= 1
        assert_damaged(vault, row._replace(commitment=bytes(commitment)))


@pytest.mark.parametrize("length", [0, 5, 11, 12, 27, 28, 60])
def test_a_row_that_was_cut_is_refused(vault, length):
    row = vault.seal(WANG, "person", PROFILE)

    assert_damaged(vault, row._replace(sealed=row.sealed[:length]))


def test_a_row_moved_to_another_subject_or_kind_is_refused(vault):
    row = vault.seal(WANG, "person", PROFILE)

    assert_damaged(vault, row._replace(subject_id=uuid7()))
    assert_damaged(vault, row._replace(kind="remark"))


def test_a_row_behind_the_commitment_of_another_is_refused(vault):
    older, newer = (vault.seal(WANG, "person", PROFILE) for _ in range(2))

    assert_damaged(vault, newer._replace(commitment=older.commitment))


def test_a_row_under_the_id_of_another_key_is_refused(own_keys):
    vault = Vault(own_keys)
    row = vault.seal(WANG, "person", PROFILE)

    assert_damaged(vault, row._replace(key_id=own_keys.rotate()))


def test_a_row_of_another_installation_is_refused(vault, own_keys):
    row = Vault(own_keys).seal(WANG, "person", PROFILE)

    with pytest.raises(CaseworkError) as refused:
        vault.open(row)

    assert refused.value.code == "key-unknown"


def test_the_latest_profile_of_each_subject_is_read_at_once(vault, db, append):
    people = [uuid7() for _ in range(70)]
    append([vault.seal(person, "person", {"name": "old"}) for person in people])
    append([vault.seal(person, "person", {"name": str(person)}) for person in people])
    append([vault.seal(person, "evidence", {"contract_ref": "A-1"}) for person in people[:5]])

    found = vault.latest(db, [*people, *people[:3], uuid7()])

    assert found == {person: {"name": str(person)} for person in people}
    assert vault.latest(db, people, "evidence").keys() == set(people[:5])
    assert vault.latest(db, []) == {}


def test_an_event_finds_its_row_by_commitment_among_the_subjects(vault, db, append):
    household = uuid7()
    profile = vault.seal(WANG, "person", PROFILE)
    visit = vault.seal(household, "evidence", {"outcome": "nobody at home"})
    later = vault.seal(WANG, "person", PROFILE | {"phone": "13900000000"})
    append([profile, visit])
    append([later])

    wanted = [profile.commitment, visit.commitment, bytes(32)]
    found = vault.by_commitment(db, [WANG, household], wanted)

    assert found == {profile.commitment: PROFILE, visit.commitment: {"outcome": "nobody at home"}}
    assert vault.by_commitment(db, [household], [profile.commitment]) == {}


def test_all_that_is_held_of_a_subject_is_listed_oldest_first(vault, db, append):
    rows = [vault.seal(WANG, "person", PROFILE), vault.seal(WANG, "remark", {"text": "speaks Uyghur"})]
    append(rows)
    append([vault.seal(uuid7(), "person", PROFILE)])

    revisions = vault.revisions(db, WANG)

    assert [revision.number for revision in revisions] == [1, 2]
    assert [revision.kind for revision in revisions] == ["person", "remark"]
    assert [revision.commitment for revision in revisions] == [row.commitment for row in rows]
    assert [revision.fields for revision in revisions] == [PROFILE, {"text": "speaks Uyghur"}]


def test_rows_of_the_database_hold_no_personal_data(vault, hashes, append, database_url):
    append([vault.seal(WANG, "person", PROFILE)], hashes.search_keys(WANG, PROFILE))

    tables = dump_of(database_url)

    assert all(WANG.bytes in tables[table] for table in ("vault.person", "vault.search_key"))
    assert traces(tables, *PROFILE.values(), "wangxiaoming") == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO vault.person VALUES (1, %(id)s, 9, 'person', 'k', '', %(commitment)s)",
        "UPDATE vault.person SET commitment = %(commitment)s",
        "UPDATE vault.person SET subject_id = %(id)s",
        "DELETE FROM vault.person",
        "TRUNCATE vault.person",
        "INSERT INTO vault.search_key VALUES (1, %(id)s, 'name', '')",
        "DELETE FROM vault.search_key",
        "UPDATE vault.index_key SET fingerprint = ''",
    ],
)
def test_the_application_cannot_change_what_was_recorded(vault, db, append, statement):
    append([vault.seal(WANG, "person", PROFILE)])

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute(statement, {"id": WANG, "commitment": bytes(32)})


def test_a_row_in_the_wrong_partition_is_refused_by_the_database(vault, database_url):
    row = vault.seal(WANG, "person", PROFILE)
    insert = "INSERT INTO vault.person VALUES (%s, %s, 1, %s, %s, %s, %s)"

    with psycopg.connect(database_url) as owner, pytest.raises(psycopg.errors.CheckViolation):
        owner.execute(insert, (vault_partition_of(WANG) ^ 1, *row))


def test_rotation_seals_everything_again_and_keeps_every_commitment(own_keys, db, append):
    vault = Vault(own_keys)
    people = [uuid7() for _ in range(150)]
    append([vault.seal(person, "person", {"name": str(person)}) for person in people])
    append([vault.seal(people[0], "remark", {"text": str(number)}) for number in range(10)])
    before = db.execute("SELECT p.subject_id, p.revision, p.commitment FROM vault.person AS p").fetchall()

    current = own_keys.rotate()
    resealed = list(vault.rotate(db, batch=4))

    assert sum(resealed) == 160
    assert max(resealed) == 4
    assert db.execute("SELECT DISTINCT p.key_id FROM vault.person AS p").fetchall() == [(current,)]
    after = db.execute("SELECT p.subject_id, p.revision, p.commitment FROM vault.person AS p").fetchall()
    assert sorted(after) == sorted(before)
    assert vault.latest(db, people) == {person: {"name": str(person)} for person in people}
    assert [revision.fields for revision in vault.revisions(db, people[0])[1:]] == [
        {"text": str(number)} for number in range(10)
    ]


def test_the_older_key_can_go_after_a_rotation(own_keys, db, append, tmp_path):
    vault = Vault(own_keys)
    append([vault.seal(WANG, "person", PROFILE)])
    older = own_keys.current
    own_keys.rotate()

    list(vault.rotate(db))
    (tmp_path / "keys" / f"master-{older}.key").unlink()

    assert Vault(KeyRing.open(tmp_path / "keys", create=False)).latest(db, [WANG]) == {WANG: PROFILE}


def test_a_rotation_that_was_stopped_goes_on_and_then_finds_nothing(own_keys, db, append):
    vault = Vault(own_keys)
    append([vault.seal(uuid7(), "person", PROFILE) for _ in range(30)])
    own_keys.rotate()

    first_run = vault.rotate(db, batch=1)
    stopped_after = next(first_run) + next(first_run)

    assert sum(vault.rotate(db, batch=1)) == 30 - stopped_after
    assert list(vault.rotate(db)) == []


def test_a_rotation_meets_a_damaged_row_and_leaves_it(own_keys, db, append, database_url):
    vault = Vault(own_keys)
    append([vault.seal(WANG, "person", PROFILE)])
    with psycopg.connect(database_url) as owner:
        owner.execute("UPDATE vault.person SET commitment = sha256(commitment)")
    own_keys.rotate()

    with pytest.raises(CaseworkError) as refused:
        list(vault.rotate(db))

    assert refused.value.code == "vault-damaged"


def test_a_database_belongs_to_the_installation_that_came_first(vault, own_keys, db):
    vault.bind(db)
    vault.bind(db)

    with pytest.raises(CaseworkError) as refused:
        Vault(own_keys).bind(db)

    assert refused.value.code == "keys-differ"
