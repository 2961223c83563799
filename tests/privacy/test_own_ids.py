"""A bureau's own ids: one block each, the same whenever it is asked for."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from casework.privacy import own_ids
from tests.streams.given import own_ids as given_own_ids


def test_an_id_has_one_own_form_however_many_others_were_asked_for_since(tmp_path: Path):
    ids = given_own_ids(tmp_path, "EDUB")
    asked = [UUID(int=number) for number in range(own_ids._MOST_KNOWN + 10)]

    first = [ids.encode(each) for each in asked]

    assert len(set(first)) == len(asked)
    assert [ids.encode(each) for each in asked[:20]] == first[:20] == [ids.encode_once(each) for each in asked[:20]]
    assert [ids.decode(UUID(each)) for each in first[-20:]] == asked[-20:]
    assert len(ids._known) <= own_ids._MOST_KNOWN
