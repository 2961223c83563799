"""The byte search of FAULTS I6: whether a word is anywhere, in whichever way it may have been written.

Random bytes hold any word if it is short: ids, hashes and sealed rows are searched too, and four characters of base64
are in the rows of one test by chance once in some thousand runs. So every needle has at least :data:`LEAST` bits, and
a word that is too short for that is refused.
"""

from __future__ import annotations

import json
import string
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import quote

import psycopg
import redis
from psycopg import sql

ENCODINGS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")
LEAST = 40
"""Bits of a needle: a megabyte of random text in its alphabet holds one of 40 bits once in a million runs."""

_HEX = frozenset(string.hexdigits.encode())
_BASE64 = frozenset((string.ascii_letters + string.digits + "+/-_").encode())


class Trace(NamedTuple):
    """Where a word was found, in which way it is written there, and the bytes around it."""

    place: str
    word: str
    way: str
    around: bytes


def traces(places: Mapping[str, bytes], *words: str) -> list[Trace]:
    """Return where some words are found in some places; ValueError for a word that chance may have written."""
    return [
        Trace(place, word, way, content[max(at - 24, 0) : at + len(needle) + 24])
        for word in words
        for needle, way in ways(word).items()
        for place, content in places.items()
        if (at := content.find(needle)) >= 0
    ]


@cache
def ways(word: str) -> dict[bytes, str]:
    """Return the bytes that a word may be written as, and how that is called."""
    escaped = {
        json.dumps(word)[1:-1].encode(): "escaped",
        quote(word).encode(): "in an address",
        quote(word.encode("gb18030")).encode(): "in an address, gb18030",
    }
    found = {needle: f"{way}, {encoding}" for encoding in ENCODINGS for needle, way in _encoded(word.encode(encoding))}
    short = [needle for needle in (*found, *escaped) if _bits(needle) < LEAST]
    if short:
        raise ValueError(f"By chance {short[0]!r} is anywhere: look for more than {word!r}.")
    return found | escaped


def _encoded(text: bytes) -> Iterator[tuple[bytes, str]]:
    yield text, "plain"
    yield text.hex().encode(), "hex"
    yield text.hex().upper().encode(), "hex"
    yield repr(text)[2:-1].encode(), "escaped"
    for before in range(3):  # base64 of it differs with the place where it begins, and its ends with its neighbours
        whole = slice(-(-before * 8 // 6), (before + len(text)) * 8 // 6)
        for altchars in (b"+/", b"-_"):
            yield b64encode(bytes(before) + text, altchars)[whole], "base64"


def _bits(needle: bytes) -> int:
    """How many bits chance has to hit, in a text of the same alphabet."""
    each = 4 if _HEX.issuperset(needle) else 6 if _BASE64.issuperset(needle) else 8
    return each * len(needle)


def dumped(db: psycopg.Connection[Any]) -> dict[str, bytes]:
    """Every row of every table as the database keeps it, texts and bytes alike."""
    tables = db.execute(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information_)' ORDER BY 1, 2"
    ).fetchall()
    assert {"casework", "vault"} <= {schema for schema, _ in tables}
    return {f"{schema}.{table}": _rows(db, schema, table) for schema, table in tables}


def _rows(db: psycopg.Connection[Any], schema: str, table: str) -> bytes:
    copy = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(schema, table))
    with db.cursor().copy(copy) as rows:
        return b"".join(bytes(block) for block in rows)


def dump_of(database_url: str) -> dict[str, bytes]:
    """The tables of a database."""
    with psycopg.connect(database_url) as db:
        return dumped(db)


def dump_with(database_url: str, planted: object) -> dict[str, bytes]:
    """The tables of a database as they would be with a value in them: whoever searches them must find it."""
    with psycopg.connect(database_url) as db, db.transaction(force_rollback=True):
        db.execute("CREATE TABLE casework.planted AS SELECT %s AS told", (planted,))
        return dumped(db)


def everything_in(client: redis.Redis) -> dict[str, bytes]:
    """Every key of a Redis database with its value."""
    keys = cast("list[bytes]", client.keys())
    return {f"redis {key!r}": key + cast("bytes", client.dump(key)) for key in keys}


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
