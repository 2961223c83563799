"""What an append writes beside its events: claims, rows of the vault, search keys."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from casework.domain.ids import uuid7
from casework.errors import ClaimTaken
from casework.log.append import Beside, SearchKey, VaultRow
from casework.log.failures import StreamConflict
from casework.log.recorder import LogRecorder
from tests.log.given import SOMEBODY, Db, claim, event, log_of, stream_in


def profile(person_id: UUID, kind: str = "person", sealed: bytes = b"sealed") -> VaultRow:
    return VaultRow(person_id, kind, "key-1", sealed, bytes(32))


def keys(person_id: UUID, *values: bytes, kind: str = "name") -> list[SearchKey]:
    return [SearchKey(person_id, kind, value) for value in values]


def claims(admin: Db) -> dict[bytes, UUID]:
    return dict(admin.execute("SELECT hash, stream_id FROM casework.claim").fetchall())


def found(admin: Db, person_id: UUID) -> list[bytes]:
    rows = admin.execute("SELECT hash FROM vault.search_key WHERE subject_id = %s ORDER BY hash", (person_id,))
    return [value for (value,) in rows]


def revisions(admin: Db, person_id: UUID) -> list[tuple[int, str, bytes]]:
    return admin.execute(
        "SELECT revision, kind, sealed FROM vault.person WHERE subject_id = %s ORDER BY revision", (person_id,)
    ).fetchall()


def claiming(*hashes: bytes, kind: str = "person", of: UUID = SOMEBODY, released: Iterable[UUID] = ()) -> Beside:
    return Beside(claims=[claim(value, kind=kind, of=of) for value in hashes], released=list(released))


def test_a_claim_goes_to_the_stream_of_the_first_event(recorder: LogRecorder, admin: Db) -> None:
    stream, named = stream_in(1), stream_in(50)

    recorder.append([event(stream, 1)], Beside(claims=[claim(b"a"), claim(b"b", named)]))

    assert claims(admin) == {b"a": stream, b"b": named}


def test_taking_ones_own_claim_again_changes_nothing(recorder: LogRecorder, admin: Db) -> None:
    stream = stream_in(1)
    recorder.append([event(stream, 1)], claiming(b"a"))

    recorder.append([event(stream, 2)], claiming(b"a"))

    assert claims(admin) == {b"a": stream}


def test_a_claim_of_another_stream_refuses_the_append_and_names_it(recorder: LogRecorder, admin: Db) -> None:
    holder, other = stream_in(1), stream_in(1)
    person_id = uuid7()
    recorder.append([event(holder, 1)], claiming(b"b", kind="id-number"))
    beside = claiming(b"a", b"b")._replace(vault=[profile(person_id)], search_keys=keys(person_id, b"k"))

    with pytest.raises(ClaimTaken) as taken:
        recorder.append([event(other, 1), event(other, 2)], beside)

    assert taken.value.values == {"held_by": holder, "kind": "id-number"}
    assert claims(admin) == {b"b": holder}
    assert len(log_of(admin, 1)) == 1
    assert revisions(admin, person_id) == []
    assert found(admin, person_id) == []


@pytest.mark.parametrize("at_once", [True, False])
def test_what_one_person_holds_nobody_else_of_the_stream_may_hold(
    recorder: LogRecorder, admin: Db, at_once: bool
) -> None:
    stream, other = stream_in(1), uuid7()
    mine, theirs = claim(b"a", kind="id-number"), claim(b"a", kind="id-number", of=other)
    if not at_once:
        recorder.append([event(stream, 1)], Beside(claims=[mine]))

    with pytest.raises(ClaimTaken) as taken:
        recorder.append([event(stream, 1 if at_once else 2)], Beside(claims=[mine, theirs] if at_once else [theirs]))

    assert taken.value.values == {"held_by": stream, "kind": "id-number"}
    assert claims(admin) == ({} if at_once else {b"a": stream})


def test_a_release_is_of_one_persons_claims(recorder: LogRecorder, admin: Db) -> None:
    stream, other = stream_in(1), uuid7()
    recorder.append(
        [event(stream, 1)], Beside(claims=[claim(b"a"), claim(b"b", kind="id-number"), claim(b"c", of=other)])
    )

    recorder.append([event(stream, 2)], claiming(b"a", b"d", released=[SOMEBODY]))

    assert claims(admin) == {b"a": stream, b"c": stream, b"d": stream}


def test_a_feeds_reference_is_taken_once_also_by_its_own_stream(recorder: LogRecorder, admin: Db) -> None:
    stream = stream_in(1)
    recorder.append([event(stream, 1)], claiming(b"row-1", kind="source"))

    with pytest.raises(ClaimTaken):
        recorder.append([event(stream, 2)], claiming(b"row-1", kind="source"))

    assert len(log_of(admin, 1)) == 1


def test_a_released_claim_can_be_taken_by_another(recorder: LogRecorder, admin: Db) -> None:
    first, second = stream_in(1), stream_in(2)
    recorder.append([event(first, 1)], claiming(b"a"))

    recorder.append([event(first, 2)], claiming(released=[SOMEBODY]))
    recorder.append([event(second, 1)], claiming(b"a"))

    assert claims(admin) == {b"a": second}


def test_a_claim_passes_over_in_one_append_to_two_streams(recorder: LogRecorder, admin: Db) -> None:
    left, joined = stream_in(9), stream_in(4)
    recorder.append([event(left, 1)], claiming(b"a"))

    recorder.append([event(left, 2), event(joined, 1)], Beside(claims=[claim(b"a", joined)], released=[SOMEBODY]))

    assert claims(admin) == {b"a": joined}


def test_nobody_releases_the_claim_of_another(recorder: LogRecorder, admin: Db) -> None:
    holder = stream_in(1)
    recorder.append([event(holder, 1)], claiming(b"a"))

    recorder.append([event(stream_in(2), 1)], claiming(released=[SOMEBODY]))

    assert claims(admin) == {b"a": holder}


def test_a_feeds_reference_is_kept_for_ever(recorder: LogRecorder, admin: Db) -> None:
    stream = stream_in(1)
    recorder.append([event(stream, 1)], claiming(b"row-1", kind="source"))

    recorder.append([event(stream, 2)], claiming(released=[SOMEBODY]))

    assert claims(admin) == {b"row-1": stream}


def test_of_many_who_claim_the_same_one_wins_and_the_others_learn_who(recorder: LogRecorder, admin: Db) -> None:
    streams = [stream_in(number) for number in range(24)]

    def claim(stream: UUID) -> UUID:
        try:
            recorder.append([event(stream, 1)], claiming(b"a", b"b"))
        except ClaimTaken as taken:
            return taken.values["held_by"]
        return stream

    with ThreadPoolExecutor(8) as threads:
        told = set(threads.map(claim, streams))

    [winner] = told
    assert claims(admin) == {b"a": winner, b"b": winner}


def test_rows_of_the_vault_are_numbered_by_person(recorder: LogRecorder, admin: Db) -> None:
    one, other = uuid7(), uuid7()
    stream = stream_in(1)

    recorder.append([event(stream, 1)], Beside(vault=[profile(one), profile(other), profile(one, "remark", b"2")]))
    recorder.append([event(stream, 2)], Beside(vault=[profile(one, sealed=b"3")]))

    assert revisions(admin, one) == [(1, "person", b"sealed"), (2, "remark", b"2"), (3, "person", b"3")]
    assert revisions(admin, other) == [(1, "person", b"sealed")]


def test_rows_for_one_person_from_two_partitions_at_once_all_get_a_number(recorder: LogRecorder, admin: Db) -> None:
    person_id = uuid7()

    def write(number: int) -> None:
        recorder.append([event(stream_in(number), 1)], Beside(vault=[profile(person_id)]))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(32)))

    assert [number for number, *_ in revisions(admin, person_id)] == list(range(1, 33))


def test_new_search_keys_take_the_place_of_the_old_ones(recorder: LogRecorder, admin: Db) -> None:
    one, other = uuid7(), uuid7()
    stream = stream_in(1)
    both = keys(one, b"old", b"kept") + keys(other, b"other")
    recorder.append([event(stream, 1)], Beside(vault=[profile(one), profile(other)], search_keys=both))

    recorder.append([event(stream, 2)], Beside(vault=[profile(one)], search_keys=keys(one, b"kept", b"new", b"new")))

    assert found(admin, one) == [b"kept", b"new"]
    assert found(admin, other) == [b"other"]


def test_a_new_profile_without_search_keys_takes_the_old_ones_away(recorder: LogRecorder, admin: Db) -> None:
    person_id = uuid7()
    stream = stream_in(1)
    recorder.append([event(stream, 1)], Beside(vault=[profile(person_id)], search_keys=keys(person_id, b"old")))

    recorder.append([event(stream, 2)], Beside(vault=[profile(person_id)]))

    assert found(admin, person_id) == []


@pytest.mark.parametrize("kind", ["remark", "evidence"])
def test_what_is_no_profile_leaves_the_search_keys(recorder: LogRecorder, admin: Db, kind: str) -> None:
    person_id = uuid7()
    stream = stream_in(1)
    recorder.append([event(stream, 1)], Beside(vault=[profile(person_id)], search_keys=keys(person_id, b"old")))

    recorder.append([event(stream, 2)], Beside(vault=[profile(person_id, kind)]))

    assert found(admin, person_id) == [b"old"]


def test_a_conflict_writes_nothing_beside(recorder: LogRecorder, admin: Db) -> None:
    person_id = uuid7()
    beside = Beside([profile(person_id)], keys(person_id, b"k"), [claim(b"a")])

    with pytest.raises(StreamConflict):
        recorder.append([event(stream_in(1), 3)], beside)

    assert revisions(admin, person_id) == []
    assert found(admin, person_id) == []
    assert claims(admin) == {}
