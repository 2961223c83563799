"""Subscriptions over the API: a bureau takes what it is told, from any point, and nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema_rs
import msgspec
import psycopg
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from casework.application import Casework
from tests.api.conftest import Answer, Desk, DeskOf, arrived
from tests.api.test_erasure import erased
from tests.api.test_grants import issued

VISITS = "household.residence-verified.v1"
ARRIVED = "household.registered.v1"


def subscribed(desk: DeskOf, name: str, bureau: str = "EDUB", **said: Any) -> str:
    """A subscription of a bureau's under a grant of its own; its path."""
    start = {key: said.pop(key) for key in ("start", "since") if key in said}
    issued(desk, name, bureau, **{"types": [VISITS, ARRIVED], **said})
    answer = desk("bureau", bureau=bureau).post("/v1/subscriptions", {"grant": name, **start})
    assert answer.status == 201, answer.text
    return f"/v1/subscriptions/{answer.json['id']}"


def visited(clerk: Desk, household: str, on: str = "2013-03-01") -> None:
    assert clerk.edit(household, "residence-verifications", {"verified_on": on, "outcome": "present"}).status == 200


def pulled(bureau: Desk, path: str, after: str | None = None, limit: int = 2) -> list[Answer]:
    """All batches after a cursor, as small as that."""
    batches: list[Answer] = []
    while not batches or not batches[-1].json["caught_up"]:
        asked = f"&after={after}" if after else ""
        batches.append(bureau.get(f"{path}/events?limit={limit}{asked}"))
        assert batches[-1].status == 200, batches[-1].text
        after = batches[-1].json["next"]
    return batches


def test_a_bureau_pulls_what_it_is_told_as_cloud_events(desk: DeskOf):
    clerk, schools = desk(), desk("bureau", bureau="EDUB")
    path = subscribed(desk, "pull-1", start="now")
    household = arrived(clerk)
    for day in ("2013-03-01", "2013-03-02"):
        visited(clerk, household, day)

    batches = pulled(schools, path)
    items = [each for batch in batches for each in batch.json["items"]]

    assert [each["type"].split(".", 3)[3] for each in items] == [ARRIVED, VISITS, VISITS]
    assert [int(each["sequence"]) for each in items] == [1, 2, 3]
    for item in items:
        event = JSONFormat().read(CloudEvent, msgspec.json.encode(item))
        assert event.get_specversion() == "1.0"
        assert household not in str(item)
    again = schools.get(f"{path}/events?limit=2").json
    assert again["items"] == items[:2]


def test_a_grant_that_hides_everything_leaves_a_cursor_that_moves(desk: DeskOf):
    path = subscribed(desk, "pull-2", types=["household.closed.v1"])
    arrived(desk())
    schools = desk("bureau", bureau="EDUB")

    first = schools.get(f"{path}/events").json
    arrived(desk())
    second = schools.get(f"{path}/events?after={first['next']}").json

    assert (first["items"], second["items"], second["caught_up"]) == ([], [], True)
    assert second["next"] != first["next"]


def test_a_request_that_waits_is_answered_once_there_is_something(desk: DeskOf):
    clerk, schools = desk(), desk("bureau", bureau="EDUB")
    path = subscribed(desk, "pull-3", start="now")
    household = arrived(clerk)
    after = pulled(schools, path)[-1].json["next"]

    with ThreadPoolExecutor(1) as elsewhere:
        waiting = elsewhere.submit(schools.get, f"{path}/events?after={after}&wait=25")
        visited(clerk, household)
        answer = waiting.result()

    assert [each["type"].rsplit(".", 2)[1] for each in answer.json["items"]] == ["residence-verified"]


def test_who_waits_while_the_grant_is_revoked_hears_that_and_no_more(desk: DeskOf):
    clerk, schools = desk(), desk("bureau", bureau="EDUB")
    path = subscribed(desk, "pull-4", start="now")
    household = arrived(clerk)
    after = pulled(schools, path)[-1].json["next"]

    with ThreadPoolExecutor(1) as elsewhere:
        waiting = elsewhere.submit(schools.get, f"{path}/events?after={after}&wait=25")
        desk("operator").post("/v1/grants/pull-4/revocations", {"reason": "misuse"})
        answer = waiting.result().json
    visited(clerk, household)
    later = schools.get(f"{path}/events?after={answer['next']}").json

    assert [each["data"] for each in answer["items"]] == [
        {"grant": "pull-4", "delete": {"everything": True}, "reason": "misuse"}
    ]
    assert (later["items"], later["caught_up"]) == ([], True)
    assert schools.get(path).json["in_force"] is False


