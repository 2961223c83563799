"""The key files: who may read them, when they are made, and what stands in them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from casework.errors import CaseworkError
from casework.privacy.keys import KeyRing


@pytest.fixture
def keys_dir(tmp_path: Path) -> Path:
    KeyRing.open(tmp_path / "keys", create=True)
    return tmp_path / "keys"


def refusal_of(keys_dir: Path, *, create: bool = False) -> str:
    with pytest.raises(CaseworkError) as refused:
        KeyRing.open(keys_dir, create=create)
    return refused.value.code


def master_of(keys_dir: Path) -> Path:
    [master] = keys_dir.glob("master-*.key")
    return master


def test_the_first_start_makes_keys_that_only_their_owner_can_read(tmp_path):
    old_mask = os.umask(0o002)
    try:
        KeyRing.open(tmp_path / "deep" / "keys", create=True)
    finally:
        os.umask(old_mask)

    files = list((tmp_path / "deep" / "keys").iterdir())
    assert (tmp_path / "deep" / "keys").stat().st_mode & 0o777 == 0o700
    assert sorted(file.name.split("-")[0] for file in files) == ["index.key", "master"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_second_start_reads_the_same_keys(keys_dir):
    before, after = (KeyRing.open(keys_dir, create=True) for _ in range(2))

    assert before.current == after.current
    assert before.digest("claim", b"x") == after.digest("claim", b"x")
    assert len(list(keys_dir.iterdir())) == 2


def test_two_installations_share_no_hash(tmp_path):
    here, there = (KeyRing.open(tmp_path / name, create=True) for name in ("here", "there"))

    assert here.digest("claim", b"x") != there.digest("claim", b"x")
    assert here.fingerprint != there.fingerprint


def test_nothing_is_made_unless_asked_for(tmp_path):
    assert refusal_of(tmp_path / "keys") == "keys-missing"
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("mode", [0o710, 0o701, 0o750, 0o777])
@pytest.mark.parametrize("create", [False, True])
def test_a_folder_open_to_others_is_refused(keys_dir, mode, create):
    keys_dir.chmod(mode)

    assert refusal_of(keys_dir, create=create) == "keys-exposed"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
@pytest.mark.parametrize("pattern", ["index.key", "master-*.key"])
def test_a_key_file_open_to_others_is_refused(keys_dir, pattern, mode):
    [file] = keys_dir.glob(pattern)
    file.chmod(mode)

    assert refusal_of(keys_dir) == "keys-exposed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_file_of_another_user_is_refused(keys_dir):
    os.chown(keys_dir / "index.key", 65534, 65534)

    assert refusal_of(keys_dir) == "keys-exposed"


def test_keys_are_not_put_into_a_folder_that_is_open_to_others(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys").chmod(0o755)

    assert refusal_of(tmp_path / "keys", create=True) == "keys-exposed"
    assert list((tmp_path / "keys").iterdir()) == []


def test_a_lost_index_key_is_never_replaced_by_a_new_one(keys_dir):
    (keys_dir / "index.key").unlink()

    assert refusal_of(keys_dir, create=True) == "keys-missing"


def test_a_first_start_that_was_cut_short_is_completed(keys_dir):
    before = KeyRing.open(keys_dir, create=False)
    master_of(keys_dir).unlink()

    after = KeyRing.open(keys_dir, create=True)

    assert after.fingerprint == before.fingerprint


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: b"",
        lambda text: text[:40],
        lambda text: text + b"00",
        lambda text: b"\xff" + text[1:],
        lambda text: bytes([text[0] ^ 1]) + text[1:],
    ],
)
@pytest.mark.parametrize("pattern", ["index.key", "master-*.key"])
def test_a_damaged_key_file_is_refused(keys_dir, pattern, damage):
    [file] = keys_dir.glob(pattern)
    file.write_bytes(damage(file.read_bytes()))

    assert refusal_of(keys_dir) == "keys-damaged"


def test_a_master_key_under_the_name_of_another_is_refused(keys_dir):
    master = master_of(keys_dir)
    master.rename(master.with_name("master-0002-00000000.key"))

    assert refusal_of(keys_dir) == "keys-damaged"


def test_rotating_adds_a_current_key_and_keeps_the_older(keys_dir):
    keys = KeyRing.open(keys_dir, create=False)
    first = keys.current

    second = keys.rotate()

    assert keys.current == second == KeyRing.open(keys_dir, create=False).current
    assert (first[:4], second[:4]) == ("0001", "0002")
    assert keys.cipher(first) is not keys.cipher(second)


def test_a_key_added_by_another_process_is_found_when_it_is_needed(keys_dir):
    other = KeyRing.open(keys_dir, create=False)
    added = KeyRing.open(keys_dir, create=False).rotate()

    assert other.cipher(added)
    assert other.current == added


def test_a_key_that_is_nowhere_is_named(keys_dir):
    with pytest.raises(CaseworkError, match="0009-00000000") as refused:
        KeyRing.open(keys_dir, create=False).cipher("0009-00000000")

    assert refused.value.code == "key-unknown"


def test_every_purpose_has_a_key_of_its_own(keys):
    assert len({keys.digest(purpose, b"x") for purpose in ("search", "claim", "command-body")}) == 3


def test_a_digest_knows_where_its_parts_end(keys):
    assert keys.digest("claim", b"ab", b"c") != keys.digest("claim", b"a", b"bc")


def test_no_key_is_ever_shown(keys_dir):
    keys = KeyRing.open(keys_dir, create=False)
    secrets = [bytes.fromhex(file.read_text())[:32] for file in keys_dir.iterdir()]

    shown = f"{keys!r} {keys} {vars(keys)}"

    assert keys.current in shown
    assert not any(secret.hex() in shown or str(secret) in shown for secret in secrets)
    with pytest.raises(TypeError):
        pickle.dumps(keys)
