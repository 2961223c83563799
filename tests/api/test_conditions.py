"""Keys, tags and versions: what makes a second try harmless and an edit not overwrite another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from casework.application import Casework
from casework.domain.ids import uuid8_from
from casework.log import reading
from tests.api.conftest import Answer, Desk, DeskOf, arrival, arrived, id_number
from tests.given import OTHER_COMMUNITY, by

VISIT = {"verified_on": "2013-02-01", "outcome": "present"}
HALL = {"service": "COM-HALL", "delivered_on": "2013-02-01"}


@pytest.fixture
def clerk(desk: DeskOf) -> Desk:
    return desk()


def events_in(casework: Casework) -> int:
    with casework.pool.connection() as db:
        row = db.execute("SELECT count(*) FROM casework.events").fetchone()
    return int(row[0]) if row else 0


def test_fifty_registrations_at_once_with_one_key_are_one(desk: DeskOf, casework: Casework):
    desk()
    before = events_in(casework)
    body = arrival("孙丽", id_number=id_number("19900517", "002"))

    def send(_: int) -> Answer:
        return desk().post("/v1/households", body, Idempotency_Key="fifty-arrivals")

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(50)))

    assert {(answer.status, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert events_in(casework) == before + 1


def test_fifty_deliveries_at_once_with_one_key_are_one(desk: DeskOf):
    household = arrived(desk())

    def send(_: int) -> Answer:
        path = f"/v1/households/{household}/deliveries"
        return desk().post(path, HALL, Idempotency_Key="fifty-deliveries", If_Match='"1"')

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(50)))

    assert {(answer.status, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert desk().get(f"/v1/households/{household}").json["version"] == 2


def test_what_was_not_refused_as_it_was_seen_is_a_conflict(clerk: Desk):
    """Who became the head meanwhile does not leave just so: to whoever saw them as a member, that is news."""
    body = arrival("甲")
    spouse = {"relation": "spouse", "sex": "male", "born_on": "1985-02-03", "name": "乙", "migrant": True}
    body["members"].append(spouse)
    made = clerk.post("/v1/households", body).json
    household, (_, other) = made["id"], made["events"][0]["person_ids"]
    clerk.edit(household, "head-changes", {"changed_on": "2013-02-01", "person_id": other})
    path = f"/v1/households/{household}/members/{other}/departures"

    answers = [
        clerk.post(path, {"left_on": "2013-03-01", "reason": "moved_out"}, If_Match=seen) for seen in ('"1"', '"2"')
    ]

    assert [(answer.status, answer.json["code"]) for answer in answers] == [
        (412, "version-conflict"),
        (409, "new-head-needed"),
    ]


def test_the_same_key_with_another_body_is_refused(clerk: Desk):
    household = arrived(clerk)
    path = f"/v1/households/{household}/deliveries"
    clerk.post(path, HALL, Idempotency_Key="once", If_Match='"1"')

    other = clerk.post(path, {**HALL, "delivered_on": "2013-02-02"}, Idempotency_Key="once", If_Match='"2"')

    assert (other.status, other.json["code"]) == (422, "command-reused")


def test_spaces_and_order_do_not_make_another_body(clerk: Desk):
    household = arrived(clerk)
    path = f"/v1/households/{household}/deliveries"

    headers = {"Idempotency_Key": "k", "If_Match": '"1"'}

    first = clerk.send(path, b'{"service":"COM-HALL","delivered_on":"2013-02-01"}', **headers)
    again = clerk.send(path, b'{ "delivered_on": "2013-02-01", "service": "COM-HALL"}', **headers)

    assert first.status == 201
    assert again.text == first.text


def test_a_refusal_leaves_nothing_and_is_decided_anew(clerk: Desk):
    household = arrived(clerk)
    path = f"/v1/households/{household}/closings"
    too_late = {"closed_on": "2031-01-01", "reason": "dissolved"}
    refused = clerk.post(path, too_late, Idempotency_Key="again", If_Match='"1"')

    accepted = clerk.post(path, {**too_late, "closed_on": "2013-03-01"}, Idempotency_Key="again", If_Match='"1"')

    assert (refused.status, accepted.status) == (409, 200)


def test_keys_belong_to_their_client_and_resource(desk: DeskOf):
    one, other = arrived(desk()), arrived(desk())
    headers = {"Idempotency_Key": "shared", "If_Match": '"1"'}

    answers = [
        desk().post(f"/v1/households/{one}/deliveries", HALL, **headers),
        desk().post(f"/v1/households/{other}/deliveries", HALL, **headers),
        desk(sub="caseworker-2").post(
            f"/v1/households/{one}/deliveries", {**HALL, "delivered_on": "2013-02-03"}, **headers
        ),
    ]

    assert [answer.status for answer in answers] == [201, 201, 201]


def test_a_key_means_the_same_however_the_address_is_spelled(clerk: Desk):
    body = arrival()
    arrivals = [clerk.post(f"/v1/households{end}", body, Idempotency_Key="spelled") for end in ("", "/")]
    household = arrivals[0].json["id"]
    deliveries = [
        clerk.post(f"/v1/households/{spelled}/deliveries", HALL, Idempotency_Key="spelled", If_Match='"1"')
        for spelled in (household, household.upper())
    ]

    assert {(answer.status, answer.text) for answer in arrivals} == {(201, arrivals[0].text)}
    assert {(answer.status, answer.text) for answer in deliveries} == {(201, deliveries[0].text)}


def test_a_key_cannot_be_found_by_trying(clerk: Desk, casework: Casework):
    number = id_number("19900517", "004")
    household = arrived(clerk)

    clerk.post(f"/v1/households/{household}/deliveries", HALL, Idempotency_Key=number, If_Match='"1"')

    with casework.pool.connection() as db:
        [event] = reading.timeline(db, UUID(household), after_version=1)
    names = ("key", "caseworker-1", "services.deliver", f"household_id={household}", number)
    path = ("key", "caseworker-1", f"/v1/households/{household}/deliveries", number)
    assert event.meta.command_id == casework.persons.hashes.command_id(*names)
    assert event.meta.command_id not in {uuid8_from("\0".join(tried).encode()) for tried in (names, path)}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "idempotency-key-missing"),
        ({"Idempotency-Key": "钥匙".encode().decode("latin-1")}, 400, "idempotency-key-malformed"),
        ({"Idempotency-Key": "x" * 256}, 400, "idempotency-key-malformed"),
        ({"Idempotency-Key": "k"}, 428, "if-match-missing"),
        ({"Idempotency-Key": "k", "If-Match": "1"}, 400, "if-match-malformed"),
        ({"Idempotency-Key": "k", "If-Match": "*"}, 400, "if-match-malformed"),
        ({"Idempotency-Key": "k", "If-Match": 'W/"1"'}, 400, "if-match-malformed"),
    ],
)
def test_headers_that_a_command_needs(clerk: Desk, headers: Any, status: int, code: str):
    household = arrived(clerk)
    bearer = {"Authorization": f"Bearer {clerk.token}"}

    response = clerk.client.post(f"/v1/households/{household}/deliveries", json=HALL, headers=bearer | headers)

    assert (response.status_code, response.get_json()["code"]) == (status, code)


def test_an_edit_of_what_somebody_else_edited_conflicts_and_says_what_came_between(clerk: Desk):
    household = arrived(clerk)
    path = f"/v1/households/{household}/moves"
    clerk.post(path, {"moved_on": "2013-02-01", "to_community": OTHER_COMMUNITY}, If_Match='"1"')

    late = clerk.post(path, {"moved_on": "2013-03-01", "to_community": "410105001001"}, If_Match='"1"')

    assert (late.status, late.json["code"]) == (412, "version-conflict")
    assert (late.json["expected"], late.json["actual"]) == (1, 2)
    assert [(each["version"], each["type"]) for each in late.json["events"]] == [(2, "household.moved.v1")]


def test_an_edit_of_another_part_does_not_conflict(clerk: Desk):
    household = arrived(clerk)
    delivered = clerk.post(f"/v1/households/{household}/deliveries", HALL, If_Match='"1"')

    moved = clerk.post(
        f"/v1/households/{household}/moves",
        {"moved_on": "2013-02-01", "to_community": OTHER_COMMUNITY},
        If_Match='"1"',
    )

    assert (delivered.status, moved.status, moved.json["version"]) == (201, 200, 3)


def test_a_version_that_was_never_there_conflicts(clerk: Desk):
    household = arrived(clerk)

    answer = clerk.post(f"/v1/households/{household}/residence-verifications", VISIT, If_Match='"7"')

    assert (answer.status, answer.json["actual"]) == (412, 1)


def test_the_tag_of_a_command_is_that_of_the_next_read(clerk: Desk):
    household = arrived(clerk)
    written = clerk.edit(household, "residence-verifications", VISIT).headers["ETag"]

    read = clerk.get(f"/v1/households/{household}")
    again = clerk.get(f"/v1/households/{household}", If_None_Match=written)

    assert read.headers["ETag"] == written
    assert (again.status, again.text, again.headers["ETag"]) == (304, "", written)


def test_the_tag_changes_with_a_units_fact_and_a_date(clerk: Desk, desk: DeskOf):
    household = arrived(clerk)
    path = f"/v1/households/{household}"
    before = clerk.get(path).headers["ETag"]
    contract = {"fact": "UF-COLL", "reported_on": "2013-02-01", "from": "2013-01-01"}
    desk("operator").post("/v1/units/emp-1/facts", contract, If_Match='"1"')

    after, other_day = clerk.get(path).headers["ETag"], clerk.get(f"{path}?as_of=2013-05-05").headers["ETag"]

    assert len({before, after, other_day}) == 3
    assert {tag.partition(".")[0] for tag in (before, after, other_day)} == {'"1'}


def test_a_household_that_was_kept_is_read_anew_where_others_wrote(clerk: Desk, casework: Casework):
    household = arrived(clerk)
    first = clerk.edit(household, "deliveries", HALL)
    another = Casework(casework.pool, casework.persons, now=casework.now)
    visit = {"verified_on": date(2013, 3, 1), "outcome": "absent"}
    another.give(UUID(first.json["id"]), "verify_residence", by("service"), **visit)
    another.close()

    stale = clerk.post(f"/v1/households/{household}/residence-verifications", VISIT, If_Match='"2"')
    other = clerk.post(f"/v1/households/{household}/deliveries", {**HALL, "delivered_on": "2013-02-02"}, If_Match='"2"')

    assert (stale.status, stale.json["actual"]) == (412, 3)
    assert (other.status, other.json["version"]) == (201, 4)
