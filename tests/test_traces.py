"""The byte search finds a word in whichever way it was left, and nothing where chance wrote the bytes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from random import Random
from urllib.parse import quote

import msgspec
import pytest
import redis

from tests.traces import ENCODINGS, dump_of, dump_with, everything_in, files_in, traces, ways

NAME, PHONE = "欧阳转", "13812345678"


def words(places: dict[str, bytes]) -> set[str]:
    return {trace.word for trace in traces(places, NAME, PHONE)}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("before", range(7))
def test_a_word_is_found_in_every_way_of_writing_it_wherever_it_begins(encoding: str, before: int):
    random = Random(before)
    for word in (NAME, PHONE):
        told = random.randbytes(before) + word.encode(encoding) + random.randbytes(5)
        left = (told, told.hex().encode(), told.hex().upper().encode())
        encoded = (base64.b64encode(told), base64.urlsafe_b64encode(told), msgspec.json.encode({"sealed": told}))

        for content in (*left, *encoded):
            assert words({"here": random.randbytes(99) + content}) == {word}, content


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"name": NAME}).encode(),
        f"GET /v1/households?name={quote(NAME)}".encode(),
        f"GET /v1/households?name={quote(NAME.encode('gb18030'))}".encode(),
        repr({"name": NAME}).encode(),
        repr({"name": NAME.encode()}).encode(),
        repr({"name": NAME.encode("gb18030")}).encode(),
    ],
)
def test_a_name_is_found_in_texts_that_write_it_their_way(content: bytes):
    assert words({"here": content}) == {NAME}


def test_a_trace_says_where_it_is_and_as_what():
    [trace] = traces({"empty": b"", "log": b"before " + NAME.encode() + b" after"}, NAME)

    assert (trace.place, trace.way) == ("log", "plain, utf-8")
    assert trace.around == b"before " + NAME.encode() + b" after"


@pytest.mark.parametrize("word", ["赵军", "1980", "1990517", "ab12", ""])
def test_a_word_that_chance_would_write_is_refused(word: str):
    with pytest.raises(ValueError, match="By chance"):
        traces({"here": b""}, word)


def test_no_needle_is_so_short_that_hashes_and_sealed_rows_hold_it_by_chance():
    needles = [(needle, way) for word in (NAME, PHONE) for needle, way in ways(word).items()]

    assert min(len(needle) for needle, _ in needles) == len(NAME.encode("gb18030")) == 6
    assert min(len(needle) for needle, way in needles if way.startswith("base64")) == 7


@pytest.mark.parametrize("planted", [NAME, NAME.encode("gb18030"), base64.b64encode(b"of " + NAME.encode()).decode()])
def test_what_is_planted_in_a_table_is_found_there_and_is_gone_again(database_url: str, planted: object):
    assert words(dump_of(database_url)) == set()

    found = traces(dump_with(database_url, planted), NAME)

    assert {trace.place for trace in found} == {"casework.planted"}
    assert words(dump_of(database_url)) == set()


def test_what_is_planted_in_redis_or_in_a_file_is_found_there(redis_url: str, tmp_path: Path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_text(f"…{NAME}…", encoding="utf-16")
    with redis.Redis.from_url(redis_url) as client:
        client.rpush("jobs", json.dumps([PHONE]))

        assert words(everything_in(client)) == {PHONE}
    assert words(files_in(tmp_path)) == {NAME}