def test_a_subscription_is_its_bureaus_alone_and_operators_look(desk: DeskOf):
    path = subscribed(desk, "pull-5")
    own, other = desk("bureau", bureau="EDUB"), desk("bureau", bureau="HRSS")
    program = desk("service", bureau="EDUB")

    assert [(each.status, each.json["code"]) for each in (other.get(path), other.get(f"{path}/events"))] == [
        (404, "subscription-unknown")
    ] * 2
    assert other.post(f"{path}/acknowledgements", {"person_ids": [path[-36:]]}).status == 404
    assert [each.get(path).status for each in (own, program, desk("operator"), desk("auditor"))] == [200] * 4
    assert program.get(f"{path}/events").status == 200
    assert desk("operator").get(f"{path}/events").status == 403
    assert path[-36:] in [each["id"] for each in own.get("/v1/subscriptions").json["items"]]
    assert path[-36:] not in [each["id"] for each in other.get("/v1/subscriptions").json["items"]]
    assert desk("service").post("/v1/subscriptions", {"grant": "pull-5"}).json["code"] == "bureau-missing"


def test_how_far_a_subscriber_has_come_can_be_seen(desk: DeskOf):
    clerk, schools = desk(), desk("bureau", bureau="EDUB")
    path = subscribed(desk, "pull-6", start="now")
    arrived(clerk)
    never = schools.get(path).json["standing"]
    after = pulled(schools, path)[-1].json["next"]
    schools.get(f"{path}/events?after={after}")
    level = desk("operator").get(path).json["standing"]
    caught_up = schools.get(path).json["standing"]["caught_up"]
    arrived(clerk)
    behind = desk("operator").get(path).json["standing"]

    assert never is None
    assert caught_up is True
    assert (level["sequence"], level["lag"], level["lag_seconds"], level["oldest_at"]) == (1, 0, 0, None)
    assert (behind["sequence"], behind["lag"], behind["held"]) == (1, 1, 0)
    assert behind["oldest_at"] is not None
    metrics = desk(None).get("/metrics").text
    assert f'casework_subscription_lag{{subscription="{path[-36:]}"}} 1.0' in metrics
    assert f'casework_subscription_held{{subscription="{path[-36:]}"}} 0.0' in metrics


def test_no_bureau_can_count_what_is_withheld_by_how_far_it_is_behind(desk: DeskOf):
    schools = desk("bureau", bureau="EDUB")
    path = subscribed(desk, "pull-16", start="now")
    pulled(schools, path)

    arrived(desk())
    behind = [each.get(path).json["standing"] for each in (schools, desk("service", bureau="EDUB"), desk("operator"))]

    assert [each["lag"] for each in behind] == [None, None, 1]
    assert [each["caught_up"] for each in behind] == [False] * 3
    assert [each["oldest_at"][17:-1] for each in behind[:2]] == ["00", "00"]
    assert behind[0]["lag_seconds"] % 60 == 0


def test_who_has_yet_to_acknowledge_an_erasure_can_be_seen(desk: DeskOf):
    clerk, schools, watching = desk(), desk("bureau", bureau="EDUB"), desk("operator")
    home = arrived(clerk)
    path, later = (subscribed(desk, name, start="now") for name in ("pull-17", "pull-18"))
    [member] = clerk.get(f"/v1/households/{home}").json["members"]

    erased(desk, home, member["person_id"])
    left = [each.get(path).json for each in (schools, watching)]
    metrics = desk(None).get("/metrics").text
    [notice] = [each for batch in pulled(schools, path) for each in batch.json["items"]]
    schools.post(f"{path}/acknowledgements", {"person_ids": [notice["data"]["person_id"]]})
    done, other = (watching.get(each).json for each in (path, later))
    watching.post("/v1/grants/pull-18/revocations", {"reason": "misuse"})

    assert [each["erasures_unacknowledged"] for each in left] == [1, 1]
    assert left[0]["oldest_unacknowledged_at"] is not None
    assert f'casework_erasures_unacknowledged{{subscription="{path[-36:]}"}} 1.0' in metrics
    assert (done["erasures_unacknowledged"], done["oldest_unacknowledged_at"]) == (0, None)
    assert other["erasures_unacknowledged"] == 1
    assert watching.get(later).json["erasures_unacknowledged"] == 0
    assert f'casework_erasures_unacknowledged{{subscription="{later[-36:]}"}}' not in desk(None).get("/metrics").text


