"""What an operator sees of the views and their queues, and what they can do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from rq import Queue

from casework.cli import main
from casework.domain.aggregate import EVENT_TYPES
from casework.domain.events.residence import ResidenceVerified
from casework.domain.grants import GrantIssued, GrantRevoked
from casework.domain.ids import uuid7, vault_partition_of
from casework.domain.registry import grant_id, subscription_id
from casework.domain.subscriptions import SubscriptionOpened
from casework.streams.cursor import Cursor
from casework.streams.standing import remember
from casework.wake import connect
from tests.projections.lives import life
from tests.projections.simulated import Simulated, simulated
from tests.streams.given import extent
from workers.queue import DRAINS, enqueue_drain, queue

MENDED = "household.mended-in-time.v1"


@pytest.fixture
def log(database_url: str) -> Iterator[Simulated]:
    """An empty log with one live view set."""
    with simulated(database_url) as log:
        yield log


@pytest.fixture
def environ(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """What an operator's commands are told."""
    named = {"CASEWORK_DATABASE_URL": database_url, "CASEWORK_REDIS_URL": redis_url}
    return {**named, "CASEWORK_DATA_DIR": str(tmp_path)}


def run(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environ, catch_exceptions=False)


def status(environ: dict[str, str]) -> dict[str, Any]:
    result = run(environ, "status", "--json")
    assert result.exit_code == 0
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_status_tells_how_far_the_views_are_and_what_waits(log: Simulated, environ: dict[str, str]):
    stream = life(uuid7(), 1)
    log.tell(stream)
    with connect(environ["CASEWORK_REDIS_URL"]) as redis:
        drains: Queue = queue(DRAINS, redis)
        enqueue_drain(drains)

        behind = status(environ)
        log.drain()
        there = status(environ)

    assert behind["views"]["view_1"]["lag"] == len(stream)
    assert behind["views"]["view_1"]["lag_seconds"] > 0
    assert behind["queues"]["drains"]["waiting"] == 1
    assert behind["queues"]["long"] == {"waiting": 0, "oldest_seconds": 0.0}
    shown = there["views"]["view_1"]
    assert (shown["head"], shown["position"], shown["lag"], shown["lag_seconds"]) == (len(stream), len(stream), 0, 0)
    assert (shown["frozen_seconds"], shown["events_per_second"], shown["parked"]) == (0, 0, 0)


def test_status_names_the_grant_of_a_subscription(log: Simulated, environ: dict[str, str]):
    id = subscription_id(uuid7())
    log.tell_registry(
        id, SubscriptionOpened(occurred_on=date(2013, 3, 1), bureau="EDUB", grant="edub-schools", start="beginning")
    )
    with log.pool.connection() as db:
        remember(db, id, Cursor.beginning(1), ())

    told = status(environ)["subscriptions"][str(id)]

    assert (told["grant"], told["sequence"], told["lag"]) == ("edub-schools", 0, 0)
    assert f"subscription {id} (edub-schools): 0 events given" in run(environ, "status").output.replace("\n", " ")


def test_status_says_whose_subscription_ended_and_who_has_yet_to_acknowledge_an_erasure(
    log: Simulated, environ: dict[str, str]
):
    for name in ("edub-schools", "edub-gone"):
        log.tell_registry(
            grant_id(name),
            GrantIssued(
                occurred_on=date(2013, 3, 1),
                name=name,
                bureau="EDUB",
                purpose="service",
                legal_basis="statutory_duty",
                extent=extent(),
            ),
        )
    going_on, ended = subscription_id(uuid7()), subscription_id(uuid7())
    for id, name in ((going_on, "edub-schools"), (ended, "edub-gone")):
        log.tell_registry(
            id, SubscriptionOpened(occurred_on=date(2013, 3, 1), bureau="EDUB", grant=name, start="beginning")
        )
    log.tell_registry(grant_id("edub-gone"), GrantRevoked(occurred_on=date(2013, 4, 1), reason="misuse"))
    home = life(uuid7(), 1)
    log.tell(home)
    person, household = uuid7(), home[0].originator_id
    with log.pool.connection() as db:
        for id in (going_on, ended):
            remember(db, id, Cursor.beginning(1), ())
    with psycopg.connect(environ["CASEWORK_DATABASE_URL"]) as db:
        for gone in (person, household):
            db.execute(
                "INSERT INTO vault.erased (partition, subject_id) VALUES (%s, %s)", (vault_partition_of(gone), gone)
            )

    told = status(environ)
    shown = run(environ, "status").output.replace("\n", " ")

    assert [told["subscriptions"][str(id)]["lag"] for id in (going_on, ended)] == [len(home), 0]
    assert {id: each["unacknowledged"] for id, each in told["erasures"].items()} == {str(going_on): 1}
    assert f"subscription {ended} (edub-gone): 0 events given, ended" in shown
    assert f"subscription {going_on} (edub-schools): 1 erasures not acknowledged" in shown


def test_what_was_parked_is_shown_and_comes_back_after_the_fix(
    log: Simulated, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    stream = life(uuid7(), 2)
    log.tell(stream)
    log.tell_poison(stream[0].originator_id, len(stream) + 1, MENDED)
    log.drain()

    shown = status(environ)["parked"]
    stays = run(environ, "unpark").output
    monkeypatch.setitem(EVENT_TYPES, MENDED, ResidenceVerified)
    comes_back = run(environ, "unpark").output

    assert shown == [{"household_id": str(stream[0].originator_id), "error": f"Undecodable: {MENDED}"}]
    assert (stays, comes_back) == (
        "1 households stay parked; casework status says why.\n",
        "No household stays parked.\n",
    )
    assert log.differences() == []


def test_the_views_are_verified_against_a_replay(log: Simulated, environ: dict[str, str]):
    stream = life(uuid7(), 3)
    log.tell(stream)
    log.drain()

    right = run(environ, "verify", "views")
    log.as_owner("UPDATE view_1.household SET members = members + 1")
    wrong = run(environ, "verify", "views", "--sample", "10", "--json")

    assert (right.exit_code, wrong.exit_code) == (0, 1)
    assert "1 households" in right.output
    assert "members" in json.loads(wrong.stdout)["differences"][0]
