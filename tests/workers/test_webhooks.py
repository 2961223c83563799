"""Webhooks by processes of their own: killed at any point, beside endpoints that hang, and without Redis."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGTERM
from threading import Event

import pytest

from casework.application import Casework
from casework.projections.sets import ensure_live
from casework.wake import connect
from tests.given import casework_on
from tests.processes import Process, Start, stands_still, starting, stop
from tests.streams.test_feed import VISITS, visited
from tests.streams.webhooks.conftest import Post, homes_of
from tests.streams.webhooks.receiver import Message, Receiver, Reply, echo, receiving
from workers.queue import WEBHOOKS, enqueue_webhooks, queue


@pytest.fixture
def casework(database_url: str, tmp_path: Path) -> Iterator[Casework]:
    opened = casework_on(database_url, tmp_path / "keys")
    casework = next(opened)
    with casework.pool.connection() as db:
        ensure_live(db)
    yield casework
    next(opened, None)


@pytest.fixture
def post(casework: Casework) -> Post:
    return Post(casework)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def start(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Start]:
    with starting(database_url, redis_url) as start:

        def begin(*arguments: str, **environ: str) -> Process:
            keys = {"CASEWORK_KEYS_DIR": str(tmp_path / "keys"), "CASEWORK_DATA_DIR": str(tmp_path)}
            return start(*arguments, CASEWORK_WEBHOOK_TARGETS="loopback", **keys, **environ)

        yield begin


def asked(redis_url: str) -> None:
    """Let a worker of webhooks have something to do, as the beat does."""
    with connect(redis_url, answer_seconds=5) as connection:
        connection.flushdb()  # whoever was killed left its job behind
        enqueue_webhooks(queue(WEBHOOKS, connection))


def days(receiver: Receiver) -> dict[str, list[str]]:
    """By household the days that it was told, as they came for the first time."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in receiver.data():
        if each["occurredon"] not in found[each["subject"]]:
            found[each["subject"]].append(each["occurredon"])
    return dict(found)


def test_whenever_it_is_killed_all_comes_at_least_once_and_in_order(
    casework: Casework, post: Post, receiver: Receiver, start: Start, redis_url: str
):
    chance = random.Random(seed := random.randrange(10**6))
    print(f"seed {seed}")
    post.to(receiver)
    homes = homes_of(casework, 8)
    places = [f"webhook-sent=kill@{chance.randint(1, 8)}" for _ in range(6)]
    places += ["webhooks-claimed=kill", "webhooks-sent=kill"]

    for day, place in enumerate(places, 1):
        for home in homes:
            visited(casework, home, date(2013, 3, day))
        asked(redis_url)
        assert start("webhooks", CASEWORK_FAULT=place).wait(timeout=60) == -SIGKILL, (seed, place)
        with casework.pool.connection() as db:  # that a claim runs out by itself is tested below
            db.execute("UPDATE casework.webhook_endpoint SET claimed_until = '-infinity'")
    for home in homes:
        visited(casework, home, date(2013, 3, len(places) + 1))
    asked(redis_url)
    last = start("webhooks")

    ids, whole = casework.persons.hashes.own_ids("EDUB"), [f"2013-03-0{day}" for day in range(1, len(places) + 2)]
    expected = {ids.encode(home): whole for home in homes}
    assert receiver.wait_for(lambda: days(receiver) == expected), (seed, days(receiver))
    assert {each["type"].split("integration.")[1] for each in receiver.data()} == {VISITS}
    assert stop(last) == 0


def test_another_goes_on_when_a_claim_has_run_out(
    casework: Casework, post: Post, receiver: Receiver, start: Start, redis_url: str
):
    post.to(receiver)
    visited(casework, homes_of(casework, 1)[0])
    asked(redis_url)
    assert start("webhooks", CASEWORK_FAULT="webhooks-claimed=kill").wait(timeout=60) == -SIGKILL
    assert receiver.came == []

    asked(redis_url)
    start("webhooks")

    assert receiver.wait_for(lambda: len(receiver.data()) == 1)


def test_a_worker_that_stood_still_is_not_heard_when_it_goes_on(
    casework: Casework, post: Post, receiver: Receiver, start: Start, redis_url: str
):
    subscription = post.to(receiver)
    homes = homes_of(casework, 2)
    for home in homes:
        visited(casework, home)
    asked(redis_url)
    stopped = start("webhooks", CASEWORK_FAULT="webhooks-sent=stop@1")
    assert stands_still(stopped)

    asked(redis_url)
    other = start("webhooks")  # which goes on once the claim has run out
    for home in homes:
        visited(casework, home, date(2013, 3, 2))
    both = {"2013-03-01", "2013-03-02"}
    assert receiver.wait_for(lambda: [set(each) for each in days(receiver).values()] == [both, both])
    assert stop(other) == 0
    came, cursor = len(receiver.data()), post.row(subscription, "positions")
    stopped.send_signal(SIGCONT)
    stopped.send_signal(SIGTERM)

    assert stopped.wait(timeout=30) == 0
    assert post.row(subscription, "positions") == cursor
    assert post.row(subscription, "delivered") == 4
    assert came == 6  # the first two came again, since nobody was told that they had come


def test_endpoints_that_hang_keep_no_other_waiting(
    casework: Casework, post: Post, receiver: Receiver, start: Start, redis_url: str
):
    released = Event()

    def hang(message: Message) -> Reply:
        return echo(message) if message.is_challenge or released.wait(60) else Reply(500)

    with receiving(hang) as hanging:
        for _ in range(4):
            post.to(hanging)
        post.to(receiver)
        homes = homes_of(casework, 5)
        for home in homes:
            visited(casework, home)
        asked(redis_url)
        worker = start("webhooks")
        hung = hanging.wait_for(lambda: sum(not each.is_challenge for each in hanging.came) >= 4)
        for home in homes:
            visited(casework, home, date(2013, 3, 2))

        came = receiver.wait_for(lambda: len(receiver.data()) == 10)
        nothing_taken = hanging.data() == []
        released.set()

        assert hung
        assert came
        assert nothing_taken
        assert stop(worker) == 0


def test_redis_may_be_away(casework: Casework, post: Post, receiver: Receiver, start: Start):
    post.to(receiver)
    visited(casework, homes_of(casework, 1)[0])

    start("webhooks", CASEWORK_REDIS_URL="redis://127.0.0.1:1")

    assert receiver.wait_for(lambda: len(receiver.data()) == 1)
