"""A byte search: what names a person is nowhere but in the sealed vault, and after an erasure not there either."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from casework.application import Casework
from casework.config import Settings
from casework.wake import Wake
from tests.api.conftest import DeskOf
from tests.api.test_erasure import HIS, NAME, OTHER_NUMBER, REMARK, SPOUSE, asked_for, done, erased, told_all
from tests.traces import dump_of, dump_with, everything_in, files_in, traces
from workers.queue import DRAINS, DrainWaker, enqueue_drain, queue


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
        before = dump_of(str(casework.pool.conninfo))
        assert all(any(row in table for table in before.values()) for row in (*his, *keys, *claims))

        erased(desk, home, person)
        waker(range(64))
        enqueue_drain(queue(DRAINS, client))
        Wake(redis_url).publish([1])
        drain()

        after = dump_of(str(casework.pool.conninfo))
        in_redis = everything_in(client)
        client.echo("the end")
        commands = ""
        while "the end" not in commands:
            commands += monitor.next_command()["command"]
        client.echo(NAME)
        would_be_heard = monitor.next_command()["command"]
        waker.close()
    logs = "".join(capfd.readouterr()) + caplog.text
    files = files_in(settings.data_dir)

    assert not [row for row in (*his, *keys, *claims) for table in after.values() if row in table]
    for places in (before, after, in_redis, {"commands": commands.encode()}, {"logs": logs.encode()}, files):
        assert sum(map(len, places.values())) > 50
        assert traces(places, *HIS, REMARK, SPOUSE, OTHER_NUMBER) == []
    would_be = dump_with(str(casework.pool.conninfo), NAME.encode("gb18030"))
    for places in (would_be, {"commands": would_be_heard.encode()}):
        assert {trace.word for trace in traces(places, *HIS)} == {NAME}
    asked_for(clerk, home, other)
    done(desk("supervisor").edit(home, f"members/{other}/erasures", {"erased_on": "2013-10-02"}))
    with casework.pool.connection() as db:
        left = db.execute(query, ([person, other, home],)).fetchall()
    assert left == []
