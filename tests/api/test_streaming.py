"""Streams as they are really served: by a process of their own, to clients that come, go, and sleep."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from socket import socket
from threading import Event, Thread
from typing import NamedTuple
from uuid import UUID

import pytest
from msgspec.structs import replace

from casework import wiring
from casework.application import Casework
from casework.config import Settings
from casework.log import reading
from casework.tokens import make_signing_key
from casework.wake import Wake
from tests.api.serving import ROOT, environment_on, prepare, running
from tests.api.subscribers import Sent, Subscriber, arrive, subscribed, visit
from tests.faults.amounts import amount, seeds
from tests.given import by

LAGS, SEQUENCE = b"event: lagging", b'"sequence"'
VISITS = "household.residence-verified.v1"


class Served(NamedTuple):
    """A process of streams, and the application on its log."""

    settings: Settings
    casework: Casework
    pid: int


@pytest.fixture
def served(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Served]:
    """The streams of a fresh log."""
    environ = environment_on(database_url, redis_url, tmp_path)
    settings = Settings.from_env(environ)
    prepare(settings)
    make_signing_key(settings.keys_dir)
    wake = Wake(redis_url)
    casework = wiring.open_casework(settings, wake=wake)
    with running(environ, "api.serve_streams") as program:
        assert program.stderr is not None
        reading = Thread(target=program.stderr.read)  # else it would stop once its log has filled the pipe
        reading.start()
        yield Served(settings, casework, program.pid)
        program.terminate()
        reading.join()
    casework.close()
    casework.pool.close()
    wake.close()


def types(events: list[Sent]) -> list[str]:
    return [each.data["type"].rsplit(".", 2)[-2] for each in events]


def test_a_stream_tells_what_is_appended_and_goes_on_where_it_was(served: Served):
    subscriber = Subscriber(served.settings, subscribed(served.casework, "stream-1"))
    home = arrive(served.casework)

    with subscriber.stream() as events:
        first = next(events)
        visit(served.casework, home)
        second = next(events)
    subscriber.cursor = first.cursor
    with subscriber.stream() as events:
        again = next(events)
    subscriber.cursor = second.cursor
    visit(served.casework, home)
    pulled = subscriber.pull(10)
    subscriber.cursor = pulled["next"]
    with subscriber.stream() as events:
        visit(served.casework, home)
        last = next(events)

    assert types([first, second, again, last]) == ["registered", *["residence-verified"] * 3]
    assert again.data == second.data
    assert [int(each.data["sequence"]) for each in (first, second, again, last)] == [1, 2, 2, 4]
    assert [each["sequence"] for each in pulled["items"]] == ["000000000003"]


def test_whoever_streams_while_the_grant_is_narrowed_and_revoked_is_told_so_and_closed(served: Served):
    casework = served.casework
    subscriber = Subscriber(served.settings, subscribed(casework, "stream-2"))
    home = arrive(casework)

    with subscriber.stream() as events:
        before = [next(events)]
        less = casework.registry().grant("stream-2")
        assert less is not None
        casework.narrow_grant(
            by("operator"),
            name="stream-2",
            extent=replace(less.extent, types=(VISITS,)),
            narrowed_on=casework.today,
        )
        arrive(casework)
        visit(casework, home)
        before += [next(events), next(events)]
        casework.revoke_grant(by("operator"), name="stream-2", revoked_on=casework.today, reason="misuse")
        visit(casework, home)
        rest = list(events)

    assert types(before) == ["registered", "narrowed", "residence-verified"]
    assert [each.name for each in rest] == ["message", "ended"]
    assert rest[0].data["data"]["delete"] == {"everything": True}
    assert rest[1].data == {"reason": "grant-ended"}
    with subscriber.stream() as events:
        assert [each.name for each in events][-1] == "ended"
    wider = Subscriber(served.settings, subscribed(casework, "stream-3"))
    with wider.stream() as events:
        visit(casework, home)
        assert types([next(events)]) == ["residence-verified"]


def test_a_subscriber_that_is_killed_again_and_again_ends_with_exactly_its_events(served: Served):
    casework, over = served.casework, Event()
    subscriber = Subscriber(served.settings, subscribed(casework, "stream-4", types=(VISITS,)))
    homes = [arrive(casework) for _ in range(5)]
    visits: list[UUID] = []

    def write(random: Random) -> None:
        while not over.is_set():
            visits.append(random.choice(homes))
            visit(casework, visits[-1])
            over.wait(0.01)

    for seed in seeds(short=1, long=1):
        random = Random(seed)
        writer = Thread(target=write, args=(Random(seed),))
        writer.start()
        for _ in range(amount(short=12, long=100)):
            live_and_die(subscriber, random)
        over.set()
        writer.join()
        subscriber.pull_all()

    ids = casework.persons.hashes.own_ids("EDUB")
    assert [int(each["sequence"]) for each in subscriber.kept] == list(range(1, len(visits) + 1))
    assert len({each["id"] for each in subscriber.kept}) == len(visits)
    for home in homes:
        told = [each["id"] for each in subscriber.kept if each["subject"] == ids.encode(home)]
        assert told == [ids.encode(event_id) for event_id in event_ids(casework, home)]


def live_and_die(subscriber: Subscriber, random: Random) -> None:
    """Take some events by one channel or the other, and die before, while or after they are kept."""
    if random.random() < 0.5:
        batch = subscriber.pull(random.randint(1, 20), wait=1)
        if random.random() < 0.7:
            subscriber.keep(batch["items"], batch["next"])
        return
    with subscriber.stream() as events:
        received = [next(events) for _ in range(random.randint(1, 20))]
    for event in received[: random.randint(0, len(received))]:
        subscriber.keep([event.data], event.cursor)


def event_ids(casework: Casework, home: UUID) -> list[UUID]:
    with casework.pool.connection() as db:
        return [each.meta.event_id for each in reading.timeline(db, home) if each.type == VISITS]


def test_slow_readers_are_closed_hold_up_nobody_and_cost_little(served: Served):
    casework, burst = served.casework, amount(short=600, long=1000)
    subscriber = Subscriber(served.settings, subscribed(casework, "stream-5", types=(VISITS,)))
    homes = [arrive(casework) for _ in range(4)]
    following = Thread(target=subscriber.follow, args=(burst + 1,), daemon=True)
    with ExitStack() as open_ones:
        deaf = [open_ones.enter_context(subscriber.deaf()) for _ in range(amount(short=40, long=500))]
        following.start()
        visit(casework, homes[0])
        for each in deaf:  # from here on they are told with the others, or are about to be
            assert b"sequence" in rest(each, 1)
        before = memory(served.pid)

        for number in range(burst):
            visit(casework, homes[number % 4])
        following.join(60)
        after = memory(served.pid)
        endings = [rest(each, burst) for each in deaf]

    assert [int(each["sequence"]) for each in subscriber.kept] == list(range(1, burst + 2))
    lagging = [LAGS in each for each in endings]
    assert sum(lagging) > len(deaf) / 2
    assert all(lags or each.count(SEQUENCE) == burst for lags, each in zip(lagging, endings, strict=True))
    assert after - before < 20_000_000 + len(deaf) * 300_000


def rest(connection: socket, events: int) -> bytes:
    """What arrives, until so many events have, or the end."""
    connection.settimeout(60)
    whole = b""
    while LAGS not in whole[-(1 << 17) :] and whole.count(SEQUENCE) < events and (chunk := connection.recv(1 << 16)):
        whole += chunk
    return whole


CONSUMERS: dict[str, tuple[str | None, str]] = {
    "python": (sys.executable, "pull.py"),
    "node": (shutil.which("node"), "pull.mjs"),
}


@pytest.mark.parametrize("language", CONSUMERS)
def test_the_consumers_of_the_documentation_lose_nothing(served: Served, tmp_path: Path, language: str):
    program, script = CONSUMERS[language]
    if program is None:
        pytest.skip("there is no Node here")
    subscription_id = subscribed(served.casework, "stream-6")
    token = Subscriber(served.settings, subscription_id).headers["Authorization"].split()[1]
    base, kept = f"http://127.0.0.1:{served.settings.streams_port}", tmp_path / "events.jsonl"
    command = [program, str(ROOT / "docs" / "consumers" / script), base, str(subscription_id), str(kept), "--once"]

    for _ in range(2):
        arrive(served.casework)
        with kept.open("a") as file:
            file.write('{"items": [')  # a line that was cut short
        subprocess.run(command, env={**os.environ, "CASEWORK_TOKEN": token}, check=True, timeout=60)

    batches = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [int(each["sequence"]) for batch in batches for each in batch["items"]] == [1, 2]


def memory(pid: int) -> int:
    """Bytes of memory of a server's processes."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) * 4096 for each in (str(pid), *children))