def test_who_is_told_nothing_more_is_behind_nothing(desk: DeskOf):
    schools = desk("bureau", bureau="EDUB")
    path = subscribed(desk, "pull-19", start="now")
    pulled(schools, path)
    desk("operator").post("/v1/grants/pull-19/revocations", {"reason": "duty_ended"})

    arrived(desk())

    standing = desk("operator").get(path).json["standing"]
    assert (standing["lag"], standing["lag_seconds"], standing["caught_up"]) == (0, 0, True)
    metrics = desk(None).get("/metrics").text
    assert f'casework_subscription_lag{{subscription="{path[-36:]}"}} 0.0' in metrics
    assert f'casework_subscription_ended{{subscription="{path[-36:]}"}} 1.0' in metrics


def test_a_closed_subscription_gives_out_nothing(desk: DeskOf):
    path, schools = subscribed(desk, "pull-7"), desk("bureau", bureau="EDUB")

    closed, again = schools.ask("DELETE", path), schools.ask("DELETE", path)

    assert (closed.status, again.status) == (200, 200)
    assert schools.get(f"{path}/events").json["code"] == "subscription-closed"
    assert schools.get(path).json["closed_on"] == "2013-10-20"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"grant": "nothing"}, 404, "grant-unknown"),
        ({"grant": "hrss-own"}, 404, "grant-unknown"),
        ({"grant": "pull-8", "start": "day"}, 422, "invalid"),
        ({"grant": "pull-8", "start": "day", "since": "2013-10-21"}, 409, "date-in-future"),
    ],
)
def test_what_cannot_be_subscribed_to(desk: DeskOf, casework: Casework, body: Any, status: int, code: str):
    issued(desk, "pull-8")
    issued(desk, "hrss-own", "HRSS")

    answer = desk("bureau", bureau="EDUB").post("/v1/subscriptions", body)

    assert (answer.status, answer.json["code"]) == (status, code)


def test_cursors_of_others_and_of_another_epoch_are_refused(desk: DeskOf, casework: Casework):
    paths, schools = [subscribed(desk, name) for name in ("pull-9", "pull-10")], desk("bureau", bureau="EDUB")
    mine, other = (schools.get(f"{path}/events").json["next"] for path in paths)

    foreign = schools.get(f"{paths[0]}/events?after={other}")
    restored(casework, 2)
    older = schools.get(f"{paths[0]}/events?after={mine}")
    restored(casework, 1)

    assert (foreign.status, foreign.json["code"]) == (400, "cursor-invalid")
    assert (older.status, older.json["code"]) == (409, "epoch-changed")


def restored(casework: Casework, epoch: int) -> None:
    """As after a restore, which opens another epoch."""
    with psycopg.connect(str(casework.pool.conninfo)) as db:
        db.execute("UPDATE casework.log_birth SET epoch = %s", (epoch,))


def test_this_process_does_not_stream(desk: DeskOf):
    path = subscribed(desk, "pull-11")

    assert desk("bureau", bureau="EDUB").get(f"{path}/stream").json["code"] == "streams-elsewhere"


def test_the_streams_document_describes_every_event_that_is_told(desk: DeskOf):
    path, schools = subscribed(desk, "pull-12", start="now"), desk("bureau", bureau="EDUB")
    visited(desk(), arrived(desk()))
    items = [each for batch in pulled(schools, path) for each in batch.json["items"]]

    document = desk(None).get("/v1/asyncapi.json").json

    assert document["asyncapi"] == "3.0.0"
    messages, channels = document["components"]["messages"], document["channels"]
    named = [each["$ref"].rpartition("/")[2] for channel in channels.values() for each in channel["messages"].values()]
    assert set(named) == set(messages)
    assert {item["type"] for item in items} <= {each["name"] for each in messages.values()}
    event = document["components"]["schemas"]["CloudEvent"]
    for item in items:
        assert set(event["required"]) <= set(item) <= set(event["properties"])
        jsonschema_rs.validate(message_of(document, item["type"]), item)


def message_of(document: Any, type_name: str) -> Any:
    """The schema of an event's payload, with all that it refers to."""
    [payload] = [each["payload"] for each in document["components"]["messages"].values() if each["name"] == type_name]
    return {**payload, "components": document["components"]}
