"""Webhooks over the API: endpoints set, looked at, asked again, and sent from the beginning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from threading import Event
from uuid import UUID, uuid4

import pytest
from flask import Flask
from msgspec.structs import replace as changed
from standardwebhooks import Webhook

from api.app import create_app
from casework.application import Casework
from casework.config import Settings
from casework.streams.webhooks.lanes import Lanes
from casework.streams.webhooks.schedule import schedule
from casework.streams.webhooks.sending import Sender
from tests.api.conftest import Answer, Desk, DeskOf, arrived
from tests.api.test_subscriptions import subscribed
from tests.streams.test_feed import visited
from tests.streams.webhooks.receiver import Receiver, Reply, echo, receiving

PLAN = changed(schedule(), retry_seconds=(0.0,), rest_seconds=(0.0,), failures_to_rest=1000)


@pytest.fixture(scope="module")
def app(casework: Casework, settings: Settings) -> Flask:
    return create_app(casework=casework, settings=replace(settings, webhook_targets="loopback"))


@pytest.fixture
def receiver(casework: Casework) -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
    with casework.pool.connection() as db:
        db.execute("DELETE FROM casework.webhook_endpoint")


def deliver(casework: Casework, **plan: float) -> None:
    sender = Sender(connect_seconds=2, answer_seconds=2, loopback=True)
    Lanes(casework, sender, Event(), plan=changed(PLAN, **plan)).work_off()
    sender.close()


def put(desk: Desk, path: str, receiver: Receiver, **more: str) -> Answer:
    answer = desk.put(f"{path}/endpoint", {"url": receiver.url(), **more})
    assert answer.status == 200, answer.text
    return answer


def test_a_bureau_sets_an_endpoint_and_is_sent_what_it_may_know(desk: DeskOf, casework: Casework, receiver: Receiver):
    schools, clerk = desk("bureau", bureau="EDUB"), desk()
    path = subscribed(desk, "hook-1")
    arrived(clerk)

    made = put(schools, path, receiver)
    again = put(schools, path, receiver)
    deliver(casework)
    read = schools.get(f"{path}/endpoint").json
    [said] = [each for each in receiver.data() if each["type"].endswith("household.registered.v1")][:1]
    pulled = schools.get(f"{path}/events?after={said['cursor']}").json["items"]

    assert (made.json["state"], made.json["secret"][:6], again.json["secret"]) == ("unverified", "whsec_", None)
    assert (read["state"], read["content"], read["secret"]) == ("active", "thin", None)
    assert read["stands"]["delivered_total"] == len(receiver.data()) > 0
    assert (read["stands"]["breaker"], read["stands"]["lag"], read["stands"]["waiting"]) == ("closed", None, 0)
    watched = desk("operator").get(f"{path}/endpoint").json["stands"]
    assert (watched["lag"], watched["withheld_total"], read["stands"]["withheld_total"]) == (0, 0, None)
    assert (watched["caught_up"], read["stands"]["caught_up"]) == (True, True)
    assert said["id"] in [each["id"] for each in pulled]
    for message in receiver.taken:
        Webhook(made.json["secret"]).verify(message.body, message.headers)


def test_a_secret_is_rotated_once_by_a_key(desk: DeskOf, receiver: Receiver):
    schools = desk("bureau", bureau="EDUB")
    path = subscribed(desk, "hook-2")
    made = put(schools, path, receiver)

    first, again = (schools.post(f"{path}/endpoint/secrets", {}, Idempotency_Key="turn") for _ in range(2))
    other = schools.post(f"{path}/endpoint/secrets", {})

    assert first.status == 202
    assert first.json["secret"] == again.json["secret"] not in (made.json["secret"], other.json["secret"])
    assert first.json["secrets"] == 2


def test_what_was_given_up_is_listed_and_sent_again(desk: DeskOf, casework: Casework, receiver: Receiver):
    schools = desk("bureau", bureau="EDUB")
    path = subscribed(desk, "hook-3")
    receiver.behave = lambda message: echo(message) if message.is_challenge else Reply(400)
    put(schools, path, receiver)
    arrived(desk())

    deliver(casework, give_up_seconds=0.0)
    listed = schools.get(f"{path}/deliveries?limit=1").json
    [dead] = listed["items"]
    receiver.behave = echo
    sent = schools.post(f"{path}/deliveries/{dead['id']}/redeliveries", {})
    twice = schools.post(f"{path}/deliveries/{dead['id']}/redeliveries", {})
    deliver(casework)
    gone = schools.post(f"{path}/deliveries/{dead['id']}/redeliveries", {})

    assert (dead["state"], dead["outcome"], listed["next"] is not None) == ("dead", "status-400", True)
    assert (sent.status, sent.json["state"]) == (202, "waiting")
    assert (twice.status, twice.json["code"]) == (409, "delivery-waits")
    assert [each["id"] for each in receiver.data()] == [dead["id"]]
    assert (gone.status, gone.json["code"]) == (404, "delivery-unknown")
    following = schools.get(f"{path}/deliveries?cursor={listed['next']}").json["items"]
    assert dead["id"] not in [each["id"] for each in following]


def test_no_two_bureaus_know_a_delivery_by_where_it_stands_in_the_log(
    desk: DeskOf, casework: Casework, receiver: Receiver
):
    receiver.behave = lambda message: echo(message) if message.is_challenge else Reply(400)
    clerks = {each: desk("bureau", bureau=each) for each in ("EDUB", "HLTH")}
    paths = {each: subscribed(desk, f"hook-12-{each.lower()}", bureau=each) for each in clerks}
    for each, clerk in clerks.items():
        put(clerk, paths[each], receiver)
    arrived(desk())

    deliver(casework, give_up_seconds=0.0)
    lists = {each: clerk.get(f"{paths[each]}/deliveries?limit=1") for each, clerk in clerks.items()}
    [one, other] = [answer.json["next"] for answer in lists.values()]
    everything = clerks["EDUB"].get(f"{paths['EDUB']}/deliveries").json["items"]
    rest = clerks["EDUB"].get(f"{paths['EDUB']}/deliveries?cursor={one}").json["items"]
    strange = clerks["EDUB"].get(f"{paths['EDUB']}/deliveries?cursor={other}")

    assert one != other
    assert rest == everything[1:]
    assert (strange.status, strange.json["code"]) == (400, "cursor-invalid")


def test_everything_is_sent_again_from_where_it_is_asked(desk: DeskOf, casework: Casework, receiver: Receiver):
    schools = desk("bureau", bureau="EDUB")
    path = subscribed(desk, "hook-4")
    put(schools, path, receiver)
    visited(casework, UUID(arrived(desk())), date(2013, 3, 1))
    deliver(casework)
    once = [each["id"] for each in receiver.data()]

    from_all = schools.post(f"{path}/replays", {})
    deliver(casework)
    twice = [each["id"] for each in receiver.data()][len(once) :]
    both = schools.post(f"{path}/replays", {"after": "x", "since": "2013-01-01"})
    forged = schools.post(f"{path}/replays", {"after": "x"})

    assert from_all.status == 202
    assert sorted(once) == sorted(twice)
    assert (both.status, both.json["code"]) == (422, "replay-from-both")
    assert (forged.status, forged.json["code"]) == (400, "cursor-invalid")


def test_an_endpoint_is_removed(desk: DeskOf, casework: Casework, receiver: Receiver):
    schools = desk("bureau", bureau="EDUB")
    path = subscribed(desk, "hook-5")
    put(schools, path, receiver)

    removed = schools.ask("DELETE", f"{path}/endpoint")
    read = schools.get(f"{path}/endpoint")
    deliver(casework)

    assert removed.status == 200
    assert (read.status, read.json["code"]) == (404, "endpoint-missing")
    assert receiver.came == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://10.0.0.1/", "target-refused"),
        ("https://[fe80::1]/", "target-refused"),
        ("https://169.254.169.254/latest", "target-refused"),
        ("ftp://hooks.example/", "target-url"),
        ("https://user@hooks.example/", "target-url"),
        ("https://2130706433/", "target-url"),
    ],
)
def test_no_endpoint_is_set_inside(desk: DeskOf, url: str, code: str):
    path = subscribed(desk, f"hook-{uuid4().hex[:8]}")

    answer = desk("bureau", bureau="EDUB").put(f"{path}/endpoint", {"url": url})

    assert (answer.status, answer.json["code"]) == (422, code)


def test_another_bureaus_endpoint_is_not_there(desk: DeskOf, receiver: Receiver):
    path = subscribed(desk, "hook-6")
    put(desk("bureau", bureau="EDUB"), path, receiver)
    other, operator = desk("bureau", bureau="HRSS"), desk("operator")

    for answer in (
        other.get(f"{path}/endpoint"),
        other.put(f"{path}/endpoint", {"url": "https://hooks.example/"}),
        other.post(f"{path}/endpoint/secrets", {}),
        other.get(f"{path}/deliveries"),
        other.post(f"{path}/replays", {}),
    ):
        assert (answer.status, answer.json["code"]) == (404, "subscription-unknown")
    looked = operator.get(f"{path}/endpoint")
    assert (looked.status, looked.json["secret"]) == (200, None)
    assert operator.put(f"{path}/endpoint", {"url": "https://hooks.example/"}).status == 403


def test_operators_see_how_webhooks_stand(desk: DeskOf, casework: Casework, receiver: Receiver):
    path = subscribed(desk, "hook-7")
    put(desk("bureau", bureau="EDUB"), path, receiver)
    arrived(desk())
    deliver(casework)

    told = desk(None).get("/metrics").text

    id = path[-36:]
    assert f'casework_webhook_active{{subscription="{id}"}} 1.0' in told
    assert f'casework_webhook_lag{{subscription="{id}"}} 0.0' in told
    assert f'casework_webhook_deliveries_total{{outcome="delivered",subscription="{id}"}}' in told
