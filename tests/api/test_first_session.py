"""What somebody does in their first hour, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from casework.application import Casework
from tests.api.conftest import Desk, DeskOf, arrival, arrived
from tests.given import COMMUNITY, OTHER_COMMUNITY

VISIT = {"outcome": "present", "verified_on": "2013-09-01"}
HALL = {"service": "COM-HALL", "delivered_on": "2013-09-01"}


@pytest.fixture
def caseworker(desk: DeskOf) -> Desk:
    return desk("caseworker")


def test_a_delivery_raises_the_level_that_it_counts_in(caseworker: Desk):
    household = arrived(caseworker)
    before = caseworker.get(f"/v1/households/{household}").json

    caseworker.edit(household, "deliveries", HALL)

    after = caseworker.get(f"/v1/households/{household}").json
    assert indicator(before, "COM5")["num"] == 0
    assert indicator(after, "COM5")["num"] == 1
    assert after["assessment"]["levels"][2]["score"] > before["assessment"]["levels"][2]["score"]


def indicator(household: Any, code: str) -> Any:
    levels = household["assessment"]["levels"]
    return next(each for level in levels for each in level["indicators"] if each["indicator"] == code)


def test_the_same_key_gives_the_same_answer_and_another_body_is_refused(caseworker: Desk):
    household = arrived(caseworker)
    seen = caseworker.get(f"/v1/households/{household}").headers["ETag"]

    def deliver(body: dict[str, str]) -> Any:
        path = f"/v1/households/{household}/deliveries"
        return caseworker.post(path, body, Idempotency_Key="once", If_Match=seen)

    first, again = deliver(HALL), deliver(HALL)
    other = deliver({**HALL, "delivered_on": "2013-09-02"})

    assert (first.status, again.json) == (again.status, first.json)
    assert (other.status, other.json["code"]) == (422, "command-reused")


def test_fifty_double_clicks_count_once(caseworker: Desk, desk: DeskOf, casework: Casework):
    household = arrived(caseworker)
    seen = caseworker.get(f"/v1/households/{household}").headers["ETag"]

    def click(_: int) -> Any:
        path = f"/v1/households/{household}/deliveries"
        return desk("caseworker").post(path, HALL, Idempotency_Key="clicked", If_Match=seen).json

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(click, range(50)))

    assert all(answer == answers[0] for answer in answers)
    assert caseworker.get(f"/v1/households/{household}").json["version"] == 2


def test_an_edit_without_having_looked_is_refused(caseworker: Desk):
    household = arrived(caseworker)

    answer = caseworker.post(f"/v1/households/{household}/residence-verifications", VISIT)

    assert answer.status == 428


def test_an_edit_of_what_somebody_else_changed_shows_both_versions(caseworker: Desk):
    household = arrived(caseworker)
    seen = caseworker.get(f"/v1/households/{household}").headers["ETag"]
    move = {"to_community": OTHER_COMMUNITY, "moved_on": "2013-08-01"}
    caseworker.edit(household, "moves", move)

    back = {"to_community": COMMUNITY, "moved_on": "2013-08-02"}
    late = caseworker.post(f"/v1/households/{household}/moves", back, If_Match=seen)

    assert (late.status, late.json["code"]) == (412, "version-conflict")


def test_what_has_not_changed_is_not_sent_again(caseworker: Desk):
    household = arrived(caseworker)
    seen = caseworker.get(f"/v1/households/{household}").headers["ETag"]

    assert caseworker.get(f"/v1/households/{household}", If_None_Match=seen).status == 304


def test_a_household_of_another_district_is_not_there(caseworker: Desk, desk: DeskOf):
    household = arrived(caseworker)

    assert desk("caseworker", divisions=["410102"]).get(f"/v1/households/{household}").status == 404


def test_a_list_shows_what_was_just_written_when_it_is_asked_to(caseworker: Desk, drain: Callable[[], None]):
    answer = caseworker.post("/v1/households", arrival("赵敏"))
    drain()

    listed = caseworker.get(f"/v1/households?limit=1000&min_position={answer.json['position']}")

    assert answer.json["id"] in {each["id"] for each in listed.json["items"]}


def test_pages_follow_each_other_without_gap_or_double(caseworker: Desk, drain: Callable[[], None]):
    ids = {arrived(caseworker) for _ in range(7)}
    drain()

    found: list[str] = []
    path: str | None = "/v1/households?limit=3"
    while path:
        page = caseworker.get(path)
        found += [each["id"] for each in page.json["items"]]
        path = f"/v1/households?limit=3&cursor={page.json['next']}" if page.json["next"] else None

    assert len(found) == len(set(found))
    assert ids <= set(found)


def test_a_person_is_found_by_name_pinyin_and_phone_but_never_by_a_part_of_them(caseworker: Desk):
    household = arrived(caseworker, "诸葛亮", phone="13900001234")

    def found(**by: str) -> list[str]:
        answer = caseworker.post("/v1/households/search", by)
        return [each["household_id"] for each in answer.json["items"]]

    assert found(name="诸葛亮") == found(name="zhuge liang") == found(phone="139-0000-1234") == [household]
    assert found(name="诸葛") == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[" * 200 + b"]" * 200, "application/json", 400),
        (b"<a/>", "application/xml", 415),
        (b'{"arrived_on": "2013-01-05\\u0000"}', "application/json", 422),
        (b'{"community": "\\ud800"}', "application/json", 422),
        (b'{"arrived_on": 1e400}', "application/json", 422),
        (b"{}", "application/json", 422),
    ],
    ids=["cut", "deep", "xml", "nul", "surrogate", "infinite", "empty"],
)
def test_bad_input_is_a_problem_and_never_ours(caseworker: Desk, body: bytes, content_type: str, status: int):
    answer = caseworker.send("/v1/households", body, content_type)

    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.text


def test_an_error_is_told_in_the_language_that_is_asked_for(caseworker: Desk):
    chinese = caseworker.get("/v1/households/00000000-0000-7000-8000-000000000000").json
    english = caseworker.get("/v1/households/00000000-0000-7000-8000-000000000000", Accept_Language="en").json

    assert chinese["code"] == english["code"] == "not-found"
    assert (chinese["title"], english["title"]) == ("未找到", "Not found")


def test_an_unknown_parameter_is_refused_rather_than_ignored(caseworker: Desk):
    assert caseworker.get("/v1/households?bnad=A").status == 400


def test_nobody_gets_in_without_a_token(desk: DeskOf):
    assert desk(None).get("/v1/households").status == 401
    assert desk(None).get("/healthz").status == 200


def test_no_error_repeats_what_names_a_person(caseworker: Desk):
    answer = caseworker.post("/v1/households", arrival("司马懿", id_number="410105198003020011"))

    assert answer.status == 422
    assert "司马懿" not in answer.text
    assert "410105198003020011" not in answer.text
