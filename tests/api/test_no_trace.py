"""A byte search: what names a person is nowhere but in the sealed vault, and after an erasure not there either."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import psycopg
import pytest
import redis
from psycopg import sql

from casework.application import Casework
from casework.config import Settings
from casework.wake import Wake
from tests.api.conftest import DeskOf
from tests.api.test_erasure import HIS, NAME, OTHER_NUMBER, REMARK, SPOUSE, asked_for, done, erased, told_all
from workers.queue import DRAINS, DrainWaker, enqueue_drain, queue


def dumped(database_url: str) -> bytes:
    """Every row of every table as the database keeps it, texts and bytes alike."""
    with psycopg.connect(database_url) as db:
        tables = db.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information_)' ORDER BY 1, 2"
        ).fetchall()
        assert {"casework", "vault", "view_1"} <= {schema for schema, _ in tables}
        content = b""
        for schema, table in tables:
            copy = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(schema, table))
            with db.cursor().copy(copy) as rows:
                content += b"".join(bytes(block) for block in rows)
        return content


def forms(word: str) -> set[bytes]:
    """The ways in which a word may be written."""
    plain = {word.encode(), word.encode("gb18030"), word.encode("utf-16-le")}
    escaped = json.dumps(word).strip('"').encode()
    return {*plain, escaped, *(text.hex().encode() for text in plain), *(base64.b64encode(text)[:-4] for text in plain)}


def found(content: bytes, *words: str) -> set[str]:
    return {word for word in words if any(form in content for form in forms(word))}


def everything_in(client: redis.Redis) -> bytes:
    keys = cast("list[bytes]", client.keys())
    return b"".join(key + cast("bytes", client.dump(key)) for key in keys)


def files_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_no_byte_of_an_erased_person_is_left_anywhere(
    desk: DeskOf,
    casework: Casework,
    settings: Settings,
    redis_url: str,
    drain: Callable[[], None],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level("DEBUG")
    clerk = desk()
    with redis.Redis.from_url(redis_url) as client, client.monitor() as monitor:
        waker = DrainWaker(redis_url)
        home, person, other = told_all(clerk)
        with casework.pool.connection() as db:
            query = "SELECT sealed FROM vault.person WHERE subject_id = ANY (%s::uuid[])"
            his = [row[0] for row in db.execute(query, ([person],)).fetchall()]
            keys = [row[0] for row in db.execute("SELECT hash FROM vault.search_key WHERE subject_id = %s", (person,))]
            claims = [row[0] for row in db.execute("SELECT hash FROM casework.claim WHERE subject_id = %s", (person,))]
        for word in HIS[:3]:
            clerk.post("/v1/households/search", {"name": word})
        clerk.get(f"/v1/households/{home}/record")
        drain()
        before = dumped(str(casework.pool.conninfo))
        assert all(row in before for row in (*his, *keys, *claims))

        erased(desk, home, person)
        waker(range(64))
        enqueue_drain(queue(DRAINS, client))
        Wake(redis_url).publish([1])
        drain()

        after = dumped(str(casework.pool.conninfo))
        in_redis = everything_in(client)
        client.echo("the end")
        commands = b""
        while b"the end" not in commands:
            commands += str(monitor.next_command()).encode()
        waker.close()
    logs = "".join(capfd.readouterr()) + caplog.text
    files = files_in(settings.data_dir)

    assert not [row for row in (*his, *keys, *claims) if row in after]
    for content in (before, after, in_redis, commands, logs.encode(), files):
        assert len(content) > 50
        assert found(content, *HIS, REMARK, SPOUSE, OTHER_NUMBER) == set()
    assert found(json.dumps({"a": NAME}).encode() + NAME.encode("gb18030"), *HIS) == {NAME}  # it would be found
    asked_for(clerk, home, other)
    done(desk("supervisor").edit(home, f"members/{other}/erasures", {"erased_on": "2013-10-02"}))
    with casework.pool.connection() as db:
        left = db.execute(query, ([person, other, home],)).fetchall()
    assert left == []
