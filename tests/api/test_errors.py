"""Bad input and its answers: always a problem in the reader's language, never a surprise, never somebody's data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from api.errors import BY_STATUS, FIELD_MESSAGES
from casework.errors import problems
from tests.api.conftest import Desk, DeskOf, arrival, arrived

ROOT = Path(__file__).parents[2]
JSON = "application/json"


@pytest.fixture
def clerk(desk: DeskOf) -> Desk:
    return desk()


def nested(depth: int) -> bytes:
    return b'{"members": ' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"", JSON, 400, "body-malformed"),
        (b"{", JSON, 400, "body-malformed"),
        (b"[]", JSON, 400, "body-malformed"),
        (b'{"remark": "a", "remark": "a"}', JSON, 400, "body-malformed"),
        (b'{"remark": ":", "r\\u0065mark": "a"}', JSON, 400, "body-malformed"),
        (b'{"remark": "a", "remark": "\\u003A"}', JSON, 400, "body-malformed"),
        (b'{"members": [{"sex": "male", "born_on": 1, "sex": "female"}]}', JSON, 400, "body-malformed"),
        (b'{"remark": "\\u003a:", "community": {"remark": ":"}}', JSON, 422, "invalid"),
        (b'"text"', JSON, 400, "body-malformed"),
        (b"null", JSON, 400, "body-malformed"),
        (b"\xff\xfe{}", JSON, 400, "body-malformed"),
        (b'{"limit": NaN}', JSON, 400, "body-malformed"),
        (b'{"limit": Infinity}', JSON, 400, "body-malformed"),
        (b"{} {}", JSON, 400, "body-malformed"),
        (nested(33), JSON, 400, "body-malformed"),
        (nested(100_000), JSON, 400, "body-malformed"),
        (b"[" * 500_000, JSON, 400, "body-malformed"),
        (b"{}", "text/plain", 415, "media-type"),
        (b"{}", "application/x-www-form-urlencoded", 415, "media-type"),
        (b"{}", "", 415, "media-type"),
        (b'{"remark": "' + b"x" * (1 << 20) + b'"}', JSON, 413, "body-too-large"),
        (b'{"remark": "a\\u0000b"}', JSON, 422, "invalid"),
        (b'{"remark": "\\ud800"}', JSON, 422, "invalid"),
        (b'{"remark": "\\udc00\\ud800"}', JSON, 422, "invalid"),
        (b'{"a\\u0000": 1}', JSON, 422, "invalid"),
        (b'{"limit": 1e999}', JSON, 422, "invalid"),
        (b'{"limit": ' + b"9" * 400 + b"}", JSON, 422, "invalid"),
        (b"{}", JSON, 422, "invalid"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else str(value),
)
def test_a_body_that_cannot_be_is_refused_politely(clerk: Desk, body: bytes, content_type: str, status: int, code: str):
    answer = clerk.send("/v1/households", body, content_type)

    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.json) >= {"type", "title", "status", "code", "detail", "instance", "request_id"}


def test_a_body_as_deep_as_allowed_gets_to_the_schema(clerk: Desk):
    assert clerk.send("/v1/households", nested(31)).json["code"] == "invalid"


def test_every_wrong_field_is_pointed_at(clerk: Desk):
    body = arrival()
    body |= {"arrived_on": "2013-02-30", "origin_division": "x", "surprise": 1, "community": None}
    body["members"][0] |= {"sex": "?", "born_on": "20130101", "migrant": "yes", "phone": 5, "student": []}
    del body["members"][0]["relation"]

    answer = clerk.post("/v1/households", body, Accept_Language="en")

    assert answer.status == 422
    assert {(each["pointer"], each["code"]) for each in answer.json["errors"]} == {
        ("/arrived_on", "field-date"),
        ("/community", "field-null"),
        ("/origin_division", "field-value"),
        ("", "field-unknown"),
        ("/members/0/sex", "unknown-code"),
        ("/members/0/born_on", "field-date"),
        ("/members/0/migrant", "field-type"),
        ("/members/0/phone", "field-type"),
        ("/members/0/student", "field-type"),
        ("/members/0/relation", "field-missing"),
    }
    assert all(each["hint"] for each in answer.json["errors"])


SECRET = "a419999198703295549"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("deliveries", {SECRET: 1}),
        ("deliveries", {"source": {SECRET: "\x00"}, "service": "COM-HALL", "delivered_on": "2013-03-01"}),
        ("deliveries", {"service": "COM-HALL", "delivered_on": "2013-03-01", "evidence": {SECRET: 1}}),
        ("deliveries", {"service": "COM-HALL", "delivered_on": "2013-03-01", "evidence": {SECRET: 1e20}}),
    ],
)
def test_a_name_that_is_not_ours_is_not_repeated(clerk: Desk, path: str, body: dict[str, Any]):
    answer = clerk.edit(arrived(clerk), path, body)

    assert answer.status == 422
    assert answer.json["errors"]
    assert SECRET not in answer.text


def test_a_path_that_is_not_ours_is_not_repeated(clerk: Desk):
    household = arrived(clerk)
    visit = {"service": "COM-HALL", "delivered_on": "2013-03-01"}
    episode = clerk.edit(household, "deliveries", visit).json["events"][0]["episode_id"]
    change = {"path": f"evidence.{SECRET}", "old": "x", "new": "y"}

    answer = clerk.edit(household, f"services/{episode}/corrections", {"changes": [change], "reason": "entry_error"})

    assert (answer.status, answer.json["code"]) == (409, "old-value-differs")
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "born_on", ["0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31", "2013-1-1", 20130101, None]
)
def test_dates_are_dates_of_this_era(clerk: Desk, born_on: Any):
    answer = clerk.post("/v1/households", arrival(born_on=born_on))

    assert answer.status == 422


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("colour=red", "", "parameter-unknown"),
        ("limit=0", "/limit", "field-value"),
        ("limit=1001", "/limit", "field-value"),
        ("limit=ten", "/limit", "field-value"),
        ("limit=5&limit=6", "/limit", "parameter-twice"),
        ("band=E", "/band", "unknown-code"),
        ("level=school", "/level", "level-and-band"),
        ("band=A&level=school&level_band=A", "/level_band", "level-and-band"),
        ("names=perhaps", "/names", "field-value"),
        ("min_position=17", "/min_position", "field-value"),
        ("min_position=65:1", "/min_position", "field-value"),
        *((f"unit={unit}", "/unit", "field-value") for unit in ("-", ".", "_", "-a", "..")),
    ],
)
def test_a_parameter_that_means_nothing_is_refused(clerk: Desk, query: str, pointer: str, code: str):
    answer = clerk.get(f"/v1/households?{query}")

    assert (answer.status, answer.json["code"]) == (400, "parameters-invalid")
    assert answer.json["errors"] == [{"pointer": pointer, "code": code, "hint": answer.json["errors"][0]["hint"]}]


@pytest.mark.parametrize("path", ["/v1/services", "/v1/codes", "/v1/units/4101", "/v1/policies/2013.1"])
def test_no_address_takes_parameters_that_it_does_not_know(clerk: Desk, path: str):
    assert clerk.get(f"{path}?all=true").status == 400


def test_a_wrong_cursor_is_refused(clerk: Desk):
    household = arrived(clerk)

    assert clerk.get("/v1/households?cursor=here").json["code"] == "cursor-invalid"
    assert clerk.get(f"/v1/households/{household}/timeline?cursor=-1").json["code"] == "cursor-invalid"


def test_a_wrong_method_says_which_is_right(clerk: Desk):
    response = clerk.client.delete("/v1/households", headers={"Authorization": f"Bearer {clerk.token}"})

    assert (response.status_code, response.get_json()["code"]) == (405, "method-not-allowed")
    assert set(response.headers["Allow"].split(", ")) >= {"GET", "POST"}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/nothing",
        "/v1/households/not-an-id",
        "/v1/households/01952f2c-7a10-7c3e-8a55-3f6d1c0b9e42",
        "/v1/households/6f2b6c0e-3a51-5f0e-9d0a-0c9b4a7e2013",
        "/v1/units/nobody",
        "/v1/units/%00",
        "/v1/units/" + "x" * 300,
        "/v1/services/NOTHING",
        "/v1/policies/../../etc/passwd",
        "/v1//units",
        "//v1/units",
    ],
)
def test_what_is_not_there_is_not_found(clerk: Desk, path: str):
    answer = clerk.get(path)

    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_a_request_keeps_the_id_that_it_came_with(clerk: Desk):
    given = "01952f2c-7a10-7c3e-8a55-3f6d1c0b9e42"

    named, unnamed = clerk.get("/v1/nothing", X_Request_Id=given), clerk.get("/v1/nothing", X_Request_Id="张三")

    assert named.headers["X-Request-Id"] == named.json["request_id"] == given
    assert unnamed.json["request_id"] == unnamed.headers["X-Request-Id"] != "张三"


def test_an_error_of_ours_says_nothing_but_that_it_is_ours(
    clerk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fails(*args: object) -> None:
        raise ValueError("欧阳震华 13812345678")

    monkeypatch.setattr("api.catalogue.codes.needs", fails)

    answer = clerk.get("/v1/needs")

    logged = caplog.records[-1].fields  # type: ignore[attr-defined]
    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert "欧阳" not in answer.text + str(logged)
    assert logged["failure"][0]["error"] == "ValueError"
    assert "list_needs" in str(logged)


def test_a_database_that_is_away_is_a_reason_to_try_again(clerk: Desk, monkeypatch: pytest.MonkeyPatch):
    import psycopg

    def away(*args: object, **named: object) -> None:
        raise psycopg.OperationalError("host 10.0.0.1 is unreachable")

    monkeypatch.setattr("api.units.unit_entries.found", away)

    answer = clerk.get("/v1/units/4101")

    assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "unavailable", "1")
    assert "10.0.0.1" not in answer.text


RAISED = re.compile(
    r"(?:Invalid|Refused|NotFound|Forbidden|Unavailable|CaseworkError|TokenRefused|HeaderMissing|MalformedParameters"
    r'|ValidationError|problem)\(\s*"([a-z-]+)"|default_code = "([a-z-]+)"|error="([a-z-]+)"'
    r'|FieldError\([^"]*"[^"]*", "([a-z-]+)"'
)


def test_every_problem_that_the_interface_can_tell_is_in_the_catalogue():
    told = {
        code
        for file in sorted((ROOT / "api").glob("*.py"))
        for match in RAISED.findall(file.read_text())
        for code in match
        if code
    }

    assert told
    assert told | set(BY_STATUS.values()) | set(FIELD_MESSAGES.values()) <= set(problems())


def test_every_problem_of_the_catalogue_is_told_somewhere_and_in_both_languages():
    sources = [file.read_text() for folder in ("api", "casework") for file in (ROOT / folder).rglob("*.py")]
    mentioned = {code for source in sources for code in re.findall(r'"([a-z][a-z0-9-]*)"', source)}

    assert set(problems()) - mentioned == set()
    for code, problem in problems().items():
        assert set(problem.title) == set(problem.detail) == {"zh", "en"}, code
        assert all([*problem.title.values(), *problem.detail.values()]), code
        assert 400 <= problem.status <= 503, code
