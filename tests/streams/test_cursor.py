"""A cursor says where its subscription stands, to nobody else and only as it was given out."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.errors import CaseworkError
from casework.privacy.keys import KeyRing
from casework.streams.cursor import PARTITIONS, Cursor, opened, packed, sealed

ONE, OTHER = UUID(int=1), UUID(int=2)

positions = st.lists(st.integers(0, 2**28 - 1), min_size=PARTITIONS, max_size=PARTITIONS).map(tuple)
cursors = st.builds(Cursor, st.integers(1, 1000), st.integers(0, 2**40), positions)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.open(tmp_path_factory.mktemp("keys") / "keys", create=True)


@given(cursor=cursors)
def test_a_cursor_comes_back_as_it_was(keys: KeyRing, cursor: Cursor):
    text = sealed(cursor, ONE, keys)

    assert opened(text, ONE, keys, epoch=cursor.epoch) == cursor
    assert len(text) < 400


@given(cursor=cursors, place=st.integers(0), letter=st.sampled_from("Aa0-_"))
def test_no_other_text_is_a_cursor(keys: KeyRing, cursor: Cursor, place: int, letter: str):
    text = sealed(cursor, ONE, keys)
    place %= len(text) - 1  # the last letter may hold bits that say nothing
    changed = text[:place] + letter + text[place + 1 :]

    if changed != text:
        assert refusal(changed, ONE, keys, cursor.epoch) == "cursor-invalid"
    assert refusal(text, OTHER, keys, cursor.epoch) == "cursor-invalid"


@given(text=st.text(max_size=500))
def test_what_was_never_given_out_is_refused(keys: KeyRing, text: str):
    assert refusal(text, ONE, keys, 1) == "cursor-invalid"


@given(cursor=cursors)
def test_no_two_subscribers_can_compare_where_they_stand(keys: KeyRing, cursor: Cursor):
    one, other = (read(sealed(cursor, each, keys)) for each in (ONE, OTHER))

    assert packed(cursor.positions) not in one
    assert one[:16] != other[:16]
    assert one[16:] != other[16:]


@given(cursor=cursors, count=st.integers(0, 65))
def test_a_cursors_length_moves_in_steps_alone(keys: KeyRing, cursor: Cursor, count: int):
    ahead = cursor.moved([each | 2**27 for each in cursor.positions[:count]] + list(cursor.positions[count:]), 1)

    lengths = {len(read(sealed(each, ONE, keys))) - 16 for each in (cursor, ahead)}

    assert lengths <= {96, 128, 160, 192, 224, 256, 283}


def test_another_installation_knows_nothing_of_it(keys: KeyRing, tmp_path: Path):
    other = KeyRing.open(tmp_path / "keys", create=True)

    assert refusal(sealed(Cursor.beginning(1), ONE, keys), ONE, other, 1) == "cursor-invalid"


def test_a_restored_log_takes_no_cursor_from_before(keys: KeyRing):
    assert refusal(sealed(Cursor.beginning(1), ONE, keys), ONE, keys, 2) == "epoch-changed"


def test_a_cursor_moves_with_what_was_given(keys: KeyRing):
    moved = Cursor.beginning(3).moved(range(PARTITIONS), given=5).moved(range(1, PARTITIONS + 1), given=2)

    assert moved == Cursor(3, 7, tuple(range(1, PARTITIONS + 1)))


def read(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def refusal(text: str, subscription: UUID, keys: KeyRing, epoch: int) -> str:
    with pytest.raises(CaseworkError) as refused:
        opened(text, subscription, keys, epoch=epoch)
    return refused.value.code
